// Every built-in tagger: what it writes as Parquet is read as what it writes as lines, and `mix`
// makes the same of both.
#include <sstream>
#include <string>
#include <vector>

#include <arrow/type.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/thread_pool.h"
#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/mix_test_support.h"
#include "datalake/curate/tag.h"
#include "datalake/curate/tagger.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;

constexpr std::string_view kLink =
    R"(<a href=\"https://creativecommons.org/licenses/by-nc/{}.0/deed.{}\" rel=\"license\">x</a>)";

std::string Document(int i) {
  constexpr std::string_view kTexts[] = {
      "The cat sat on the mat. It was a good cat, and it said so.\\nmail me@example.org now",
      "Der Hund liegt unter dem Tisch und schl\u00e4ft.\\n\\n* * *\\nDas ist sch\u00f6n, nicht "
      "wahr?",
      "# copyright me\\nimport os\\n\\ndef main():\\n    return os.name  # why",
      "\u6211\u4eec\u5728\u5317\u4eac\u4f4f\u4e86\u5341\u5e74\u3002",
      "",
      "ab ab ab ab ab ab"};
  const std::string html =
      i % 3 == 0 ? "" : fmt::format(fmt::runtime(kLink), i % 4 + 1, i % 2 == 0 ? "de" : "en");
  return fmt::format(
      R"({{"id":"{}","source":"s","text":"{}","metadata":{{"html":"{}{}","url":"http://a{}.example/x",)"
      R"("ext":"py","max_stars_count":{}}}}})"
      "\n",
      i, kTexts[static_cast<std::size_t>(i) % std::size(kTexts)], html, html, i % 2, i);
}

// Documents and the attributes of every tagger in one format.
class Corpus {
 public:
  explicit Corpus(AttributesFormat format) : format_(format) {
    std::string lines;
    for (int i = 0; i < 200; ++i) {
      lines += i == 77 ? "bad\n" : Document(i);
    }
    Write(fs_, "/c/documents/a.jsonl", lines);
    Write(fs_, "/list.txt", "a1.example\n");
    Write(fs_, "/rows_list.txt",
          R"([{"url":"https://a0.example/","description":"newspaper"}])"
          "\n");
  }

  Result<TagReport> Tag(const std::vector<std::string>& taggers, std::size_t threads = 2) {
    TaggerRegistry registry;
    DATALAKE_TRY(AddBuiltinTaggers(registry));
    TagOptions options;
    options.documents = {"/c/documents/*"};
    options.experiment = "x";
    options.format = format_;
    options.max_rejects = 200;
    options.taggers = taggers.empty() ? registry.Names() : taggers;
    options.existing = ExistingOutputs::kReplace;
    for (const std::string& name : options.taggers) {
      options.lists[name] = name.starts_with("allowlist_wikidata") ? "/rows_list.txt" : "/list.txt";
    }
    std::erase_if(options.lists, [](const auto& list) { return !NeedsList(list.first); });
    ThreadPool pool(threads);
    return RunTag(options, registry, {fs_, clock_, pool, progress_, {}});
  }

  std::string path() const {
    return format_ == AttributesFormat::kParquet ? "/c/attributes/x/a.parquet"
                                                 : "/c/attributes/x/a.jsonl";
  }

  // The rows of the attributes, members by name.
  std::vector<std::string> Rows() {
    const auto reader = AttributeReader::Open(fs_, path());
    EXPECT_THAT(reader, IsOk());
    std::vector<std::string> rows;
    AttributeBatch batch;
    while (reader && (*reader)->Read(1000, batch).value_or(0) > 0) {
      EXPECT_THAT((*reader)->Decode(batch), IsOk());
      for (const std::string_view row : batch.rows()) {
        rows.push_back(Sorted(row));
      }
    }
    return rows;
  }

  // What `mix` keeps, members by name.
  std::vector<std::string> Mix() {
    MixOptions options;
    options.streams = {Stream()};
    options.streams[0].attributes = {"x"};
    options.streams[0].include = {"$.attributes[?(@.x__char_length_v1__length[0][2] > 0)]"};
    options.streams[0].exclude = {"$.attributes[?(@.x__cc_re__cc_by_nc_2_0_en)]",
                                  "$.attributes.x__cld2_doc_v2__zh"};
    options.max_rejects = 10;
    const Result<MixReport> report = RunMix(options, {fs_, clock_, progress_, 2, {}});
    EXPECT_THAT(report, IsOk());
    std::vector<std::string> rows;
    std::istringstream lines(report ? Read(fs_, report->outputs.front()) : "");
    for (std::string line; std::getline(lines, line);) {
      rows.push_back(Sorted(line));
    }
    return rows;
  }

  io::MemoryFileSystem& fs() { return fs_; }

 private:
  static bool NeedsList(std::string_view tagger) {
    TaggerRegistry registry;
    EXPECT_THAT(AddBuiltinTaggers(registry), IsOk());
    return !registry.Make(tagger, {}).has_value();
  }

  static std::string Sorted(std::string_view row) {
    std::string buffer(row);
    buffer.resize(row.size() + json::FlatTreeParser::kPadding);
    json::FlatTreeParser parser;
    json::FlatTree tree;
    EXPECT_THAT(parser.Append(std::string_view(buffer).substr(0, row.size()), {}, tree), IsOk());
    std::string sorted;
    json::AppendSorted(tree.root(), sorted);
    return sorted;
  }

  AttributesFormat format_;
  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  NullProgress progress_;
};

TEST(AttributeFormatsTest, EveryTaggerGivesTheSameRowsInBoth) {
  Corpus lines(AttributesFormat::kLines);
  Corpus columns(AttributesFormat::kParquet);
  ASSERT_THAT(lines.Tag({}), IsOk());
  ASSERT_THAT(columns.Tag({}), IsOk());
  const std::vector<std::string> rows = lines.Rows();
  ASSERT_EQ(rows.size(), 200U);
  EXPECT_EQ(columns.Rows(), rows);
  const std::vector<std::string> mixed = lines.Mix();
  EXPECT_GT(mixed.size(), 50U);
  EXPECT_LT(mixed.size(), 190U);
  EXPECT_EQ(columns.Mix(), mixed);
}

TEST(AttributeFormatsTest, EveryTaggerAloneCanWriteParquet) {
  TaggerRegistry registry;
  ASSERT_THAT(AddBuiltinTaggers(registry), IsOk());
  for (const std::string& name : registry.Names()) {
    Corpus lines(AttributesFormat::kLines);
    Corpus columns(AttributesFormat::kParquet);
    ASSERT_THAT(lines.Tag({name}), IsOk()) << name;
    ASSERT_THAT(columns.Tag({name}), IsOk()) << name;
    EXPECT_EQ(columns.Rows(), lines.Rows()) << name;
  }
}

TEST(AttributeFormatsTest, LearnedTypesHaveTypedColumnsByName) {
  Corpus columns(AttributesFormat::kParquet);
  ASSERT_THAT(columns.Tag({"cc_re", "char_length_v1"}), IsOk());
  const Result<format::ParquetFacts> facts = format::ReadParquetFacts(columns.fs(), columns.path());
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->num_rows, 200);
  EXPECT_THAT(facts->schema->field_names(),
              ElementsAre("id", "source", "x__char_length_v1__length", "x__cc_re__cc_by_nc_1_0_de",
                          "x__cc_re__cc_by_nc_2_0_en", "x__cc_re__cc_by_nc_3_0_de",
                          "x__cc_re__cc_by_nc_4_0_en"));
  for (int i = 2; i < facts->schema->num_fields(); ++i) {
    EXPECT_EQ(facts->schema->field(i)->type()->ToString(),
              facts->schema->field(2)->type()->ToString());
  }
  const auto files = columns.fs().List("/c/attributes/x");
  ASSERT_THAT(files, IsOk());
  for (const io::DirectoryEntry& file : *files) {
    EXPECT_FALSE(file.name.ends_with(".tmp")) << file.name;
  }
}

TEST(AttributeFormatsTest, LearnedTypesDoNotDependOnThreads) {
  std::vector<std::string> files;
  for (const std::size_t threads : {1, 2, 8}) {
    Corpus columns(AttributesFormat::kParquet);
    ASSERT_THAT(columns.Tag({"cc_re", "cc_re_fast"}, threads), IsOk());
    files.push_back(io::ReadFile(columns.fs(), columns.path(), 1 << 20).value_or("not there"));
  }
  EXPECT_GT(files[0].size(), 1000U);
  EXPECT_EQ(files[0], files[1]);
  EXPECT_EQ(files[0], files[2]);
}

TEST(AttributeFormatsTest, TooManyLearnedTypesAreRefused) {
  Corpus columns(AttributesFormat::kParquet);
  std::string lines;
  for (int i = 0; i < 5000; ++i) {
    lines += fmt::format(
        R"({{"id":"{}","text":"t","metadata":{{"html":"<a href='https://creativecommons.org/licenses/by/{}.0/'>x</a>"}}}})"
        "\n",
        i, i);
  }
  Write(columns.fs(), "/c/documents/a.jsonl", lines);
  EXPECT_THAT(columns.Tag({"cc_re"}),
              IsError(ErrorCode::kResourceExhausted, "too many different attributes for columns"));
}

}  // namespace
}  // namespace datalake::curate
