#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/frame_encoder_internal.h"
#include "datalake/testing/matchers.h"

namespace datalake::io {
namespace {

using datalake::testing::IsOk;

// ISA-L's compressor hashed the address of its own state, so that one encoder in a few thousand
// made other members of the same bytes.
TEST(FrameEncoderTest, OutputDoesNotDependOnWhereTheEncoderLies) {
  constexpr int kEncoders = 10'000;
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += R"({"id":")" + std::to_string(i * 7919) +
            R"(","attributes":{"made":[]}})"
            "\n";
  }
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    // Each block takes the place of an encoder that is gone, so the next one lies elsewhere.
    std::vector<std::unique_ptr<char[]>> holes;
    std::vector<std::byte> expected;
    for (int i = 0; i < kEncoders; ++i) {
      auto encoder = MakeFrameEncoder(compression, 1);
      ASSERT_THAT(encoder, IsOk());
      std::vector<std::byte> out;
      std::string in = text;
      ASSERT_THAT((*encoder)->Encode(std::as_writable_bytes(std::span(in)), out), IsOk());
      if (expected.empty()) {
        expected = out;
      }
      ASSERT_EQ(out, expected) << i;
      encoder->reset();
      holes.push_back(std::make_unique_for_overwrite<char[]>(65'536));
    }
  }
}

}  // namespace
}  // namespace datalake::io
