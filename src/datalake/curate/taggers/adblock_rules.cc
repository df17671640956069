#include "datalake/curate/taggers/adblock_rules.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "datalake/base/hash.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035 §2.3.4, without the last dot

bool IsAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What `^` does not stand for.
bool IsUrlCharacter(char c) {
  return IsAlnum(c) || c == '_' || c == '.' || c == '%' || c == '-' ||
         static_cast<unsigned char>(c) > 127;
}

struct Rule {
  std::string host;     // of `||host`; "" without
  std::string pattern;  // what follows it, or all of it
  std::shared_ptr<const RE2> expression;
  bool begins_host = false;   // `||`
  bool open_host = false;     // the host goes on: `||ads*`
  bool begins_url = false;    // `|` in front
  bool ends_url = false;      // `|` behind
  bool is_exception = false;  // `@@`
  bool is_important = false;
};

// Whether `pattern` with `*` and `^` matches at the front of `text`, up to its end if `to_end`.
// Greedy from star to star: linear in most texts, at worst the product of the lengths.
bool MatchesFront(std::string_view pattern, std::string_view text, bool to_end) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::optional<std::size_t> star;
  std::size_t star_text = 0;
  while (true) {
    if (p == pattern.size() && (!to_end || t == text.size())) {
      return true;
    }
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && t < text.size() &&
               (pattern[p] == text[t] || (pattern[p] == '^' && !IsUrlCharacter(text[t])))) {
      ++p;
      ++t;
    } else if (p < pattern.size() && t == text.size() && pattern[p] == '^') {
      ++p;  // `^` stands for the end too
    } else if (star && star_text < text.size()) {
      p = *star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
}

// As `adblock` anchors: whole labels, but for open ends.
bool HostMatchesAt(const Rule& rule, std::string_view host, std::size_t at) {
  const std::size_t end = at + rule.host.size();
  const bool begins = at == 0 || rule.host.starts_with('.') || host[at - 1] == '.';
  const bool ends =
      end == host.size() || rule.open_host || rule.host.ends_with('.') || host[end] == '.';
  return begins && ends;
}

struct Request {
  std::string url;  // with its scheme
  std::size_t host_begin = 0;
  std::size_t host_end = 0;

  std::string_view host() const {
    return std::string_view(url).substr(host_begin, host_end - host_begin);
  }
};

bool Matches(const Rule& rule, const Request& request) {
  const std::string_view url = request.url;
  if (rule.expression != nullptr) {
    return RE2::PartialMatch(re2::StringPiece(url.data(), url.size()), *rule.expression);
  }
  if (rule.begins_host) {
    const std::string_view host = request.host();
    for (std::size_t at = host.find(rule.host); at != std::string_view::npos;
         at = host.find(rule.host, at + 1)) {
      const std::size_t behind = request.host_begin + at + rule.host.size();
      if (HostMatchesAt(rule, host, at) &&
          MatchesFront(rule.pattern, url.substr(behind), rule.ends_url)) {
        return true;
      }
    }
    return false;
  }
  if (rule.begins_url) {
    return MatchesFront(rule.pattern, url, rule.ends_url);
  }
  return MatchesFront("*" + rule.pattern, url, rule.ends_url);
}

// What options say about our request; rules with unknown ones do not apply.
struct Options {
  bool applies = true;
  bool is_important = false;
  bool match_case = false;
};

Options ParseOptions(std::string_view text) {
  constexpr std::array<std::string_view, 18> kOtherTypes = {
      "script", "image",       "stylesheet", "css",       "object", "xmlhttprequest",
      "xhr",    "subdocument", "frame",      "websocket", "font",   "media",
      "ping",   "beacon",      "document",   "doc",       "popup",  "webrtc"};
  Options options;
  bool wants_types = false;
  bool has_our_type = false;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view option = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const bool negated = option.starts_with('~');
    option.remove_prefix(negated ? 1 : 0);
    const bool other_type =
        std::find(kOtherTypes.begin(), kOtherTypes.end(), option) != kOtherTypes.end();
    if (option == "third-party" || option == "3p") {
      options.applies = options.applies && !negated;
    } else if (option == "first-party" || option == "1p") {
      options.applies = options.applies && negated;
    } else if (option == "important") {
      options.is_important = true;
    } else if (option == "match-case") {
      options.match_case = true;
    } else if (option == "other" || option == "all") {
      wants_types = wants_types || !negated;
      has_our_type = !negated;
      options.applies = options.applies && !negated;
    } else if (other_type) {
      wants_types = wants_types || !negated;
    } else if (option.starts_with("domain=") || option.starts_with("from=")) {
      // No source: only rules for all sites but some apply.
      std::string_view domains = option.substr(option.find('=') + 1);
      while (!domains.empty()) {
        const std::size_t bar = std::min(domains.find('|'), domains.size());
        options.applies = options.applies && domains.starts_with('~');
        domains.remove_prefix(std::min(bar + 1, domains.size()));
      }
    } else {
      options.applies = false;
    }
  }
  options.applies = options.applies && (!wants_types || has_our_type);
  return options;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return lower;
}

bool IsCosmetic(std::string_view line) {
  for (const std::string_view mark : {"##", "#@#", "#?#", "#$#", "#%#", "#@?#", "#@$#", "#@%#"}) {
    if (line.find(mark) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

std::optional<Rule> ParseRule(std::string_view line) {
  if (line.size() < 2 || line[0] == '!' || line[0] == '[' || IsCosmetic(line)) {
    return std::nullopt;
  }
  Rule rule;
  rule.is_exception = line.starts_with("@@");
  line.remove_prefix(rule.is_exception ? 2 : 0);
  const bool ends_as_expression = line.size() > 2 && line[0] == '/' && line.back() == '/';
  Options options;
  if (const std::size_t dollar = line.rfind('$'); dollar != line.npos && !ends_as_expression) {
    options = ParseOptions(line.substr(dollar + 1));
    line = line.substr(0, dollar);
  }
  if (!options.applies) {
    return std::nullopt;
  }
  rule.is_important = options.is_important;
  if (line.size() > 2 && line[0] == '/' && line.back() == '/') {
    RE2::Options how(RE2::Quiet);
    how.set_case_sensitive(options.match_case);
    const std::string_view expression = line.substr(1, line.size() - 2);
    rule.expression =
        std::make_shared<const RE2>(re2::StringPiece(expression.data(), expression.size()), how);
    return rule.expression->ok() ? std::optional(std::move(rule)) : std::nullopt;
  }
  rule.begins_host = line.starts_with("||");
  rule.begins_url = !rule.begins_host && line.starts_with('|');
  line.remove_prefix(rule.begins_host ? 2 : rule.begins_url ? 1 : 0);
  rule.ends_url = line.ends_with('|');
  line.remove_suffix(rule.ends_url ? 1 : 0);
  rule.pattern = options.match_case ? std::string(line) : ToLower(line);
  if (rule.begins_host) {
    const std::size_t end = std::min(rule.pattern.find_first_of("/^*"), rule.pattern.size());
    rule.host = rule.pattern.substr(0, end);
    rule.open_host = end < rule.pattern.size() && rule.pattern[end] == '*';
    rule.pattern.erase(0, end);
  }
  if (!rule.begins_url && !rule.begins_host) {
    rule.pattern.erase(0, std::min(rule.pattern.find_first_not_of('*'), rule.pattern.size()));
  }
  while (!rule.ends_url && rule.pattern.ends_with('*')) {
    rule.pattern.pop_back();
  }
  const bool says_nothing = rule.pattern.empty() && rule.host.empty();
  return says_nothing ? std::nullopt : std::optional(std::move(rule));
}

bool IsWordCharacter(char c) {
  return IsAlnum(c) || c == '%';
}

// Calls `visit(word, begin, end)` for each run of letters, digits and `%`.
template <typename Visit>
void ForEachWord(std::string_view text, Visit visit) {
  for (std::size_t begin = 0; begin < text.size();) {
    if (!IsWordCharacter(text[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < text.size() && IsWordCharacter(text[end])) {
      ++end;
    }
    visit(text.substr(begin, end - begin), begin, end);
    begin = end;
  }
}

// The longest word that any URL the rule matches has; "" when there is none.
std::string_view KeyWord(const Rule& rule) {
  std::string_view best;
  const std::string_view pattern = rule.pattern;
  ForEachWord(pattern, [&](std::string_view word, std::size_t begin, std::size_t end) {
    const bool begins = begin == 0 ? rule.begins_url : pattern[begin - 1] != '*';
    const bool ends = end == pattern.size() ? rule.ends_url : pattern[end] != '*';
    if (begins && ends && word.size() > best.size()) {
      best = word;
    }
  });
  return best;
}

}  // namespace

struct AdblockRules::Index {
  using Rules = std::vector<Rule>;

  struct Hash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const { return Xxh3Hash64(text); }
  };

  using Map = std::unordered_map<std::string, Rules, Hash, std::equal_to<>>;

  Map by_host;
  Map by_word;
  Rules others;

  void Add(Rule rule) {
    const bool whole_labels = rule.begins_host && !rule.open_host && !rule.host.empty() &&
                              !rule.host.starts_with('.') && !rule.host.ends_with('.');
    if (whole_labels) {
      Rules& rules = by_host[rule.host];
      rules.push_back(std::move(rule));
    } else if (const std::string word(rule.begins_host ? "" : KeyWord(rule)); !word.empty()) {
      by_word[word].push_back(std::move(rule));
    } else {
      others.push_back(std::move(rule));
    }
  }

  // Calls `visit` for all rules that may match.
  template <typename Visit>
  void ForEachCandidate(const Request& request, Visit visit) const {
    const auto visit_all = [&](const Map& map, std::string_view key) {
      if (const auto found = map.find(key); found != map.end()) {
        std::for_each(found->second.begin(), found->second.end(), visit);
      }
    };
    const std::string_view host = request.host();
    for (std::size_t begin = 0; begin <= host.size();) {
      const std::size_t next = std::min(host.find('.', begin), host.size());
      for (std::size_t end = next; end <= host.size();) {
        visit_all(by_host, host.substr(begin, end - begin));
        end = end == host.size() ? end + 1 : std::min(host.find('.', end + 1), host.size());
      }
      begin = next + 1;
    }
    ForEachWord(request.url,
                [&](std::string_view word, std::size_t, std::size_t) { visit_all(by_word, word); });
    std::for_each(others.begin(), others.end(), visit);
  }
};

AdblockRules::AdblockRules() : index_(std::make_unique<Index>()) {}

AdblockRules::~AdblockRules() = default;
AdblockRules::AdblockRules(AdblockRules&&) noexcept = default;
AdblockRules& AdblockRules::operator=(AdblockRules&&) noexcept = default;

AdblockRules AdblockRules::Parse(std::span<const std::string> lines) {
  auto index = std::make_unique<Index>();
  for (const std::string& line : lines) {
    if (std::optional<Rule> rule = ParseRule(line)) {
      index->Add(*std::move(rule));
    }
  }
  AdblockRules rules;
  rules.index_ = std::move(index);
  return rules;
}

bool AdblockRules::empty() const {
  return index_->by_host.empty() && index_->by_word.empty() && index_->others.empty();
}

bool AdblockRules::Blocks(std::string_view url) const {
  constexpr std::string_view kScheme = "http://";
  Request request;
  request.url = std::string(kScheme) + std::string(url);
  request.host_begin = kScheme.size();
  request.host_end = std::min(request.url.find_first_of(":/", kScheme.size()), request.url.size());
  if (request.host_end == request.url.size()) {
    request.url.push_back('/');  // as the URL standard writes it
  }
  if (request.host().empty() || request.host().size() > kMaxHostBytes) {
    return false;
  }
  bool blocked = false;
  bool important = false;
  bool excepted = false;
  index_->ForEachCandidate(request, [&](const Rule& rule) {
    const bool asked = rule.is_exception ? excepted : blocked && (important || !rule.is_important);
    if (asked || !Matches(rule, request)) {
      return;
    }
    excepted = excepted || rule.is_exception;
    blocked = blocked || !rule.is_exception;
    important = important || (rule.is_important && !rule.is_exception);
  });
  return blocked && (important || !excepted);
}

}  // namespace datalake::curate
