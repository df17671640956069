#include "datalake/json/writer.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datalake::json {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendString(out, text);
  return out;
}

std::string Number(double value) {
  std::string out;
  AppendDouble(out, value);
  return out;
}

TEST(WriterTest, PlacesCommasAndColons) {
  std::string out;
  Writer writer(out);
  writer.BeginObject();
  writer.Key("a");
  writer.BeginArray();
  writer.Int(-1);
  writer.Uint(2);
  writer.BeginArray();
  writer.EndArray();
  writer.EndArray();
  writer.Key("b");
  writer.Null();
  writer.Key("c");
  writer.Bool(true);
  writer.Key("d");
  writer.Raw(R"({"x":[]})");
  writer.EndObject();
  writer.EndLine();
  writer.String("next");
  EXPECT_EQ(out, "{\"a\":[-1,2,[]],\"b\":null,\"c\":true,\"d\":{\"x\":[]}}\n\"next\"");
}

TEST(WriterTest, EscapesOnlyWhatTheStandardDemands) {
  EXPECT_EQ(Quoted("a/b\x7f\xc3\xa9\xf0\x9f\x98\x8a"), "\"a/b\x7f\xc3\xa9\xf0\x9f\x98\x8a\"");
  EXPECT_EQ(Quoted(std::string_view("\0\x1f\"\\\b\f\n\r\t", 9)), R"("\u0000\u001f\"\\\b\f\n\r\t")");
}

TEST(WriterTest, FindsAnEscapeAtEveryOffset) {
  for (std::size_t size = 0; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, '\xe9');
      text[at] = '\n';
      const std::string expected =
          "\"" + std::string(at, '\xe9') + "\\n" + std::string(size - at - 1, '\xe9') + "\"";
      ASSERT_EQ(Quoted(text), expected) << size << " " << at;
    }
  }
}

TEST(WriterTest, KeepsIntegersOverSixtyFourBits) {
  std::string out;
  Writer writer(out);
  writer.BeginArray();
  writer.Int(std::numeric_limits<std::int64_t>::min());
  writer.Uint(std::numeric_limits<std::uint64_t>::max());
  writer.EndArray();
  EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615]");
}

TEST(WriterTest, WritesDoublesSoThatTheyReadAsDoubles) {
  EXPECT_EQ(Number(1.0), "1.0");
  EXPECT_EQ(Number(-0.0), "-0.0");
  EXPECT_EQ(Number(0.1), "0.1");
  EXPECT_EQ(Number(0.86842), "0.86842");
  EXPECT_EQ(Number(0.8684210777282715), "0.8684210777282715");
  EXPECT_EQ(Number(123456789012.0), "123456789012.0");
  EXPECT_EQ(Number(1e-5), "1e-05");
  EXPECT_EQ(Number(1e22), "1e+22");
  EXPECT_EQ(Number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(Number(-std::numeric_limits<double>::infinity()), "null");
}

TEST(WriterTest, RandomDoublesRoundTripBitForBit) {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 200000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    const nlohmann::json read = nlohmann::json::parse(Number(value), nullptr, false);
    ASSERT_TRUE(read.is_number_float()) << Number(value);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(read.get<double>()),
              std::bit_cast<std::uint64_t>(value));
  }
}

std::string RandomText(std::mt19937_64& random) {
  static constexpr std::string_view kPieces[] = {
      "a",   "word ", "\"", "\\", "\n", "\x01", "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x8a",
      "\x7f"};
  std::string text;
  for (std::size_t n = random() % 30; n > 0; --n) {
    text += kPieces[random() % std::size(kPieces)];
  }
  return text;
}

nlohmann::json RandomValue(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 3 ? 6 : 8)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random());
    case 3:
      return random();
    case 4:
      return static_cast<double>(static_cast<std::int64_t>(random())) * 1e-7;
    case 5:
      return RandomText(random);
    case 6: {
      nlohmann::json array = nlohmann::json::array();
      for (std::size_t n = random() % 5; n > 0; --n) {
        array.push_back(RandomValue(random, depth + 1));
      }
      return array;
    }
    default: {
      nlohmann::json object = nlohmann::json::object();
      for (std::size_t n = random() % 5; n > 0; --n) {
        object[RandomText(random)] = RandomValue(random, depth + 1);
      }
      return object;
    }
  }
}

void Write(Writer& writer, const nlohmann::json& value) {
  if (value.is_object()) {
    writer.BeginObject();
    for (const auto& [key, member] : value.items()) {
      writer.Key(key);
      Write(writer, member);
    }
    writer.EndObject();
  } else if (value.is_array()) {
    writer.BeginArray();
    for (const auto& element : value) {
      Write(writer, element);
    }
    writer.EndArray();
  } else if (value.is_string()) {
    writer.String(value.get_ref<const std::string&>());
  } else if (value.is_number_float()) {
    writer.Double(value.get<double>());
  } else if (value.is_number_unsigned()) {
    writer.Uint(value.get<std::uint64_t>());
  } else if (value.is_number_integer()) {
    writer.Int(value.get<std::int64_t>());
  } else if (value.is_boolean()) {
    writer.Bool(value.get<bool>());
  } else {
    writer.Null();
  }
}

TEST(WriterTest, RandomTreesReadBackEqual) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 5000; ++i) {
    const nlohmann::json value = RandomValue(random, 0);
    std::string out;
    Writer writer(out);
    Write(writer, value);
    ASSERT_EQ(nlohmann::json::parse(out, nullptr, false), value) << out;
  }
}

}  // namespace
}  // namespace datalake::json
