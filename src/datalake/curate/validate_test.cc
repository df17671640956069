#include "datalake/curate/validate.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/validate_rows.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string Document(std::string_view id) {
  return fmt::format(R"({{"id":"{}","text":"a text","source":"s","added":"2023-03-28T22:42:45Z"}})"
                     "\n",
                     id);
}

std::string Row(std::string_view id) {
  return fmt::format(R"({{"id":"{}","attributes":{{"e__t__x":[[0,6,1.0]]}},"source":"s"}})"
                     "\n",
                     id);
}

class ValidateTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, std::string_view text) {
    ASSERT_THAT(fs_.MakeDirectories(io::ParentPath(path)), IsOk());
    auto file = fs_.Create(path);
    ASSERT_THAT(file, IsOk());
    auto stream = io::MakeCompressor(*std::move(file), io::CompressionOfPath(path));
    ASSERT_THAT(stream, IsOk());
    ASSERT_THAT((*stream)->Write(text), IsOk());
    ASSERT_THAT((*stream)->Close(), IsOk());
  }

  void WriteRaw(const std::string& path, std::string_view bytes) {
    ASSERT_THAT(fs_.MakeDirectories(io::ParentPath(path)), IsOk());
    auto file = fs_.Create(path);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write(bytes), IsOk());
    ASSERT_THAT((*file)->Close(), IsOk());
  }

  Result<ValidateReport> Run(ValidateOptions options = {.paths = {"/d"}}, std::size_t threads = 1) {
    options.spill_folder = "/";
    return RunValidate(options, {fs_, clock_, progress_, threads, {}});
  }

  // Each shown finding as "path:line: kind: what".
  std::vector<std::string> Findings(const ValidateOptions& options = {.paths = {"/d"}},
                                    std::size_t threads = 1) {
    const auto report = Run(options, threads);
    EXPECT_THAT(report, IsOk());
    std::vector<std::string> found;
    if (report) {
      for (const FindingGroup& group : report->findings) {
        for (const Finding& finding : group.shown) {
          found.push_back(fmt::format("{}:{}: {}: {}", group.path, finding.line,
                                      FactsOf(group.kind).name, finding.what));
        }
      }
    }
    return found;
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  NullProgress progress_;
};

TEST_F(ValidateTest, FindsNothingInAGoodDataset) {
  Write("/d/documents/a/1.jsonl.gz", Document("1") + Document("2"));
  Write("/d/documents/a/2.jsonl.zst", Document("3"));
  Write("/d/documents/3.jsonl.zstd", Document("4"));
  Write("/d/attributes/t/a/1.jsonl.gz", Row("1") + Row("2"));
  Write("/d/attributes/t/a/2.jsonl.gz", Row("3"));
  Write("/d/attributes/t/3.jsonl", Row("4"));
  Write("/d/attributes/t/report.json", "{}");
  const auto report = Run();
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(Findings(), IsEmpty());
  EXPECT_TRUE(report->is_clean());
  EXPECT_EQ(report->files, 3U);
  EXPECT_EQ(report->documents, 4U);
  EXPECT_THAT(report->sources, ElementsAre(Pair("s", 4)));
  ASSERT_TRUE(report->attributes.contains("t"));
  EXPECT_EQ(report->attributes.at("t").rows, 4U);
}

TEST_F(ValidateTest, NamesRowsThatAreNoDocuments) {
  Write("/d/documents/a.jsonl", "\xEF\xBB\xBF" + Document("0") + Document("1") + "\n" +
                                    "{\"id\":\"x\",\"text\":\"\xFF\",\"source\":\"s\"}\n" +
                                    "[1]\n{\"id\":\"y\",\"text\":\"\\ud800\",\"source\":\"s\"}\n");
  const auto found = Findings();
  ASSERT_EQ(found.size(), 5U) << ::testing::PrintToString(found);
  EXPECT_EQ(found[0], "/d/documents/a.jsonl:1: byte_order_mark: begins with a byte order mark");
  EXPECT_EQ(found[1], "/d/documents/a.jsonl:3: blank_line: blank line");
  EXPECT_EQ(found[2], "/d/documents/a.jsonl:4: not_utf8: invalid UTF-8: byte 18 of the line");
  EXPECT_THAT(found[3], ::testing::StartsWith("/d/documents/a.jsonl:5: bad_json: "));
  EXPECT_THAT(found[4], ::testing::StartsWith("/d/documents/a.jsonl:6: bad_json: "));
}

TEST_F(ValidateTest, NamesKeysThatAreMissingOrOfAnotherType) {
  Write("/d/documents/a.jsonl",
        "{\"id\":\"1\",\"text\":\"t\"}\n"
        "{\"text\":\"t\",\"source\":\"s\"}\n"
        "{\"id\":7,\"text\":\"t\",\"source\":\"s\"}\n"
        "{\"id\":\"\",\"text\":\"t\",\"source\":\"s\",\"created\":null}\n"
        "{\"id\":\"5\",\"text\":null,\"source\":\"s\",\"metadata\":3}\n"
        "{\"id\":\"6\",\"text\":\"t\",\"source\":\"s\",\"id\":\"6\"}\n"
        "{\"id\":\"8\",\"text\":\"t\",\"source\":\"s\",\"added\":\"2021-02-29\"}\n");
  EXPECT_THAT(
      Findings(),
      ElementsAre("/d/documents/a.jsonl:6: repeated_key: key twice: id",
                  "/d/documents/a.jsonl:1: missing_key: no `source`",
                  "/d/documents/a.jsonl:2: missing_key: no `id`",
                  "/d/documents/a.jsonl:4: missing_key: `id` is empty",
                  "/d/documents/a.jsonl:3: wrong_type: `id` must be a string, not a number: 7",
                  "/d/documents/a.jsonl:4: wrong_type: `created` must be a string, not null: null",
                  "/d/documents/a.jsonl:5: wrong_type: `text` must be a string, not null: null",
                  "/d/documents/a.jsonl:5: wrong_type: `metadata` must be an object, not a "
                  "number: 3",
                  "/d/documents/a.jsonl:7: bad_timestamp: `added` is no date and time: "
                  "2021-02-29"));
}

TEST_F(ValidateTest, NamesBothPlacesOfARepeatedId) {
  Write("/d/documents/a.jsonl", Document("1") + Document("2") + Document("1"));
  Write("/d/documents/b.jsonl", Document("3") + Document("2"));
  EXPECT_THAT(Findings(), ElementsAre("/d/documents/a.jsonl:3: repeated_id: same source and id as "
                                      "/d/documents/a.jsonl:1",
                                      "/d/documents/b.jsonl:2: repeated_id: same source and id as "
                                      "/d/documents/a.jsonl:2"));
}

TEST_F(ValidateTest, NamesAttributesThatDoNotBelongToTheirDocuments) {
  Write("/d/documents/a.jsonl", Document("1") + Document("2"));
  Write("/d/documents/b.jsonl", Document("3") + Document("4"));
  Write("/d/documents/c.jsonl", Document("5"));
  Write("/d/attributes/t/a.jsonl", Row("1"));
  Write("/d/attributes/t/b.jsonl", Row("4") + Row("3") + Row("9"));
  Write("/d/attributes/t/z.jsonl", Row("9"));
  Write("/d/attributes/lost.jsonl", Row("9"));
  EXPECT_THAT(
      Findings(),
      ElementsAre(
          "/d/attributes/lost.jsonl:0: layout: not in a folder attributes/<name>/",
          "/d/attributes/t/a.jsonl:0: attribute_rows: 1 rows, its documents have 2: "
          "/d/documents/a.jsonl",
          "/d/attributes/t/b.jsonl:0: attribute_rows: 3 rows, its documents have 2: "
          "/d/documents/b.jsonl",
          "/d/attributes/t/b.jsonl:1: attribute_ids: id \"4\", its document has \"3\"",
          "/d/attributes/t/b.jsonl:2: attribute_ids: id \"3\", its document has \"4\"",
          "/d/attributes/t/c.jsonl:0: missing_attributes: no attributes t of /d/documents/c.jsonl",
          "/d/attributes/t/z.jsonl:0: stray_attributes: attributes without documents"));
}

TEST_F(ValidateTest, NamesAttributesOfABadForm) {
  Write("/d/documents/a.jsonl", Document("1") + Document("2") + Document("3") + Document("4"));
  Write("/d/attributes/t/a.jsonl",
        "{\"id\":\"1\"}\n"
        "{\"id\":\"2\",\"attributes\":{\"x\":[[1,7,1],[0,9,1]],\"y\":0.5}}\n"
        "{\"id\":\"3\",\"attributes\":{\"x\":[[-1,2,1],[2,1,1],[1,2]]}}\n"
        "oops\n");
  const auto found = Findings();
  ASSERT_EQ(found.size(), 5U) << ::testing::PrintToString(found);
  EXPECT_EQ(found[0], "/d/attributes/t/a.jsonl:1: attribute_form: no `attributes`");
  EXPECT_EQ(found[1],
            "/d/attributes/t/a.jsonl:2: attribute_form: span ends behind the text: x: [1,7,1]");
  EXPECT_EQ(found[2],
            "/d/attributes/t/a.jsonl:3: attribute_form: span start and end must be integers from "
            "0: x: [-1,2,1]");
}

TEST_F(ValidateTest, NamesFilesThatCannotBeRead) {
  Write("/d/documents/good.jsonl.gz", Document("1"));
  WriteRaw("/d/documents/plain.jsonl.gz", Document("2"));
  WriteRaw("/d/documents/cut.jsonl.gz", "\x1f\x8b\x08\x00\x00");
  WriteRaw("/d/documents/notes.txt", "x");
  ASSERT_THAT(fs_.MakeDirectories("/d/documents/x.jsonl"), IsOk());
  const auto found = Findings();
  ASSERT_EQ(found.size(), 4U) << ::testing::PrintToString(found);
  EXPECT_THAT(found[0], ::testing::StartsWith("/d/documents/cut.jsonl.gz:0: unreadable: "));
  EXPECT_EQ(found[1], "/d/documents/notes.txt:0: unknown_suffix: unknown suffix: not read");
  EXPECT_EQ(found[2],
            "/d/documents/plain.jsonl.gz:0: compression: content is plain, its name says gzip");
  EXPECT_EQ(found[3], "/d/documents/x.jsonl:0: folder_like_file: a folder with the name of a file");
}

TEST(ValidateLinksTest, LinksToFoldersAreNotFollowed) {
  const testing::TempDir folder;
  const std::string root = folder.path() + "/d";
  io::LocalFileSystem fs;
  ASSERT_THAT(fs.MakeDirectories(root + "/documents"), IsOk());
  ASSERT_THAT(fs.MakeDirectories(folder.path() + "/elsewhere"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs, folder.path() + "/elsewhere/a.jsonl", Document("1")), IsOk());
  ASSERT_THAT(fs.MakeSymlink("../../elsewhere", root + "/documents/link"), IsOk());
  ASSERT_THAT(fs.MakeSymlink("../../elsewhere/a.jsonl", root + "/documents/c.jsonl"), IsOk());
  testing::ManualClock clock;
  NullProgress progress;
  const auto report = RunValidate({.paths = {root}}, {fs, clock, progress, 1, {}});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->files, 1U);
  ASSERT_EQ(report->findings.size(), 2U);
  EXPECT_EQ(report->findings[0].shown[0].what, "symbolic link");
  EXPECT_EQ(report->findings[1].shown[0].what, "symbolic link to a folder: not followed");
}

TEST_F(ValidateTest, SaysWhenAFolderIsNoDataset) {
  Write("/d/a.jsonl", Document("1"));
  EXPECT_THAT(Findings(), ElementsAre("/d:0: layout: no folder documents/ in it"));
}

TEST_F(ValidateTest, SamplesTheFirstRowsOfEachFile) {
  Write("/d/documents/a.jsonl", Document("1") + Document("2") + "oops\n");
  Write("/d/attributes/t/a.jsonl", Row("1") + Row("2"));
  EXPECT_THAT(Findings({.paths = {"/d"}, .sample_rows = 2}), IsEmpty());
  EXPECT_EQ(Findings({.paths = {"/d"}, .sample_rows = 3}).size(), 2U);
}

TEST_F(ValidateTest, CountsAllFindingsAndShowsAFew) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) {
    text += fmt::format("{{\"id\":\"{}\",\"text\":\"t\"}}\n", i % 40'000);
  }
  Write("/d/documents/a.jsonl.gz", text);
  const ValidateOptions options{.paths = {"/d"}, .max_shown = 2, .memory_bytes = 1000};
  const auto one = Findings(options, 1);
  EXPECT_THAT(one, ElementsAre("/d/documents/a.jsonl.gz:1: missing_key: no `source`",
                               "/d/documents/a.jsonl.gz:2: missing_key: no `source`",
                               "/d/documents/a.jsonl.gz:40001: repeated_id: same source and id as "
                               "/d/documents/a.jsonl.gz:1",
                               "/d/documents/a.jsonl.gz:40002: repeated_id: same source and id as "
                               "/d/documents/a.jsonl.gz:2"));
  EXPECT_EQ(Findings(options, 4), one);
  EXPECT_EQ(Run(options)->num_findings, 60'000U);
}

TEST_F(ValidateTest, RefusesPathsThatAreNotThere) {
  EXPECT_THAT(Run({.paths = {"/nothing"}}), IsError(ErrorCode::kNotFound, "/nothing"));
  EXPECT_THAT(Run({.paths = {"/nothing/*.gz"}}),
              IsError(ErrorCode::kInvalidArgument, "no file matches: /nothing/*.gz"));
  EXPECT_THAT(Run({.paths = {}}), IsError(ErrorCode::kInvalidArgument, "nothing to validate"));
}

TEST(IsTimestampTest, TakesWhatProgramsWrite) {
  for (const char* good :
       {"2023-03-28", "2023-03-28T22:42:45Z", "2023-03-28 22:42:45", "2024-02-29T00:00",
        "2023-03-28T22:42:45.903+00:00", "2023-03-28T22:42:45,9-0730", "2023-03-28t22:42:60z"}) {
    EXPECT_TRUE(IsTimestamp(good)) << good;
  }
  for (const char* bad :
       {"", "now", "2023", "2023-3-28", "2023-02-29", "2023-13-01", "28.03.2023", "2023-03-28T",
        "2023-03-28T25:00", "2023-03-28T22:42:45X", "2023-03-28T22:42:45Z ", "1680043365"}) {
    EXPECT_FALSE(IsTimestamp(bad)) << bad;
  }
}

}  // namespace
}  // namespace datalake::curate
