#include "datalake/server/token_store.h"

#include <algorithm>
#include <span>
#include <utility>

#include "datalake/base/hash.h"
#include "datalake/server/token_hash.h"

namespace datalake::server {
namespace {

constexpr std::size_t kMaxWrong = 1024;
constexpr std::size_t kMaxVerifying = 2;

// Without an early end that would tell where two digests differ.
template <typename Digest>
bool SameDigest(const Digest& a, const Digest& b) {
  std::byte difference{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= a[i] ^ b[i];
  }
  return difference == std::byte{};
}

std::shared_ptr<const Caller> CallerOf(const Token& token) {
  return std::make_shared<const Caller>(Caller{.token_id = token.id,
                                               .name = token.name,
                                               .roles = token.roles,
                                               .feeds = token.feeds,
                                               .providers = token.providers,
                                               .expires = token.expires,
                                               .requests_per_minute = token.requests_per_minute,
                                               .bytes_per_day = token.bytes_per_day});
}

}  // namespace

TokenStore::TokenStore(const TokenFile& file, const Clock& clock, Random& random)
    : file_(file), clock_(clock) {
  random.Fill(key_);
}

Status TokenStore::Reload() {
  DATALAKE_TRY_ASSIGN(std::vector<Token> tokens, file_.List());
  const MutexLock lock(mutex_);
  std::map<std::string, Entry, std::less<>> entries;
  for (Token& token : tokens) {
    Entry entry{.token = std::move(token), .caller = {}};
    entry.caller = CallerOf(entry.token);
    if (const auto old = entries_.find(entry.token.id);
        old != entries_.end() && old->second.token.hash == entry.token.hash) {
      entry.verified = old->second.verified;
      entry.digest = old->second.digest;
    }
    std::string id = entry.token.id;
    entries.emplace(std::move(id), std::move(entry));
  }
  entries_ = std::move(entries);
  generation_.fetch_add(1, std::memory_order_acq_rel);
  return {};
}

TokenStore::Digest TokenStore::KeyedDigest(std::string_view presented) const {
  // The key comes first and has the hash's own block to itself; all inputs have one length, so
  // nothing can be appended to one (no length extension).
  Sha256 hash;
  hash.Update(key_);
  hash.Update(std::as_bytes(std::span(presented.data(), presented.size())));
  return hash.Finish();
}

TokenStore::Answer TokenStore::FindLocked(const PresentedToken& parts, const Digest& digest) {
  const auto found = entries_.find(parts.id);
  if (found == entries_.end() || !found->second.token.Valid(clock_.Now())) {
    return {};
  }
  const Entry& entry = found->second;
  if (entry.verified) {
    return SameDigest(entry.digest, digest) ? Answer{Outcome::kKnown, entry.caller} : Answer{};
  }
  const bool wrong = std::any_of(wrong_.begin(), wrong_.end(), [&digest](const Digest& known) {
    return SameDigest(known, digest);
  });
  return {wrong ? Outcome::kUnknown : Outcome::kSlow, {}};
}

TokenStore::Answer TokenStore::Find(std::string_view presented) {
  const auto parts = ParsePresented(presented);
  if (!parts) {
    return {};
  }
  const Digest digest = KeyedDigest(presented);
  const MutexLock lock(mutex_);
  return FindLocked(*parts, digest);
}

TokenStore::Answer TokenStore::VerifySlowly(std::string_view presented) {
  const auto parts = ParsePresented(presented);
  if (!parts) {
    return {};
  }
  const Digest digest = KeyedDigest(presented);
  std::string hash;
  {
    const MutexLock lock(mutex_);
    Answer answer = FindLocked(*parts, digest);
    if (answer.outcome != Outcome::kSlow) {
      return answer;
    }
    if (verifying_ == kMaxVerifying) {
      return {Outcome::kBusy, {}};
    }
    ++verifying_;
    hash = entries_.find(parts->id)->second.token.hash;
  }
  const bool right = VerifySecret(hash, parts->secret);
  const MutexLock lock(mutex_);
  --verifying_;
  if (!right) {
    if (wrong_.size() == kMaxWrong) {
      wrong_.pop_front();
    }
    wrong_.push_back(digest);
    return {};
  }
  if (const auto found = entries_.find(parts->id);
      found != entries_.end() && found->second.token.hash == hash) {
    found->second.verified = true;
    found->second.digest = digest;
  }
  return FindLocked(*parts, digest);
}

bool TokenStore::HasValid() const {
  const MutexLock lock(mutex_);
  const Timestamp now = clock_.Now();
  return std::any_of(entries_.begin(), entries_.end(),
                     [now](const auto& entry) { return entry.second.token.Valid(now); });
}

}  // namespace datalake::server
