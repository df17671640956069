// Configs of the forms that the Dolma toolkit's users have (github.com/allenai/dolma, configs/ and
// tests/config/, Apache-2.0; cut down, paths changed) must be understood as they are.
#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/dedupe.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/stat.h"
#include "datalake/curate/tag.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/json/config_reader.h"
#include "datalake/testing/matchers.h"

#include "apps/datalake/config_file.h"

namespace datalake::apps {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;

json::Value Config(std::string_view text, const std::vector<ConfigOverride>& overrides = {}) {
  io::MemoryFileSystem fs;
  EXPECT_THAT(io::ReplaceFile(fs, "/c.yaml", text), IsOk());
  auto config = ReadConfig(fs, "/c.yaml", overrides);
  EXPECT_THAT(config, IsOk());
  return config ? *std::move(config) : json::Value();
}

TEST(ToolkitConfigsTest, MixWithC4Rules) {
  const json::Value config = Config(R"(
streams:
  - name: c4_like

    documents:
      - experimental/v0/documents/*.jsonl.gz

    output:
      path: experimental/v1/documents
      # this should result in files around ~100MB
      max_size_in_bytes: 100_000_000
      discard_fields:
        - attributes
        - metadata

    attributes:
      - c4_v2
      - ft_lang_id_en_doc_v2
    filter:
      exclude:
        - $.attributes[?(@.ft_lang_id_en_doc_v2__ft_lang_id_en_doc_v2__en && @.ft_lang_id_en_doc_v2__ft_lang_id_en_doc_v2__en[0] && @.ft_lang_id_en_doc_v2__ft_lang_id_en_doc_v2__en[0][2] < 0.5)]
        - $.attributes[?(@.c4_v2__c4_v2__has_curly_brace && @.c4_v2__c4_v2__has_curly_brace[0] && @.c4_v2__c4_v2__has_curly_brace[0][2] > 0.5)]

    span_replacement:
      - span: $.attributes.c4_v2__c4_v2__lines_with_no_ending_punctuation
        min_score: 0.5
        replacement: ""

processes: 8
)");
  json::ConfigReader reader(config, "c.yaml");
  const auto options = curate::ReadMixOptions(reader, curate::Compatibility::kNone);
  ASSERT_THAT(options, IsOk());
  ASSERT_EQ(options->streams.size(), 1U);
  EXPECT_EQ(options->streams[0].max_size_bytes, 100'000'000U);
  EXPECT_EQ(options->streams[0].exclude.size(), 2U);
  EXPECT_THAT(options->streams[0].discard_fields, ElementsAre("attributes", "metadata"));
  EXPECT_EQ(options->streams[0].span_rules.size(), 1U);
}

TEST(ToolkitConfigsTest, MixWithAnchorsAndJqAndTheEnvironment) {
  ASSERT_EQ(::setenv("DATALAKE_TOOLKIT_TEST", "/home/me", 1), 0);
  const json::Value config = Config(R"(
streams:
  - name: cc-news_a
    documents:
        - ${oc.env:DATALAKE_TOOLKIT_TEST}/cc-news/documents/abk_Cyrl/*.json.gz
    attributes: &attributes
        - dedupe_by_lang
    output: &output
        max_size_in_bytes: 3_814_697_265
        path: ${oc.env:DATALAKE_TOOLKIT_TEST}/cc-news/v3/documents
    filter: &filter
      include:
          - >-
            (.attributes.dedupe_ngrams_13_1 | length == 0) or
            ((.attributes.dedupe_ngrams_13_1 | map(.[2] * (.[1] - .[0])) | add) / (.text | length) <= 0.3)
      syntax: jq

  - name: cc-news_b
    documents:
        - ${oc.env:DATALAKE_TOOLKIT_TEST}/cc-news/documents/abs_Latn/*.json.gz
    attributes: *attributes
    output: *output
    filter: *filter
processes: ${d.processes:1}
)");
  const json::Value& second = config["streams"][1];
  EXPECT_EQ(second["documents"][0], "/home/me/cc-news/documents/abs_Latn/*.json.gz");
  EXPECT_EQ(second["output"]["max_size_in_bytes"], 3'814'697'265U);
  EXPECT_EQ(second["output"]["path"], "/home/me/cc-news/v3/documents");
  EXPECT_EQ(second["attributes"][0], "dedupe_by_lang");
  EXPECT_EQ(second["filter"], config["streams"][0]["filter"]);
  EXPECT_EQ(second["filter"]["include"][0],
            "(.attributes.dedupe_ngrams_13_1 | length == 0) or ((.attributes.dedupe_ngrams_13_1 | "
            "map(.[2] * (.[1] - .[0])) | add) / (.text | length) <= 0.3)");
  EXPECT_GE(config["processes"].get<int>(), 1);
  json::ConfigReader reader(config, "c.yaml");
  const auto options = curate::ReadMixOptions(reader, curate::Compatibility::kNone);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->streams.size(), 2U);
}

TEST(ToolkitConfigsTest, MixInJson) {
  const json::Value config = Config(R"({
  "streams": [
    {
      "name": "mixer-test",
      "documents": ["tests/data/provided/documents/*.gz"],
      "output": {"path": "tests/tmp/output/mixer", "max_size_in_bytes": 100000},
      "attributes": ["pii", "toxicity"],
      "filter": {
        "include": ["$.metadata[?(@.length < 10000)]"],
        "exclude": [
          "$.metadata[?(@.length < 500)]",
          "$.attributes[?(@.pii.too_much_pii == true)]",
          "$.attributes[?(@.toxicity > 0.8)]"
        ]
      }
    }
  ],
  "work_dir": {"input": "tests/tmp/temp/mixer/input", "output": "tests/tmp/temp/mixer/output"},
  "processes": 1
})");
  json::ConfigReader reader(config, "c.json");
  const auto options = curate::ReadMixOptions(reader, curate::Compatibility::kDolma);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->streams[0].exclude.size(), 3U);
}

TEST(ToolkitConfigsTest, DedupeOfDocuments) {
  const json::Value config =
      Config(R"(
documents:
  - cccc/v1/documents/CC-MAIN-2013-20/cccc-0000.json.gz
  - cccc/v1/documents/CC-MAIN-2013-20/cccc-0001.json.gz

dedupe:
  name: dedupe_doc
  documents:
    attribute_name: dedupe_doc
    key: $.text
  skip_empty: true


bloom_filter:
  file: /tmp/dedupe-doc/filter.bloom
  read_only: false
  estimated_doc_count: 100_000_000
  desired_false_positive_rate: 1e-05

processes: 188
work_dir:
  input: "${oc.env:HOME}/status/dedupe-doc-v1/input"
  output: "${oc.env:HOME}/status/dedupe-doc-v1/output"
)",
             {{"dedupe.name", {"over"}, false}, {"processes", {"1_0"}, false}});
  EXPECT_EQ(config["processes"], 10);
  json::ConfigReader reader(config, "c.yaml");
  EXPECT_THAT(curate::ReadDedupeOptions(reader, curate::Compatibility::kNone), IsOk());
}

TEST(ToolkitConfigsTest, DedupeOfNgrams) {
  const json::Value config = Config(R"({
  "documents": ["tests/data/provided/deduper/doc*/000.json.gz"],
  "work_dir": {"input": "tests/tmp/temp/input", "output": "tests/tmp/temp/output"},
  "dedupe": {
    "name": "dedupe_paragraph_ngrams",
    "paragraphs": {
      "attribute_name": "bff_duplicate_paragraph_spans",
      "by_ngram": {"ngram_length": 6, "stride": 3, "overlap_threshold": 0.5}
    }
  },
  "bloom_filter": {
    "file": "tests/tmp/para_bloom_filter.bin",
    "size_in_bytes": 0,
    "read_only": false,
    "estimated_doc_count": 1000,
    "desired_false_positive_rate": 0.00001
  },
  "processes": 1
})");
  json::ConfigReader reader(config, "c.json");
  EXPECT_THAT(curate::ReadDedupeOptions(reader, curate::Compatibility::kNone), IsOk());
}

TEST(ToolkitConfigsTest, TagWithAllOfItsKeys) {
  const json::Value config = Config(R"(
# what `dolma tag` prints, all defaults included
debug: false
destination: null
documents:
- wikipedia/documents/*
dryrun: false
experiment: exp
ignore_existing: false
processes: 16
profile:
  enable: false
  lines: 100
  output: null
  sort_key: tottime
  steps: null
tagger_modules: []
taggers:
- random_number_v1
- char_length_with_paragraphs_v1
work_dir:
  input: null
  output: null
)");
  json::ConfigReader reader(config, "c.yaml");
  const auto options = curate::ReadTagOptions(reader);
  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->taggers, ElementsAre("random_number_v1", "char_length_with_paragraphs_v1"));
}

TEST(ToolkitConfigsTest, Stat) {
  const json::Value config = Config(
      "attributes:\n- a/attributes/x/*.gz\n- a/attributes/y/*.gz\nbins: 1_000\nreport: report\n"
      "total: true\nregex: null\nseed: 0\ndebug: false\nprocesses: 4\nwork_dir:\n  input: null\n");
  json::ConfigReader reader(config, "c.yaml");
  const auto options = curate::ReadStatOptions(reader);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->attributes.size(), 2U);
  EXPECT_EQ(options->bins, 1000U);
}

TEST(ToolkitConfigsTest, AKeyThatIsNoneNamesTheNearest) {
  const json::Value config = Config("documents: [a]\ntagers: [b]\n");
  json::ConfigReader reader(config, "c.yaml");
  EXPECT_THAT(curate::ReadTagOptions(reader),
              IsError(ErrorCode::kInvalidArgument, "tagers; did you mean taggers?"));
}

}  // namespace
}  // namespace datalake::apps
