#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/json/tree.h"
#include "datalake/lake/chat_record.h"
#include "datalake/lake/feed_definition.h"

namespace datalake::lake {

/// A record of a feed with fields of its own: what every record has, and the values of the
/// definition's fields in their order (nothing: absent or null).
struct FieldRecord {
  std::optional<json::Tree> tree = {};  ///< owns what `values` look at
  std::optional<std::string> ingest_id = {};
  std::optional<std::string> source = {};
  std::optional<std::string> submitter_id = {};
  std::optional<std::string> attribution = {};  ///< of the key "network/attribution"
  std::vector<std::optional<json::Node>> values = {};
  std::string extra = {};  ///< JSON object of the unknown keys; empty when there are none
};

struct FieldParseResult {
  FieldRecord record;
  std::vector<ValidationProblem> problems;
};

/// Checks and reads one record: keys, types, allowed values and lengths of `definition`. Bad input
/// is a problem, never an error. Pure, Thread-safe.
FieldParseResult ParseFields(const FeedDefinition& definition, std::string_view body);

/// The problem with a text that is no JSON, with its byte offset.
ValidationProblem UnreadableProblem(std::string_view body, const Error& error);

/// Adds the problem with an ingest_id that is no name (base/name.h), if it is none.
void CheckIngestId(const std::optional<std::string_view>& ingest_id,
                   std::vector<ValidationProblem>& problems);

}  // namespace datalake::lake
