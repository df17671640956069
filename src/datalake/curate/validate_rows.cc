#include "datalake/curate/validate_rows.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "datalake/text/lines.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The members that are looked at; the text is not, it may be long.
const std::vector<std::string>& WantedKeys() {
  static const std::vector<std::string> keys = {"source", "added", "created", "version"};
  return keys;
}

std::string_view KindOfValue(std::string_view raw) {
  switch (raw.empty() ? '\0' : raw.front()) {
    case '"':
      return "a string";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

// What a member must be, for those of the format.
enum class Wanted : std::uint8_t { kString, kStringOrNull, kObjectOrNull, kObject };

std::optional<Wanted> WantedOf(std::string_view key) {
  if (key == "id" || key == "text" || key == "source" || key == "added" || key == "created") {
    return Wanted::kString;
  }
  if (key == "version") {
    return Wanted::kStringOrNull;
  }
  if (key == "metadata") {
    return Wanted::kObjectOrNull;
  }
  return key == "attributes" ? std::optional(Wanted::kObject) : std::nullopt;
}

bool IsOfType(std::string_view raw, Wanted wanted) {
  const char first = raw.empty() ? '\0' : raw.front();
  switch (wanted) {
    case Wanted::kString:
      return first == '"';
    case Wanted::kStringOrNull:
      return first == '"' || first == 'n';
    case Wanted::kObjectOrNull:
      return first == '{' || first == 'n';
    case Wanted::kObject:
      return first == '{';
  }
  return false;
}

std::string_view Name(Wanted wanted) {
  return wanted == Wanted::kString || wanted == Wanted::kStringOrNull ? "a string" : "an object";
}

// At most 80 bytes of a value, for messages.
std::string Shown(std::string_view text) {
  constexpr std::size_t kShown = 80;
  if (text.size() <= kShown) {
    return std::string(text);
  }
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;  // not within a character
  }
  return fmt::format("{}...", text.substr(0, end));
}

// Calls `repeated` once for each name that comes again.
template <typename Repeated>
void ForRepeatedKeys(const std::vector<json::RawField>& fields, Repeated repeated) {
  constexpr std::size_t kFew = 16;
  if (fields.size() <= kFew) {
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const auto end = fields.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::any_of(fields.begin(), end,
                      [&](const json::RawField& other) { return other.key == fields[i].key; })) {
        repeated(fields[i].key);
      }
    }
    return;
  }
  std::vector<std::string_view> keys;
  for (const json::RawField& field : fields) {
    keys.push_back(field.key);
  }
  std::sort(keys.begin(), keys.end());
  for (auto at = std::adjacent_find(keys.begin(), keys.end()); at != keys.end();
       at = std::adjacent_find(at + 1, keys.end())) {
    repeated(*at);
  }
}

// Takes `digits` decimal digits off `text`; nothing when they are not there.
std::optional<unsigned> TakeNumber(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) {
    return std::nullopt;
  }
  unsigned number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    number = number * 10 + static_cast<unsigned>(text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool TakeChar(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// Two digits not above `max`.
bool TakePair(std::string_view& text, unsigned max) {
  const auto number = TakeNumber(text, 2);
  return number.has_value() && *number <= max;
}

bool TakeDay(std::string_view& text) {
  const auto year = TakeNumber(text, 4);
  if (!year || !TakeChar(text, "-")) {
    return false;
  }
  const auto month = TakeNumber(text, 2);
  if (!month || !TakeChar(text, "-")) {
    return false;
  }
  const auto day = TakeNumber(text, 2);
  return day.has_value() &&
         std::chrono::year_month_day(std::chrono::year(static_cast<int>(*year)),
                                     std::chrono::month(*month), std::chrono::day(*day))
             .ok();
}

bool TakeTime(std::string_view& text) {
  if (!TakePair(text, 24) || !TakeChar(text, ":") || !TakePair(text, 59)) {
    return false;
  }
  if (!TakeChar(text, ":")) {
    return true;  // hh:mm
  }
  if (!TakePair(text, 60)) {  // 60: a leap second
    return false;
  }
  if (TakeChar(text, ".,")) {
    if (!TakeNumber(text, 1)) {
      return false;
    }
    while (TakeNumber(text, 1)) {
    }
  }
  return true;
}

bool TakeZone(std::string_view& text) {
  if (text.empty() || TakeChar(text, "Zz")) {
    return true;
  }
  if (!TakeChar(text, "+-") || !TakePair(text, 23)) {
    return false;
  }
  TakeChar(text, ":");
  return text.empty() || TakePair(text, 59);
}

bool IsIndex(const json::FlatNode& node) {
  return node.type == json::NodeType::kUint ||
         (node.type == json::NodeType::kInt && node.integer >= 0);
}

// Why `span` is none of a text of `size_bytes`; nothing when it is one. A text of so many bytes has
// at most so many code points. Marks of whole documents begin at 0 and count the bytes of a key
// that need not be the text.
std::string_view FaultOfSpan(const json::FlatNode& span, std::uint64_t size_bytes) {
  if (span.type != json::NodeType::kArray || span.size != 3) {
    return "must be [start, end, score]";
  }
  const json::FlatNode& start = *json::FindElement(span, 0);
  const json::FlatNode& end = *json::FindElement(span, 1);
  if (!IsIndex(start) || !IsIndex(end)) {
    return "start and end must be integers from 0";
  }
  if (!json::IsNumber(*json::FindElement(span, 2))) {
    return "score must be a number";
  }
  if (json::AsDouble(start) > json::AsDouble(end)) {
    return "starts behind its end";
  }
  return json::AsDouble(start) > 0 && json::AsDouble(end) > static_cast<double>(size_bytes)
             ? "ends behind the text"
             : "";
}

// A list of lists is a list of spans; any other value is the user's own.
bool LooksLikeSpans(const json::FlatNode& value) {
  return value.type == json::NodeType::kArray && value.size > 0 &&
         json::FindElement(value, 0)->type == json::NodeType::kArray;
}

}  // namespace

bool IsTimestamp(std::string_view text) {
  if (!TakeDay(text)) {
    return false;
  }
  if (text.empty()) {
    return true;
  }
  return TakeChar(text, "Tt ") && TakeTime(text) && TakeZone(text) && text.empty();
}

Status RowValidator::CheckDocuments(const format::DocumentReader& reader, std::uint64_t num_rows,
                                    format::DocumentBatch& batch, FileFindings& findings,
                                    std::vector<ValidatedRow>& rows) {
  DATALAKE_TRY(reader.Decode(batch, parser_));
  rows.clear();
  rows.resize(num_rows);
  auto reject = batch.rejects().begin();
  const auto check_rejects_before = [&](std::uint64_t line) {
    for (; reject != batch.rejects().end() && reject->line < line; ++reject) {
      CheckReject(*reject, batch.first_line() + reject->line, findings);
    }
  };
  for (const format::Document& document : batch.documents()) {
    if (document.line >= num_rows) {
      break;
    }
    check_rejects_before(document.line);
    CheckDocument(document, batch.first_line() + document.line, findings, rows[document.line]);
  }
  check_rejects_before(num_rows);
  return {};
}

void RowValidator::CheckReject(const format::RejectedLine& reject, std::uint64_t line,
                               FileFindings& findings) {
  const std::string& reason = reject.reason;
  const bool is_line = reject.raw_line.data() != nullptr;  // not a row of Parquet
  if (line == 1 && reject.raw_line.starts_with(kByteOrderMark)) {
    findings.Add(FindingKind::kByteOrderMark, line, "begins with a byte order mark");
  } else if (reason.starts_with("invalid UTF-8")) {
    findings.Add(FindingKind::kNotUtf8, line, reason);
  } else if (reason.starts_with("no `")) {
    findings.Add(FindingKind::kMissingKey, line, reason);
  } else if (is_line && text::IsBlank(reject.raw_line)) {
    findings.Add(FindingKind::kBlankLine, line, "blank line");
  } else {
    findings.Add(FindingKind::kBadJson, line, reason);
  }
}

void RowValidator::CheckDocument(const format::Document& document, std::uint64_t line,
                                 FileFindings& findings, ValidatedRow& row) {
  row.size_bytes = document.text.size();
  row.source = document.source;
  row.has_id = document.id_raw.empty();
  if (row.has_id) {
    row.id = document.id;
  }
  if (!document.raw_line.empty()) {
    if (line == 1 && document.raw_line.starts_with(kByteOrderMark)) {
      findings.Add(FindingKind::kByteOrderMark, line, "begins with a byte order mark");
    }
    CheckFields(document, line, findings);
  }
  if (row.has_id && row.id.empty()) {
    findings.Add(FindingKind::kMissingKey, line, "`id` is empty");
    row.has_id = false;
  }
}

void RowValidator::CheckFields(const format::Document& document, std::uint64_t line,
                               FileFindings& findings) {
  tree_.Clear();
  fields_.clear();
  const std::size_t root = tree_.Open(json::NodeType::kObject, {});
  std::string_view text = document.raw_line;
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  if (const Status parsed = tree_parser_.AppendFields(text, tree_, &WantedKeys(), fields_);
      !parsed) {
    findings.Add(FindingKind::kBadJson, line, parsed.error().message);
    return;
  }
  tree_.Close(root);
  for (const std::string_view key : {"id", "text", "source"}) {
    if (std::none_of(fields_.begin(), fields_.end(),
                     [&](const json::RawField& field) { return field.key == key; })) {
      findings.AddLazily(FindingKind::kMissingKey, line,
                         [&] { return fmt::format("no `{}`", key); });
    }
  }
  for (const json::RawField& field : fields_) {
    const auto wanted = WantedOf(field.key);
    if (wanted.has_value() && !IsOfType(field.raw, *wanted)) {
      findings.AddLazily(FindingKind::kWrongType, line, [&] {
        return fmt::format("`{}` must be {}, not {}: {}", field.key, Name(*wanted),
                           KindOfValue(field.raw), Shown(field.raw));
      });
    }
  }
  ForRepeatedKeys(fields_, [&](std::string_view key) {
    findings.AddLazily(FindingKind::kRepeatedKey, line,
                       [&] { return fmt::format("key twice: {}", Shown(key)); });
  });
  for (const std::string_view key : {"added", "created"}) {
    const json::FlatNode* const value = json::FindMember(tree_.root(), key);
    if (value != nullptr && value->type == json::NodeType::kString && !IsTimestamp(value->text)) {
      findings.AddLazily(FindingKind::kBadTimestamp, line, [&] {
        return fmt::format("`{}` is no date and time: {}", key, Shown(value->text));
      });
    }
  }
}

Status RowValidator::CheckAttributes(const AttributeReader& reader,
                                     const std::vector<ValidatedRow>& documents,
                                     AttributeBatch& batch, FileFindings& findings) {
  DATALAKE_TRY(reader.Decode(batch));
  const std::size_t rows = std::min(batch.rows().size(), documents.size());
  for (std::size_t i = 0; i < rows; ++i) {
    CheckAttributeRow(batch.rows()[i], batch.first_row() + i, documents[i], findings);
  }
  return {};
}

void RowValidator::CheckAttributeRow(std::string_view text, std::uint64_t line,
                                     const ValidatedRow& document, FileFindings& findings) {
  tree_.Clear();
  fields_.clear();
  const std::size_t root = tree_.Open(json::NodeType::kObject, {});
  if (const Status parsed = tree_parser_.AppendFields(text, tree_, nullptr, fields_); !parsed) {
    findings.Add(FindingKind::kAttributeForm, line, parsed.error().message);
    return;
  }
  tree_.Close(root);
  const json::FlatNode* const id = json::FindMember(tree_.root(), "id");
  if (id == nullptr) {
    findings.Add(FindingKind::kAttributeForm, line, "no `id`");
  } else if (document.has_id && (id->type != json::NodeType::kString || id->text != document.id)) {
    findings.AddLazily(FindingKind::kAttributeIds, line, [&] {
      return fmt::format("id {}, its document has \"{}\"", Shown(id->raw), Shown(document.id));
    });
  }
  const json::FlatNode* const source = json::FindMember(tree_.root(), "source");
  if (source != nullptr && document.has_id && source->type == json::NodeType::kString &&
      source->text != document.source) {
    findings.AddLazily(FindingKind::kAttributeIds, line, [&] {
      return fmt::format("source \"{}\", its document has \"{}\"", Shown(source->text),
                         Shown(document.source));
    });
  }
  const json::FlatNode* const attributes = json::FindMember(tree_.root(), "attributes");
  if (attributes == nullptr || attributes->type != json::NodeType::kObject) {
    findings.Add(FindingKind::kAttributeForm, line,
                 attributes == nullptr ? "no `attributes`" : "`attributes` must be an object");
    return;
  }
  CheckSpans(*attributes, line, document, findings);
}

void RowValidator::CheckSpans(const json::FlatNode& attributes, std::uint64_t line,
                              const ValidatedRow& document, FileFindings& findings) {
  const json::FlatNode* value = &attributes + 1;
  for (std::uint32_t i = 0; i < attributes.size; ++i, value += value->span) {
    if (!LooksLikeSpans(*value)) {
      continue;
    }
    const json::FlatNode* span = value + 1;
    for (std::uint32_t k = 0; k < value->size; ++k, span += span->span) {
      const std::string_view fault =
          FaultOfSpan(*span, document.has_id ? document.size_bytes : UINT64_MAX);
      if (!fault.empty()) {
        findings.AddLazily(FindingKind::kAttributeForm, line, [&] {
          return fmt::format("span {}: {}: {}", fault, Shown(value->key), Shown(span->raw));
        });
      }
    }
  }
}

}  // namespace datalake::curate
