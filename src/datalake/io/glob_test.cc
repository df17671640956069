#include "datalake/io/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::io {
namespace {

using datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GlobTest, MatchesNames) {
  EXPECT_TRUE(MatchesGlob("*.gz", "a.gz"));
  EXPECT_TRUE(MatchesGlob("a?c*", "abc.def"));
  EXPECT_TRUE(MatchesGlob("[a-c][!0-9]", "bx"));
  EXPECT_TRUE(MatchesGlob("[", "["));
  EXPECT_FALSE(MatchesGlob("[a-c]", "d"));
  EXPECT_FALSE(MatchesGlob("*.gz", ".hidden.gz"));
  EXPECT_TRUE(MatchesGlob(".*", ".hidden"));
  EXPECT_FALSE(MatchesGlob(std::string(60, '*') + "b", std::string(5000, 'a')));
}

TEST(GlobTest, FindsFilesSorted) {
  LocalFileSystem fs;
  const testing::TempDir dir;
  for (const char* name :
       {"x/documents/b/2.gz", "x/documents/a/1.gz", "x/documents/a/1.txt", "x/documents/.t/3.gz"}) {
    ASSERT_THAT(PutIfAbsent(fs, dir / name, "1"), testing::IsOk());
  }
  EXPECT_THAT(Glob(fs, dir / "x/documents/*/*.gz"),
              IsOkAndHolds(ElementsAre(dir / "x/documents/a/1.gz", dir / "x/documents/b/2.gz")));
  EXPECT_THAT(Glob(fs, dir / "**/*.txt"), IsOkAndHolds(ElementsAre(dir / "x/documents/a/1.txt")));
  EXPECT_THAT(Glob(fs, dir / "x/documents/a/1.gz"),
              IsOkAndHolds(ElementsAre(dir / "x/documents/a/1.gz")));
  EXPECT_THAT(Glob(fs, dir / "nothing/*"), IsOkAndHolds(IsEmpty()));
}

}  // namespace
}  // namespace datalake::io
