#include "datalake/base/hash.h"

#include <gtest/gtest.h>

#include "datalake/base/hex.h"

namespace datalake {
namespace {

TEST(Sha256Test, MatchesTheVectorsOfTheStandard) {
  // FIPS 180-4 examples.
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, PiecesGiveTheDigestOfTheWhole) {
  const std::string text(100'000, 'x');
  Sha256 pieces;
  for (std::size_t i = 0; i < text.size(); i += 777) {
    pieces.Update(
        std::as_bytes(std::span(text).subspan(i, std::min<std::size_t>(777, text.size() - i))));
  }
  EXPECT_EQ(ToHex(pieces.Finish()), Sha256Hex(text));
}

TEST(Crc32cTest, MatchesTheVectorOfTheRfc) {
  // RFC 3720 §B.4: 32 bytes of zero, and the check value of "123456789".
  const std::string zeros(32, '\0');
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(zeros))), 0x8a9136aaU);
  const std::string digits = "123456789";
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(digits))), 0xe3069283U);
  const std::uint32_t first = Crc32c(std::as_bytes(std::span(digits).first(4)));
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(digits).subspan(4)), first), 0xe3069283U);
}

TEST(Xxh3Test, IsTheReferenceFunction) {
  EXPECT_EQ(Xxh3Hash64(""), 0x2d06800538d394c2ULL);  // xxHash 0.8 reference value
  EXPECT_EQ(Xxh3Hash128("").high, 0x99aa06d3014798d8ULL);
  EXPECT_NE(Xxh3Hash128("a"), Xxh3Hash128("b"));
}

TEST(HexTest, OnlyLowerCaseSha256IsAccepted) {
  const std::string digest = Sha256Hex("x");
  EXPECT_TRUE(IsSha256Hex(digest));
  EXPECT_FALSE(IsSha256Hex(digest.substr(1)));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'A')));
  EXPECT_FALSE(IsSha256Hex(std::string(64, '/')));
}

}  // namespace
}  // namespace datalake
