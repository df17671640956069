#include "datalake/server/address_list.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/asio/ip/address.hpp>

namespace datalake::server {
namespace {

namespace ip = boost::asio::ip;

using Bytes = std::array<std::uint8_t, 16>;

constexpr unsigned kV4Prefix = 96;

std::optional<ip::address> ParseAddress(std::string_view text) {
  boost::system::error_code code;
  const ip::address address = ip::make_address(std::string(text), code);
  return code ? std::nullopt : std::optional<ip::address>(address);
}

Bytes BytesOf(const ip::address& address) {
  return address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes()
                         : address.to_v6().to_bytes();
}

}  // namespace

Status AddressList::Add(std::string_view network) {
  const std::size_t slash = network.find('/');
  const auto address = ParseAddress(network.substr(0, slash));
  const Error bad{ErrorCode::kInvalidArgument,
                  "not an address or network: " + std::string(network)};
  if (!address) {
    return bad;
  }
  unsigned bits = address->is_v4() ? 32 : 128;
  if (slash != std::string_view::npos) {
    const std::string_view text = network.substr(slash + 1);
    unsigned given = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), given);
    if (error != std::errc() || end != text.data() + text.size() || given > bits) {
      return bad;
    }
    bits = given;
  }
  networks_.push_back({BytesOf(*address), address->is_v4() ? bits + kV4Prefix : bits});
  return {};
}

bool AddressList::Contains(std::string_view address) const {
  const auto parsed = ParseAddress(address);
  if (!parsed) {
    return false;
  }
  const Bytes bytes = BytesOf(*parsed);
  return std::any_of(networks_.begin(), networks_.end(), [&bytes](const Network& network) {
    const std::size_t whole = network.bits / 8;
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                    network.bytes.begin())) {
      return false;
    }
    const unsigned rest = network.bits % 8;
    const unsigned mask = rest == 0 ? 0U : (0xffU << (8 - rest)) & 0xffU;
    return rest == 0 || ((bytes[whole] ^ network.bytes[whole]) & mask) == 0;
  });
}

std::string ClientKey(std::string_view address) {
  const auto parsed = ParseAddress(address);
  if (!parsed || parsed->is_v4()) {
    return std::string(address);
  }
  const ip::address_v6 v6 = parsed->to_v6();
  if (v6.is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, v6).to_string();
  }
  Bytes bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return ip::make_address_v6(bytes).to_string() + "/64";
}

}  // namespace datalake::server
