// Taggers that look a document's metadata.url up in a list of URLs or domains. The toolkit fetches
// its lists; ours come from files that `lists` of the configuration names by tagger. Where ours
// differ by default (docs/dolma-compat.md): "www." is cut as a whole, addresses of the local host
// are no entries, and the rows of allowlist_wikidata_cleaned_v1 are those its rules accept.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/curate/taggers/adblock_rules.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/curate/taggers/url.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/glob.h"
#include "datalake/json/tree.h"
#include "datalake/text/trim.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

// What a list's entries are, and how they are written.
enum class ListKind : std::uint8_t {
  kDomains,
  kUrls,  // lines as they are
  kAdblock,
  kWikidata,         // JSON: rows with `url`
  kCleanedWikidata,  // the rows of good fame
};

struct ListTagger {
  std::string_view name;
  ListKind kind;
  std::string_view summary;
};

constexpr std::array<ListTagger, 27> kListTaggers = {{
    {"allowlist_wikidata_cleaned_v1", ListKind::kCleanedWikidata, "sites of Wikidata, cleaned"},
    {"allowlist_wikidata_v1", ListKind::kWikidata, "sites of Wikidata"},
    {"blocklist_firebog_ads_v1", ListKind::kDomains, "Firebog: advertisements"},
    {"blocklist_firebog_crypto_v1", ListKind::kDomains, "Firebog: crypto-mining"},
    {"blocklist_firebog_malicious_v1", ListKind::kDomains, "Firebog: malicious sites"},
    {"blocklist_firebog_nsfw_v1", ListKind::kDomains, "Firebog: adult sites"},
    {"blocklist_firebog_social_v1", ListKind::kDomains, "Firebog: social networks"},
    {"blocklist_firebog_suspicious_v1", ListKind::kDomains, "Firebog: suspicious sites"},
    {"blocklist_firebog_trackers_v1", ListKind::kDomains, "Firebog: trackers"},
    {"blocklist_hosts_adware_malware_v1", ListKind::kDomains, "Hosts: adware and malware"},
    {"blocklist_hosts_fakenews_v1", ListKind::kDomains, "Hosts: fake news"},
    {"blocklist_hosts_gambling_v1", ListKind::kDomains, "Hosts: gambling"},
    {"blocklist_hosts_porn_v1", ListKind::kDomains, "Hosts: adult sites"},
    {"blocklist_hosts_social_v1", ListKind::kDomains, "Hosts: social networks"},
    {"blocklist_project_ads_v1", ListKind::kDomains, "Block List Project: advertisements"},
    {"blocklist_project_crime_v1", ListKind::kDomains, "Block List Project: crime"},
    {"blocklist_project_nsfw_v1", ListKind::kDomains, "Block List Project: adult sites"},
    {"blocklist_project_social_v1", ListKind::kDomains, "Block List Project: social networks"},
    {"blocklist_project_vice_v1", ListKind::kDomains, "Block List Project: vice"},
    {"brave_core_abp_v1", ListKind::kAdblock, "Brave: advertisements"},
    {"brave_nsfw_abp_v1", ListKind::kAdblock, "Brave: adult sites"},
    {"domain_blocklist_phishing_v1", ListKind::kDomains, "Phishing database: domains"},
    {"domain_blocklist_utp_v1", ListKind::kDomains, "University of Toulouse: adult sites"},
    {"link_blocklist_phishing_v1", ListKind::kUrls, "Phishing database: links"},
    {"oisd_big_abp_v1", ListKind::kAdblock, "OISD: big list"},
    {"oisd_nsfw_abp_v1", ListKind::kAdblock, "OISD: adult sites"},
    {"oisd_small_abp_v1", ListKind::kAdblock, "OISD: small list"},
}};

bool IsDomainKind(ListKind kind) {
  return kind != ListKind::kUrls && kind != ListKind::kAdblock;
}

bool IsWikidata(ListKind kind) {
  return kind == ListKind::kWikidata || kind == ListKind::kCleanedWikidata;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return lower;
}

struct EntryHash {
  using is_transparent = void;

  std::size_t operator()(std::string_view entry) const { return Xxh3Hash64(entry); }
};

using Entries = std::unordered_set<std::string, EntryHash, std::equal_to<>>;

// "host[:port]path" of a URL without a slash at the end; nothing for white space and what is none.
Result<std::vector<std::string>> CleanUrl(std::string_view text) {
  if (text::Strip(text).empty()) {
    return std::vector<std::string>();
  }
  DATALAKE_TRY_ASSIGN(const Url url, ParseUrl(text));
  std::string clean = url.host.value_or("none");  // Python's None, as the toolkit writes it
  if (url.port != 0) {
    clean += fmt::format(":{}", url.port);
  }
  clean += url.path;
  clean.resize(clean.find_last_not_of('/') + 1);
  return std::vector<std::string>{ToLower(clean)};
}

std::string WithoutWww(std::string host, Compatibility compatibility) {
  if (compatibility == Compatibility::kDolma) {
    host.erase(0, std::min(host.find_first_not_of("w."), host.size()));  // str.lstrip("www.")
  } else if (host.starts_with("www.")) {
    host.erase(0, 4);
  }
  return host;
}

// What is behind the last but one dot, when there are more than two.
std::string BaseDomain(const std::string& host) {
  if (std::count(host.begin(), host.end(), '.') <= 2) {
    return host;
  }
  return host.substr(host.rfind('.', host.rfind('.') - 1) + 1);
}

// How URLs of documents and of lists are brought into the form of entries.
class Cleaner {
 public:
  Cleaner(ListKind kind, Compatibility compatibility)
      : kind_(kind), compatibility_(compatibility) {}

  Result<std::vector<std::string>> Clean(std::string_view url) const {
    DATALAKE_TRY_ASSIGN(std::vector<std::string> urls, CleanUrl(url));
    if (!IsDomainKind(kind_) || urls.empty()) {
      return urls;
    }
    DATALAKE_TRY_ASSIGN(const Url parsed, ParseUrl(urls.front()));
    if (!parsed.host || parsed.host->empty()) {
      return std::vector<std::string>();
    }
    const std::string host = WithoutWww(*parsed.host, compatibility_);
    std::vector<std::string> hosts;
    for (std::string name : {host, "www." + host}) {
      if (IsWikidata(kind_)) {
        hosts.push_back(name);
        name = BaseDomain(name);
      }
      hosts.push_back(std::move(name));
    }
    return hosts;
  }

 private:
  ListKind kind_;
  Compatibility compatibility_;
};

bool IsLabelCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Length of the longest `([a-z0-9\-_]+\.?){2,}` at the front: two label characters, single dots.
std::size_t HostSize(std::string_view text) {
  std::size_t at = 0;
  std::size_t label_characters = 0;
  while (at < text.size() && IsLabelCharacter(text[at])) {
    while (at < text.size() && IsLabelCharacter(text[at])) {
      ++at;
      ++label_characters;
    }
    at += at < text.size() && text[at] == '.' ? 1 : 0;
  }
  return label_characters >= 2 ? at : 0;
}

bool IsIpAddress(std::string_view text) {
  const std::string address(text);
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
}

// Lines of host files, plain lists, and `||host^` of ad blockers.
class LineReader {
 public:
  LineReader(const Cleaner& cleaner, Compatibility compatibility, Entries& entries)
      : cleaner_(cleaner), compatibility_(compatibility), entries_(entries) {}

  // Adds what the line names; a line that names nothing is no error.
  void Add(std::string_view raw) {
    const std::string lower = ToLower(text::Strip(raw));
    const std::string_view line = lower;
    if (line.empty() || line[0] == '#' || line[0] == ';' || line[0] == '!') {
      return;
    }
    const std::size_t address = std::min(line.find_first_not_of("0123456789abcdef.:"), line.size());
    const std::size_t name = std::min(line.find_first_not_of(" \t\v\f\r\n", address), line.size());
    const std::string_view host = line.substr(name, HostSize(line.substr(name)));
    if (address > 0 && name > address && !host.empty()) {
      AddPair(line.substr(0, address), host);
    } else if (HostSize(line) > 0) {
      AddCleaned(line);
    } else if (line[0] == '|') {
      const std::string_view rest = line.substr(line.find_first_not_of('|'));
      const std::size_t size = HostSize(rest);
      if (size > 0 && size < rest.size() && rest[size] == '^') {
        entries_.emplace(rest.substr(0, size));
      }
    }
  }

 private:
  void AddPair(std::string_view address, std::string_view host) {
    if (!IsIpAddress(address)) {
      return;
    }
    const bool is_local = address == "127.0.0.1" || address == "0.0.0.0" || address == "::1";
    if (!is_local || compatibility_ == Compatibility::kDolma) {
      entries_.emplace(address);
    }
    if (host != "localhost" && host != "localdomain") {
      AddCleaned(host);
    }
  }

  void AddCleaned(std::string_view url) {
    if (auto hosts = cleaner_.Clean(url)) {
      entries_.insert(std::make_move_iterator(hosts->begin()),
                      std::make_move_iterator(hosts->end()));
    }
  }

  const Cleaner& cleaner_;
  Compatibility compatibility_;
  Entries& entries_;
};

bool HasAny(std::string_view text, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

// The rule of the toolkit's AllowlistWikidataCleanedTagger, which it never asks.
bool IsOfGoodFame(std::string_view url, std::string_view description) {
  constexpr std::array<std::string_view, 30> kWords = {
      "sex",     "adult",    "satire",          "gossip",        "tabloid",
      "tracker", "dating",   "image",           "humor",         "joke",
      "comedy",  "porn",     "social media",    "freemium",      "betting",
      "casino",  "gambling", "celebrity",       "4chan",         "camming",
      "escort",  "hentai",   "imageboard",      "image hosting", "crowdfunding",
      "nudity",  "comic",    "online database", "company",       "website"};
  constexpr std::array<std::string_view, 9> kEndings = {
      ".xxx", ".adult", ".sex", ".porn", ".sexy", ".dating", ".cam", ".tube", ".chat"};
  return !description.empty() && !HasAny(ToLower(description), kWords) && !HasAny(url, kEndings);
}

class ListReader {
 public:
  ListReader(io::FileSystem& fs, ListKind kind, Compatibility compatibility)
      : fs_(fs), kind_(kind), compatibility_(compatibility), cleaner_(kind, compatibility) {}

  // `path` may be a pattern of several files.
  Status Read(const std::string& path) {
    std::vector<std::string> files = {path};
    if (io::IsGlob(path)) {
      DATALAKE_TRY_ASSIGN(files, io::Glob(fs_, path));
    }
    for (const std::string& file : files) {
      DATALAKE_TRY(ReadFile(file));
    }
    return {};
  }

  Entries& entries() { return entries_; }

  std::vector<std::string>& rules() { return rules_; }

 private:
  static constexpr std::size_t kPieceBytes = 1 << 20;
  static constexpr std::size_t kMaxLineBytes = std::size_t{256} << 20;  // Wikidata: all on one

  Status ReadFile(const std::string& path) {
    DATALAKE_TRY_ASSIGN(auto input, io::OpenCompressed(fs_, path));
    std::string pending;  // a line not yet ended
    std::size_t line = 1;
    while (true) {
      const std::size_t kept = pending.size();
      if (kept > kMaxLineBytes) {
        return Error{ErrorCode::kResourceExhausted,
                     fmt::format("line of a list is too long: {}:{}", path, line)};
      }
      pending.resize(kept + kPieceBytes);
      DATALAKE_TRY_ASSIGN(const std::size_t bytes,
                          input->Read(std::as_writable_bytes(std::span(pending).subspan(kept))));
      pending.resize(kept + bytes);
      std::size_t begin = 0;
      for (std::size_t end = pending.find('\n', kept); end != std::string::npos || bytes == 0;
           end = pending.find('\n', begin)) {
        end = std::min(end, pending.size());
        DATALAKE_TRY(AddLine(std::string_view(pending).substr(begin, end - begin), path, line++));
        begin = std::min(end + 1, pending.size());
        if (begin == pending.size()) {
          break;
        }
      }
      if (bytes == 0) {
        return {};
      }
      pending.erase(0, begin);
    }
  }

  Status AddLine(std::string_view line, const std::string& path, std::size_t number) {
    if (!text::IsValidUtf8(line)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("list is not UTF-8: {}:{}", path, number)};
    }
    switch (kind_) {
      case ListKind::kDomains:
        LineReader(cleaner_, compatibility_, entries_).Add(line);
        return {};
      case ListKind::kUrls:
        if (const std::string_view url = text::Strip(line); !url.empty() && url[0] != '#') {
          entries_.insert(ToLower(url));
        }
        return {};
      case ListKind::kAdblock:
        if (!line.starts_with('!')) {
          rules_.emplace_back(text::Strip(line));
        }
        return {};
      case ListKind::kWikidata:
      case ListKind::kCleanedWikidata:
        return AddRows(line, path, number);
    }
    return {};
  }

  // A JSON array of rows on one line.
  Status AddRows(std::string_view line, const std::string& path, std::size_t number) {
    if (text::Strip(line).empty()) {
      return {};
    }
    auto rows = json::Tree::Parse(line);
    if (!rows || rows->root().type() != json::NodeType::kArray) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("list is no JSON array of rows: {}:{}", path, number)};
    }
    rows->root().ForEachItem([&](json::Node row) {
      std::string_view url;
      std::string_view description;
      if (row.type() == json::NodeType::kObject) {
        row.ForEachMember([&](std::string_view key, json::Node value) {
          url = key == "url" ? value.GetString() : url;
          description = key == "description" ? value.GetString() : description;
        });
      }
      if (kind_ == ListKind::kCleanedWikidata && compatibility_ != Compatibility::kDolma &&
          !IsOfGoodFame(url, description)) {
        return;
      }
      if (const auto hosts = cleaner_.Clean(url)) {
        for (const std::string& host : *hosts) {
          LineReader(cleaner_, compatibility_, entries_).Add(host);
        }
      }
    });
    return {};
  }

  io::FileSystem& fs_;
  ListKind kind_;
  Compatibility compatibility_;
  Cleaner cleaner_;
  Entries entries_;
  std::vector<std::string> rules_;
};

class UrlList final : public Tagger {
 public:
  UrlList(ListKind kind, Compatibility compatibility, Entries entries, AdblockRules rules)
      : kind_(kind),
        compatibility_(compatibility),
        cleaner_(kind, compatibility),
        entries_(std::move(entries)),
        rules_(std::move(rules)) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 1> kTypes = {"url"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const auto url = document.metadata("url");
    if (!url || url->type() == json::NodeType::kNull) {
      return;
    }
    if (url->type() != json::NodeType::kString) {
      document.Reject("metadata.url must be a string");
      return;
    }
    const Result<bool> listed = IsListed(url->GetString());
    if (!listed && compatibility_ == Compatibility::kDolma) {
      document.Reject("metadata.url is no URL: " + listed.error().message);
    } else if (listed && *listed) {
      out.push_back({0, 0, document.size_chars(), 1});
    }
  }

 private:
  Result<bool> IsListed(std::string_view url) const {
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> names, cleaner_.Clean(url));
    for (const std::string& name : names) {
      DATALAKE_TRY_ASSIGN(const bool has_it, Has(name));
      if (has_it) {
        return true;
      }
    }
    return false;
  }

  Result<bool> Has(const std::string& name) const {
    if (kind_ == ListKind::kAdblock) {
      return rules_.Blocks(name);
    }
    if (!IsWikidata(kind_)) {
      return entries_.contains(name);
    }
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> names, cleaner_.Clean(name));
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& other) { return entries_.contains(other); });
  }

  ListKind kind_;
  Compatibility compatibility_;
  Cleaner cleaner_;
  Entries entries_;
  AdblockRules rules_;
};

Result<std::unique_ptr<const Tagger>> MakeUrlList(const ListTagger& tagger,
                                                  const TaggerSettings& settings) {
  const auto path = settings.lists.find(tagger.name);
  if (path == settings.lists.end() || settings.fs == nullptr) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("tagger needs a list file; set lists.{} in the configuration", tagger.name)};
  }
  ListReader reader(*settings.fs, tagger.kind, settings.compatibility);
  const auto with_key = [&](const Error& error) {
    return Error{error.code, fmt::format("lists.{}: {}", tagger.name, error.message)};
  };
  if (const Status read = reader.Read(path->second); !read) {
    return with_key(read.error());
  }
  AdblockRules rules = AdblockRules::Parse(reader.rules());
  if (reader.entries().empty() && rules.empty()) {
    return with_key({ErrorCode::kInvalidArgument, "list is empty: " + path->second});
  }
  return std::make_unique<UrlList>(tagger.kind, settings.compatibility, std::move(reader.entries()),
                                   std::move(rules));
}

}  // namespace

Status AddUrlListTaggers(TaggerRegistry& registry) {
  for (const ListTagger& tagger : kListTaggers) {
    DATALAKE_TRY(registry.Add(
        tagger.name, fmt::format("whether metadata.url is in a list; {}", tagger.summary),
        [&tagger](const TaggerSettings& settings) { return MakeUrlList(tagger, settings); }));
  }
  return {};
}

}  // namespace datalake::curate
