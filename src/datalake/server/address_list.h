#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::server {

/// Networks of IP addresses: "127.0.0.0/8", "::1", "10.1.2.3". Immutable once filled.
class AddressList {
 public:
  /// Errors: kInvalidArgument.
  Status Add(std::string_view network);

  /// False for what is no address. A v4 address written as v6 (::ffff:10.0.0.1) counts as v4.
  bool Contains(std::string_view address) const;

  bool empty() const { return networks_.empty(); }

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes;  // v4 as ::ffff:0:0/96
    unsigned bits;
  };

  std::vector<Network> networks_;
};

/// The part of an address that stands for one client: v4 whole, of v6 the first 64 bits (a client
/// has as many addresses below them as it likes). What is no address stays as it is.
std::string ClientKey(std::string_view address);

}  // namespace datalake::server
