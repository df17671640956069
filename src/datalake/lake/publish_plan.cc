#include "datalake/lake/publish_plan.h"

#include <nlohmann/json.hpp>

#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"
#include "datalake/json/config_reader.h"
#include "datalake/lake/yaml_value.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxFileBytes = 1 << 20;

Result<SnapshotPlan> ReadSnapshot(json::ConfigReader& config, const json::Value& value) {
  SnapshotPlan plan;
  std::string kind = "raw";
  config.Require("feed", plan.feed);
  config.Read("kind", kind);
  config.Read("every_hours", plan.every_hours);
  config.Read("every_records", plan.every_records);
  config.Read("license", plan.license);
  config.Read("description", plan.description);
  static_cast<void>(config.Object("curation"));  // its keys belong to who curates
  DATALAKE_TRY(config.Finish());
  DATALAKE_TRY(CheckName("feed", plan.feed));
  DATALAKE_TRY_ASSIGN(plan.kind, ParseSnapshotKind(kind));
  if (const json::Value* curation = json::Find(value, "curation");
      curation != nullptr && curation->is_object()) {
    plan.curation = json::DumpValue(*curation);
  }
  return plan;
}

}  // namespace

Result<PublishPlan> ParsePublishPlan(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, ParseYaml(text, where));
  PublishPlan plan;
  json::ConfigReader config(value, std::string(where));
  config.Read("compaction", plan.compacts);
  std::size_t number = 0;
  for (json::ConfigReader& snapshot : config.Objects("snapshots")) {
    DATALAKE_TRY_ASSIGN(SnapshotPlan read, ReadSnapshot(snapshot, value["snapshots"][number++]));
    plan.snapshots.push_back(std::move(read));
  }
  for (json::ConfigReader& copy : config.Objects("copies")) {
    CopyPlan& read = plan.copies.emplace_back();
    copy.Require("feed", read.feed);
    copy.Require("to", read.to);
    DATALAKE_TRY(copy.Finish());
    DATALAKE_TRY(CheckName("feed", read.feed));
  }
  DATALAKE_TRY(config.Finish());
  return plan;
}

Result<PublishPlan> ReadPublishPlan(const LakeContext& context) {
  const std::string path = io::JoinPath(context.layout.root(), "config/publish.yaml");
  const auto text = io::ReadFile(context.fs, path, kMaxFileBytes);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound ? Result<PublishPlan>(PublishPlan())
                                                     : Result<PublishPlan>(text.error());
  }
  return ParsePublishPlan(*text, path);
}

}  // namespace datalake::lake
