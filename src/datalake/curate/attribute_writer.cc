#include "datalake/curate/attribute_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

constexpr std::uint64_t kScale = 100'000;  // 5 decimals
// "[18446744073709551615,18446744073709551615,-1234567890123456.12345],"
constexpr std::size_t kMaxSpanBytes = 80;

char* WriteUint(char* out, std::uint64_t value) {
  return std::to_chars(out, out + 20, value).ptr;
}

// `scaled` / 100000 with at least one decimal and no trailing zeros.
char* WriteScaled(char* out, std::uint64_t scaled) {
  out = WriteUint(out, scaled / kScale);
  *out++ = '.';
  auto decimals = static_cast<std::uint32_t>(scaled % kScale);
  for (std::uint32_t unit = kScale / 10; unit != 0; unit /= 10) {
    *out++ = static_cast<char>('0' + decimals / unit);
    decimals %= unit;
    if (decimals == 0) {
      break;
    }
  }
  return out;
}

// Any finite score below 1e16, through the exact decimal digits of the double.
char* WriteScoreExactly(char* out, double magnitude) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), magnitude,
                                 std::chars_format::fixed, 5)
                       .ptr;
  // Above 15 digits the rounded value may have a shorter form, so ask again for the shortest.
  double rounded = 0;
  std::from_chars(digits.data(), end, rounded);
  char* const begin = out;
  out = std::to_chars(out, out + 24, rounded, std::chars_format::fixed).ptr;
  if (std::memchr(begin, '.', static_cast<std::size_t>(out - begin)) == nullptr) {
    *out++ = '.';
    *out++ = '0';
  }
  return out;
}

char* WriteScore(char* out, double score) {
  if (std::signbit(score)) {
    *out++ = '-';
  }
  const double magnitude = std::fabs(score);
  const double scaled = magnitude * static_cast<double>(kScale);
  if (scaled < 1e9) {
    // The product is off by less than 2^-23 here: rounding is safe unless it is that near a tie.
    const double whole = std::floor(scaled);
    const double rest = scaled - whole;
    if (std::fabs(rest - 0.5) > 1e-6) {
      return WriteScaled(out, static_cast<std::uint64_t>(whole) + (rest > 0.5 ? 1 : 0));
    }
  } else if (magnitude < 1e15 && magnitude == std::floor(magnitude)) {
    out = WriteUint(out, static_cast<std::uint64_t>(magnitude));
    *out++ = '.';
    *out++ = '0';
    return out;
  }
  return WriteScoreExactly(out, magnitude);
}

bool IsKeyCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// Appends `name` with a `_` for each code point that is no key character.
void AppendKeyCharacters(std::string& out, std::string_view name) {
  for (const char c : name) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      out.push_back(IsKeyCharacter(c) ? c : '_');
    }
  }
}

// What the spans of a type begin with: "\"<prefix><type>\":[".
std::string RenderKey(std::string_view prefix, std::string_view type) {
  std::string key;
  json::AppendString(key, AttributeKey(prefix, type));
  key.append(":[");
  return key;
}

// True when spans of equal types stand together.
bool IsGrouped(std::span<const Span> spans) {
  for (std::size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].type < spans[i - 1].type) {
      return false;
    }
  }
  return true;
}

std::vector<Span> Grouped(std::span<const Span> spans) {
  std::vector<Span> grouped;
  grouped.reserve(spans.size());
  std::vector<std::uint32_t> done;
  for (const Span& first : spans) {
    if (std::find(done.begin(), done.end(), first.type) != done.end()) {
      continue;
    }
    done.push_back(first.type);
    std::copy_if(spans.begin(), spans.end(), std::back_inserter(grouped),
                 [&](const Span& span) { return span.type == first.type; });
  }
  return grouped;
}

}  // namespace

std::string AttributeKey(std::string_view prefix, std::string_view type) {
  std::string key(prefix);
  AppendKeyCharacters(key, type);
  return key;
}

Result<std::string> AttributeKeyPart(std::string_view name) {
  std::string part;
  AppendKeyCharacters(part, name);
  if (part.empty() || (part[0] >= '0' && part[0] <= '9')) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("name for attributes must not be empty or begin with a digit: {}", name)};
  }
  return part;
}

void AppendScore(std::string& out, double score) {
  if (std::fabs(score) >= 1e16) {
    json::AppendDouble(out, score);  // no decimals left to round
    return;
  }
  std::array<char, kMaxSpanBytes> digits;
  out.append(digits.data(), WriteScore(digits.data(), score));
}

double RoundScore(double score) {
  const double scaled = std::fabs(score) * static_cast<double>(kScale);
  const double whole = std::floor(scaled);
  if (scaled < 1e9 && std::fabs(scaled - whole - 0.5) > 1e-6) {
    // As WriteScore; a quotient of integers is rounded as the decimal number would be.
    const double rounded = (whole + (scaled - whole > 0.5 ? 1 : 0)) / static_cast<double>(kScale);
    return std::copysign(rounded, score);
  }
  std::string digits;
  AppendScore(digits, score);
  double rounded = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return rounded;
}

std::vector<std::string> AttributeKeys(const AttributeWriter::Source& source) {
  std::vector<std::string> keys;
  for (const std::string_view type : source.tagger.types()) {
    keys.push_back(AttributeKey(source.key_prefix, type));
  }
  return keys;
}

AttributeWriter::AttributeWriter(const std::vector<Source>& sources) {
  for (const Source& source : sources) {
    Keys& keys = keys_.emplace_back();
    keys.prefix = source.key_prefix;
    for (const std::string_view type : source.tagger.types()) {
      keys.by_type.push_back(RenderKey(keys.prefix, type));
    }
  }
}

void AttributeWriter::AppendLine(std::string_view id, std::string_view source,
                                 std::span<const Values> values, std::string& out) const {
  out.append(R"({"id":)");
  json::AppendString(out, id);
  out.append(R"(,"attributes":{)");
  const std::size_t begin = out.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (IsGrouped(values[i].spans)) {
      AppendSpans(keys_[i], values[i].spans, values[i].state, out);
    } else {
      AppendSpans(keys_[i], Grouped(values[i].spans), values[i].state, out);
    }
  }
  if (out.size() > begin) {
    out.pop_back();  // the last comma
  }
  out.append(R"(},"source":)");
  json::AppendString(out, source);
  out.append("}\n");
}

void AttributeWriter::AppendRejectedLine(std::string& out) {
  out.append("{\"id\":null,\"attributes\":{},\"source\":null}\n");
}

// Each type ends with a comma, also the last one.
void AttributeWriter::AppendSpans(const Keys& keys, std::span<const Span> spans,
                                  const TaggerState* state, std::string& out) const {
  const std::size_t own_types = keys.by_type.size();
  std::vector<std::string> learned;
  if (state != nullptr) {
    for (const std::string& type : state->learned_types()) {
      learned.push_back(RenderKey(keys.prefix, type));
    }
  }
  const auto key_of = [&](const Span& span) -> const std::string& {
    return span.type < own_types ? keys.by_type[span.type] : learned[span.type - own_types];
  };
  std::size_t room = spans.size() * (kMaxSpanBytes + 4);
  for (std::size_t i = 0; i < spans.size(); ++i) {
    room += i == 0 || spans[i].type != spans[i - 1].type ? key_of(spans[i]).size() : 0;
  }
  const std::size_t old_size = out.size();
  out.resize(old_size + room);
  char* at = out.data() + old_size;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const Span& span = spans[i];
    if (i == 0 || span.type != spans[i - 1].type) {
      const std::string& key = key_of(span);
      std::memcpy(at, key.data(), key.size());
      at += key.size();
    }
    *at++ = '[';
    at = WriteUint(at, span.start);
    *at++ = ',';
    at = WriteUint(at, span.end);
    *at++ = ',';
    at = WriteScore(at, span.score);
    *at++ = ']';
    if (i + 1 == spans.size() || spans[i + 1].type != span.type) {
      *at++ = ']';
    }
    *at++ = ',';
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

}  // namespace datalake::curate
