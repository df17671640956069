#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/mutex.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/server/caller.h"
#include "datalake/server/token_file.h"

namespace datalake::server {

/// The tokens of a running server, in memory. A secret is checked by argon2 once; from then on a
/// keyed hash of it is known, so that a request costs a hash at most. Thread-safe.
class TokenStore {
 public:
  enum class Outcome : std::uint8_t {
    kKnown,    ///< `caller` is set
    kUnknown,  ///< not a token, or wrong, revoked, expired
    kSlow,     ///< ask VerifySlowly, on a thread that may block
    kBusy,     ///< too many secrets are being checked; try again
  };

  struct Answer {
    Outcome outcome = Outcome::kUnknown;
    std::shared_ptr<const Caller> caller{};
  };

  /// All must outlive it.
  TokenStore(const TokenFile& file, const Clock& clock, Random& random);

  /// Reads the file again. Errors: those of TokenFile::List; the tokens stay as they were.
  Status Reload();

  /// Who presents this token, by memory alone: never blocks for long.
  Answer Find(std::string_view presented);

  /// As Find, with argon2 where it has to be: some 20 ms, two at once at most.
  Answer VerifySlowly(std::string_view presented);

  /// Changes with the tokens: what was found before may not be true any more.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  /// True when there is a token that may be used now.
  bool HasValid() const;

 private:
  using Digest = std::array<std::byte, 32>;

  struct Entry {
    Token token;
    std::shared_ptr<const Caller> caller;
    bool verified = false;
    Digest digest{};  // keyed, of the right secret, once it was verified
  };

  Digest KeyedDigest(std::string_view presented) const;
  Answer FindLocked(const PresentedToken& parts, const Digest& digest) DATALAKE_REQUIRES(mutex_);

  const TokenFile& file_;
  const Clock& clock_;
  std::array<std::byte, 32> key_{};
  std::atomic<std::uint64_t> generation_{1};
  mutable Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ DATALAKE_GUARDED_BY(mutex_);
  std::deque<Digest> wrong_ DATALAKE_GUARDED_BY(mutex_);  // the last ones that argon2 refused
  std::size_t verifying_ DATALAKE_GUARDED_BY(mutex_) = 0;
};

}  // namespace datalake::server
