#include "datalake/lake/field_record.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/name.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/text/utf8.h"

namespace datalake::lake {
namespace {

using json::Node;
using json::NodeType;

constexpr std::string_view kReservedKey = "_lake";
constexpr std::array<std::string_view, 4> kCommonKeys = {"ingest_id", "source", "submitter_id",
                                                         "network/attribution"};

// "2026-01-31": the form only; the calendar's rules are checked by who reads dates.
bool LooksLikeDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return false;
  }
  for (const std::size_t at : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (text[at] < '0' || text[at] > '9') {
      return false;
    }
  }
  const int month = (text[5] - '0') * 10 + (text[6] - '0');
  const int day = (text[8] - '0') * 10 + (text[9] - '0');
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

class FieldReader {
 public:
  FieldReader(const FeedDefinition& definition, FieldParseResult& result)
      : definition_(definition), result_(result) {}

  void Read(const Node& body);

 private:
  void Problem(std::vector<LocationStep> location, std::string message, std::string type) {
    result_.problems.push_back({std::move(location), std::move(message), std::move(type), {}});
  }

  void ReadCommon(std::size_t key, const Node& value);
  void CheckValue(const FeedField& field, const Node& value);
  void CheckText(const FeedField& field, std::string_view text,
                 const std::vector<LocationStep>& location);

  const FeedDefinition& definition_;
  FieldParseResult& result_;
};

void FieldReader::Read(const Node& body) {
  if (body.type() != NodeType::kObject) {
    return Problem({}, "value is not a valid dict", "type_error.dict");
  }
  FieldRecord& record = result_.record;
  record.values.resize(definition_.fields.size());
  json::Writer writer(record.extra);
  std::string text;
  body.ForEachMember([&](std::string_view key, Node value) {
    const auto common = std::find(kCommonKeys.begin(), kCommonKeys.end(), key);
    if (common != kCommonKeys.end()) {
      return ReadCommon(static_cast<std::size_t>(common - kCommonKeys.begin()), value);
    }
    for (std::size_t i = 0; i < definition_.fields.size(); ++i) {
      if (definition_.fields[i].name == key) {
        record.values[i] = value;  // the last one of a key wins
        return;
      }
    }
    if (key == kReservedKey) {
      return Problem({{std::string(key)}}, "key is reserved for the lake", "value_error.reserved");
    }
    if (record.extra.empty()) {
      writer.BeginObject();
    }
    text.clear();
    value.AppendJson(text);
    writer.Key(key);
    writer.Raw(text);
  });
  if (!record.extra.empty()) {
    writer.EndObject();
  }
  CheckIngestId(record.ingest_id, result_.problems);
  for (std::size_t i = 0; i < definition_.fields.size(); ++i) {
    const FeedField& field = definition_.fields[i];
    std::optional<Node>& value = record.values[i];
    const bool is_null = value && value->type() == NodeType::kNull;
    if (field.required && (!value || is_null)) {
      Problem({{field.name}}, is_null ? "none is not an allowed value" : "field required",
              is_null ? "type_error.none.not_allowed" : "value_error.missing");
    }
    if (is_null) {
      value.reset();
    }
    if (value) {
      CheckValue(field, *value);
    }
  }
}

void FieldReader::ReadCommon(std::size_t key, const Node& value) {
  FieldRecord& record = result_.record;
  std::array<std::optional<std::string>*, 4> targets = {&record.ingest_id, &record.source,
                                                        &record.submitter_id, &record.attribution};
  if (value.type() == NodeType::kNull) {
    targets[key]->reset();
  } else if (value.type() == NodeType::kString) {
    *targets[key] = std::string(value.GetString());
  } else {
    Problem({{std::string(kCommonKeys[key])}}, "str type expected", "type_error.str");
  }
}

void FieldReader::CheckText(const FeedField& field, std::string_view text,
                            const std::vector<LocationStep>& location) {
  if (!field.allowed.empty() &&
      std::find(field.allowed.begin(), field.allowed.end(), text) == field.allowed.end()) {
    std::string permitted;
    for (const std::string& value : field.allowed) {
      permitted += fmt::format("{}'{}'", permitted.empty() ? "" : ", ", value);
    }
    result_.problems.push_back({location,
                                "value is not a valid enumeration member; permitted: " + permitted,
                                "type_error.enum", field.allowed});
  }
  const std::uint64_t own = field.max_chars;
  const std::uint64_t all = definition_.limits.max_text_chars;
  const std::uint64_t most = own == 0 ? all : all == 0 ? own : std::min(own, all);
  if (most > 0 && text.size() > most && text::CountCodePoints(text) > most) {
    Problem(location, fmt::format("ensure this value has at most {} characters", most),
            "value_error.any_str.max_length");
  }
}

void FieldReader::CheckValue(const FeedField& field, const Node& value) {
  const NodeType type = value.type();
  const std::vector<LocationStep> location = {{field.name}};
  switch (field.type) {
    case FeedFieldType::kText:
      return type == NodeType::kString ? CheckText(field, value.GetString(), location)
                                       : Problem(location, "str type expected", "type_error.str");
    case FeedFieldType::kInteger:
      if (type != NodeType::kInt) {
        Problem(location, "value is not a valid integer", "type_error.integer");
      }
      return;
    case FeedFieldType::kNumber:
      if (type != NodeType::kInt && type != NodeType::kUint && type != NodeType::kDouble) {
        Problem(location, "value is not a valid float", "type_error.float");
      }
      return;
    case FeedFieldType::kBoolean:
      if (type != NodeType::kBool) {
        Problem(location, "value could not be parsed to a boolean", "type_error.bool");
      }
      return;
    case FeedFieldType::kDate:
      if (type != NodeType::kString || !LooksLikeDate(value.GetString())) {
        Problem(location, "invalid date format", "value_error.date");
      }
      return;
    case FeedFieldType::kTexts: {
      if (type != NodeType::kArray) {
        return Problem(location, "value is not a valid list", "type_error.list");
      }
      std::size_t index = 0;
      value.ForEachItem([&](const Node& item) {
        const std::vector<LocationStep> at = {{field.name}, {"", index++}};
        if (item.type() == NodeType::kString) {
          CheckText(field, item.GetString(), at);
        } else {
          Problem(at, "str type expected", "type_error.str");
        }
      });
      if (index > definition_.limits.max_items) {
        Problem(location,
                fmt::format("ensure this value has at most {} items", definition_.limits.max_items),
                "value_error.list.max_items");
      }
      return;
    }
    case FeedFieldType::kJson:
      return;
  }
}

}  // namespace

FieldParseResult ParseFields(const FeedDefinition& definition, std::string_view body) {
  FieldParseResult result;
  auto tree = json::Tree::Parse(body);
  if (!tree) {
    result.problems.push_back(UnreadableProblem(body, tree.error()));
    return result;
  }
  result.record.tree = *std::move(tree);
  FieldReader(definition, result).Read(result.record.tree->root());
  return result;
}

ValidationProblem UnreadableProblem(std::string_view body, const Error& error) {
  const auto value = json::ParseValue(body, "body");
  const std::string& message = value ? error.message : value.error().message;
  return {{}, message, "value_error.jsondecode", {}};
}

void CheckIngestId(const std::optional<std::string_view>& ingest_id,
                   std::vector<ValidationProblem>& problems) {
  if (ingest_id && !CheckName("ingest_id", *ingest_id)) {
    problems.push_back({{{"ingest_id"}},
                        "string does not match regex \"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$\"",
                        "value_error.str.regex",
                        {}});
  }
}

}  // namespace datalake::lake
