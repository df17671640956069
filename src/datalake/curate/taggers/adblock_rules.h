#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace datalake::curate {

/// Network rules of ad blockers (Adblock Plus syntax: `||host^`, `|`, `*`, `^`, `@@`, /regular
/// expressions/, `$options`), asked about the address of a page: a request of no known type and no
/// known source, as the Dolma toolkit asks the crate `adblock`. Cosmetic rules are passed over, and
/// rules with options that are unknown, or with expressions that RE2 does not know. Immutable and
/// thread-safe.
class AdblockRules {
 public:
  AdblockRules();
  ~AdblockRules();
  AdblockRules(AdblockRules&&) noexcept;
  AdblockRules& operator=(AdblockRules&&) noexcept;

  /// One rule a line.
  static AdblockRules Parse(std::span<const std::string> lines);

  bool empty() const;

  /// Whether a rule blocks `url`, "host[:port]/path" in lower case without scheme. Looks only at
  /// rules that share a host or a word with the URL, and at those that have neither.
  bool Blocks(std::string_view url) const;

 private:
  struct Index;
  std::unique_ptr<const Index> index_;
};

}  // namespace datalake::curate
