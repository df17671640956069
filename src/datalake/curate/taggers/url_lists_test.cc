#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/adblock_rules.h"
#include "datalake/curate/taggers/tagger_test_support.h"
#include "datalake/curate/taggers/url.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Compatibility kDolma = Compatibility::kDolma;

class UrlListsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(AddBuiltinTaggers(registry_), IsOk()); }

  Result<std::unique_ptr<const Tagger>> Make(std::string_view name, std::string_view list,
                                             Compatibility compatibility = Compatibility::kNone) {
    const std::string path = fmt::format("/list{}.txt", ++lists_);
    auto file = fs_.Create(path);
    EXPECT_THAT((*file)->Write(list), IsOk());
    EXPECT_THAT((*file)->Close(), IsOk());
    return registry_.Make(
        name, {.compatibility = compatibility, .fs = &fs_, .lists = {{std::string(name), path}}});
  }

  static bool Lists(const Tagger& tagger, std::string_view url) {
    const auto spans = SpansOf(tagger, "caf\u00e9", fmt::format(R"({{"url":"{}"}})", url));
    EXPECT_THAT(spans, ::testing::AnyOf(IsEmpty(), ElementsAre("url[0,4,1.00000]"))) << url;
    return !spans.empty();
  }

  io::MemoryFileSystem fs_;
  TaggerRegistry registry_;
  int lists_ = 0;
};

TEST_F(UrlListsTest, ReadsAllFormsOfLines) {
  const auto tagger =
      Make("blocklist_hosts_porn_v1",
           "# comment\n; comment\n! comment\n\n0.0.0.0 hosts.example\n"
           "  Plain.Example  \r\nhttp://www.url.example/path?q\n||adp.example^$3p\n"
           "203.0.113.9   both.example # tail\nbad both.example\nx\n::1 localhost\n");
  ASSERT_THAT(tagger, IsOk());
  for (const std::string_view host : {"hosts.example", "plain.example", "url.example",
                                      "adp.example", "both.example", "203.0.113.9"}) {
    EXPECT_TRUE(Lists(**tagger, fmt::format("https://{}/any/page", host))) << host;
    EXPECT_TRUE(Lists(**tagger, fmt::format("HTTP://u:p@{}:8080", host))) << host;
    EXPECT_FALSE(Lists(**tagger, fmt::format("http://sub.{}/", host))) << host;
  }
  for (const std::string_view host : {"localhost", "0.0.0.0", "bad", "x", "comment"}) {
    EXPECT_FALSE(Lists(**tagger, fmt::format("http://{}/", host))) << host;
  }
}

TEST_F(UrlListsTest, CutsWwwAsAWhole) {
  const auto ours =
      Make("blocklist_hosts_porn_v1", "www.example.com\nwow.example\n127.0.0.1 a.bc\n");
  const auto theirs =
      Make("blocklist_hosts_porn_v1", "www.example.com\nwow.example\n127.0.0.1 a.bc\n", kDolma);
  for (const auto* tagger : {&ours, &theirs}) {
    EXPECT_TRUE(Lists(***tagger, "http://example.com"));
    EXPECT_TRUE(Lists(***tagger, "http://www.example.com/x"));
    EXPECT_TRUE(Lists(***tagger, "http://wow.example/x"));
  }
  EXPECT_FALSE(Lists(**ours, "http://ow.example"));
  EXPECT_TRUE(Lists(**theirs, "http://ow.example"));
  EXPECT_FALSE(Lists(**ours, "http://127.0.0.1"));
  EXPECT_TRUE(Lists(**theirs, "http://127.0.0.1"));
}

TEST_F(UrlListsTest, LinksAreTakenWithTheirPaths) {
  const auto tagger = Make("link_blocklist_phishing_v1", "#x\nexample.com/a/b\nother.example\n");
  EXPECT_TRUE(Lists(**tagger, "https://EXAMPLE.com/x/../a/b/?q=1#f"));
  EXPECT_FALSE(Lists(**tagger, "https://example.com/a"));
  EXPECT_TRUE(Lists(**tagger, "other.example/"));
  EXPECT_FALSE(Lists(**tagger, "other.example/x"));
}

TEST_F(UrlListsTest, ReadsRowsOfWikidata) {
  constexpr std::string_view kRows =
      R"([{"url":"https://www.good.example/","description":"newspaper"},)"
      R"({"url":"http://bad.example","description":"Betting office"},{"url":null},7])";
  const auto all = Make("allowlist_wikidata_v1", kRows);
  const auto cleaned = Make("allowlist_wikidata_cleaned_v1", kRows);
  const auto theirs = Make("allowlist_wikidata_cleaned_v1", kRows, kDolma);
  for (const auto* tagger : {&all, &cleaned, &theirs}) {
    EXPECT_TRUE(Lists(***tagger, "http://good.example/page"));
    EXPECT_TRUE(Lists(***tagger, "http://a.b.c.good.example/page"));
  }
  EXPECT_TRUE(Lists(**all, "http://bad.example"));
  EXPECT_FALSE(Lists(**cleaned, "http://bad.example"));
  EXPECT_TRUE(Lists(**theirs, "http://bad.example"));
}

TEST_F(UrlListsTest, DocumentsWithoutUrlAreNotListed) {
  const auto ours = Make("blocklist_hosts_porn_v1", "a.example");
  const auto theirs = Make("blocklist_hosts_porn_v1", "a.example", kDolma);
  for (const std::string_view metadata : {"", "null", "{}", R"({"url":null})", R"({"url":" "})"}) {
    EXPECT_THAT(SpansOf(**ours, "x", metadata), IsEmpty()) << metadata;
  }
  EXPECT_THAT(SpansOf(**ours, "x", R"({"url":7})"),
              ElementsAre("rejected: metadata.url must be a string"));
  EXPECT_THAT(SpansOf(**ours, "x", "[]"), ElementsAre("rejected: metadata must be an object"));
  EXPECT_THAT(SpansOf(**ours, "x", R"({"url":"http://a:x/"})"), IsEmpty());
  EXPECT_THAT(SpansOf(**theirs, "x", R"({"url":"http://a:x/"})"),
              ElementsAre("rejected: metadata.url is no URL: bad port in a URL: x"));
}

TEST_F(UrlListsTest, ListsAreNamedInErrors) {
  EXPECT_THAT(registry_.Make("domain_blocklist_utp_v1", {}),
              IsError(ErrorCode::kInvalidArgument,
                      "tagger needs a list file; set lists.domain_blocklist_utp_v1"));
  EXPECT_THAT(registry_.Make("domain_blocklist_utp_v1",
                             {.fs = &fs_, .lists = {{"domain_blocklist_utp_v1", "/none"}}}),
              IsError(ErrorCode::kNotFound, "lists.domain_blocklist_utp_v1: "));
  EXPECT_THAT(Make("domain_blocklist_utp_v1", "# nothing\n"),
              IsError(ErrorCode::kInvalidArgument, "list is empty"));
  EXPECT_THAT(Make("domain_blocklist_utp_v1", "a.example\n\xff\n"),
              IsError(ErrorCode::kInvalidArgument, "list is not UTF-8"));
  EXPECT_THAT(Make("allowlist_wikidata_v1", "a.example\n"),
              IsError(ErrorCode::kInvalidArgument, ":1"));
}

TEST_F(UrlListsTest, AdblockListsAreRules) {
  const auto tagger = Make("oisd_big_abp_v1", "[Adblock Plus]\n! x\n||ads.example^\n");
  EXPECT_TRUE(Lists(**tagger, "https://x.ads.example/page"));
  EXPECT_FALSE(Lists(**tagger, "https://example/page"));
}

bool Blocks(std::vector<std::string> lines, std::string_view url) {
  return AdblockRules::Parse(lines).Blocks(url);
}

TEST(AdblockRulesTest, AnchorsHosts) {
  EXPECT_TRUE(Blocks({"||a.example^"}, "a.example"));
  EXPECT_TRUE(Blocks({"||a.example^"}, "b.a.example:80/x"));
  EXPECT_FALSE(Blocks({"||a.example^"}, "ba.example"));
  EXPECT_FALSE(Blocks({"||a.example^"}, "a.example.org"));
  EXPECT_TRUE(Blocks({"||a.example/ads/"}, "a.example/ads/1"));
  EXPECT_FALSE(Blocks({"||a.example/ads/"}, "a.example/x/ads/"));
  EXPECT_TRUE(Blocks({"||ad*.example^"}, "adserver.example"));
  EXPECT_TRUE(Blocks({"||example.co"}, "x.example.co/a"));
  EXPECT_FALSE(Blocks({"||example.co"}, "example.com"));
}

TEST(AdblockRulesTest, MatchesPatterns) {
  EXPECT_TRUE(Blocks({"/banner/*/img^"}, "a.example/banner/foo/img"));
  EXPECT_TRUE(Blocks({"/banner/*/img^"}, "a.example/banner/foo/bar/img?"));
  EXPECT_FALSE(Blocks({"/banner/*/img^"}, "a.example/banner/img"));
  EXPECT_FALSE(Blocks({"/banner/*/img^"}, "a.example/banner/foo/imgraph"));
  EXPECT_TRUE(Blocks({"|http://a.example/x.gif|"}, "a.example/x.gif"));
  EXPECT_FALSE(Blocks({"|http://a.example/x.gif|"}, "a.example/x.gif2"));
  EXPECT_TRUE(Blocks({"/ad[0-9]+\\.js/"}, "a.example/ad77.js"));
  EXPECT_FALSE(Blocks({"/(?=ad)/"}, "a.example/ad"));
}

TEST(AdblockRulesTest, OptionsAndExceptions) {
  EXPECT_FALSE(Blocks({"||a.example^", "@@||a.example/ok^"}, "a.example/ok"));
  EXPECT_TRUE(Blocks({"||a.example^", "@@||a.example/ok^"}, "a.example/no"));
  EXPECT_TRUE(Blocks({"||a.example^$important", "@@||a.example^"}, "a.example/ok"));
  EXPECT_TRUE(Blocks({"||a.example^$third-party"}, "a.example"));
  EXPECT_FALSE(Blocks({"||a.example^$~third-party"}, "a.example"));
  EXPECT_FALSE(Blocks({"||a.example^$script,image"}, "a.example"));
  EXPECT_TRUE(Blocks({"||a.example^$~script"}, "a.example"));
  EXPECT_FALSE(Blocks({"||a.example^$domain=b.example"}, "a.example"));
  EXPECT_TRUE(Blocks({"||a.example^$domain=~b.example"}, "a.example"));
  EXPECT_FALSE(Blocks({"a.example##.banner", "!a.example", "[a.example]"}, "a.example"));
}

TEST(AdblockRulesTest, StarsTakeNoExponentialTime) {
  const std::string rule = "/a*a*a*a*a*a*a*a*a*a*a*a*b";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(Blocks({rule}, "x.example/" + std::string(100'000, 'a')));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 20);
}

std::string Parsed(std::string_view text) {
  const auto url = ParseUrl(text);
  return url ? fmt::format("{} {} {} {}", url->scheme, url->host.value_or("none"), url->port,
                           url->path)
             : url.error().message;
}

// As urllib3 1.26.20 gives them.
TEST(UrlTest, ParsesAsUrllib3) {
  EXPECT_EQ(Parsed("HTTP://User:Pw@Example.COM:0080/a%2f%7e/./b/../c d?q#f"),
            "http example.com 80 /a%2F%7E/c%20d");
  EXPECT_EQ(Parsed("example.com:8080/x"), " example.com 8080 /x");
  EXPECT_EQ(Parsed("localhost:8080/x"), "localhost none 0 /8080/x");
  EXPECT_EQ(Parsed("mailto:a@b.example"), "mailto none 0 /a@b.example");
  EXPECT_EQ(Parsed("/only/path"), " none 0 /only/path");
  EXPECT_EQ(Parsed("http://[2001:DB8::1]:443/"), "http [2001:db8::1] 443 /");
  EXPECT_EQ(Parsed("http://b\u00fccher.example/\u00fc"), "http xn--bcher-kva.example 0 /%C3%BC");
  EXPECT_EQ(Parsed("http://\u4f8b\u3048.\u30c6\u30b9\u30c8"), "http xn--r8jz45g.xn--zckzah 0 ");
  EXPECT_EQ(Parsed("http://a.example/50%"), "http a.example 0 /50%25");
  EXPECT_EQ(Parsed("http://a.example/.."), "http a.example 0 /");
  EXPECT_EQ(Parsed("http://a:99999/"), "bad port in a URL: 99999");
  EXPECT_EQ(Parsed("http://[::g]/"), "bad host in a URL: [::g]");
  EXPECT_EQ(Parsed("http://a%zz/"), "bad host in a URL: a%zz");
}

}  // namespace
}  // namespace datalake::curate
