#include "datalake/text/code_points.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

TEST(CodePointOffsetsTest, AsciiOffsetsAreBytes) {
  const CodePointOffsets offsets("hello");
  EXPECT_EQ(offsets.size_chars(), 5U);
  EXPECT_EQ(offsets.CharOf(3), 3U);
  EXPECT_EQ(offsets.ByteOf(3), 3U);
  EXPECT_EQ(offsets.ByteOf(9), 5U);
  EXPECT_EQ(offsets.CharOf(9), 5U);
}

TEST(CodePointOffsetsTest, AgreesWithCountingOnMixedText) {
  std::mt19937 random(1);
  std::string text;
  const std::string_view pieces[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x8A",
                                     "bcdefgh"};
  while (text.size() < 3000) {
    text += pieces[random() % 5];
  }
  const CodePointOffsets offsets(text);
  std::size_t index = 0;
  for (std::size_t byte = 0; byte < text.size(); ++index) {
    ASSERT_EQ(offsets.CharOf(byte), index);
    ASSERT_EQ(offsets.ByteOf(index), byte);
    byte += DecodeCodePoint(text, byte).bytes;
  }
  EXPECT_EQ(offsets.size_chars(), index);
  EXPECT_EQ(offsets.CharOf(text.size()), index);
  EXPECT_EQ(offsets.ByteOf(index), text.size());
}

}  // namespace
}  // namespace datalake::text
