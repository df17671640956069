// datalake feed export, snapshot, snapshots: what a feed gives away; feed compact.
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/tagger.h"
#include "datalake/job/feed_curation.h"
#include "datalake/json/config_reader.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/feed_export.h"
#include "datalake/lake/feed_snapshot.h"
#include "datalake/lake/feed_upkeep.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_file.h"
#include "apps/datalake/feed_filter_options.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/print_facts.h"

namespace datalake::apps {
namespace {

constexpr std::string_view kDays = "days";

std::vector<Fact> ExportFacts(const lake::FeedExportReport& report, const std::string& output) {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  return {{"output", output},
          {"records", number(report.records)},
          {"lines", number(report.lines)},
          {"files", number(report.files)},
          {"unchanged", number(report.unchanged)},
          {"removed", number(report.removed)},
          {"skipped", number(report.skipped)},
          {"bytes", number(report.bytes)}};
}

class ExportCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed export"; }

  std::string_view Summary() const override {
    return "Writes chats as Parquet files by day, or as lines for training";
  }

  std::string_view Example() const override {
    return "datalake feed export chat ./dump --layout days\n"
           "datalake feed export chat pairs.jsonl.gz --layout pairs --from 2026-01-01\n"
           "datalake feed export chat sft.jsonl --layout sft --snapshot curated";
  }

  void Declare(OptionSet& options) override {
    options.Argument("feed", feed_, "the feed");
    options.Argument("output", output_, "a folder (days), or a new file (.gz and .zst compress)");
    options.Choice("--layout", layout_, {"days", "sft", "pairs", "sharegpt", "text"},
                   "days: data/YYYY_MM_DD/chats/ID.parquet; sft: messages; pairs: edited answers "
                   "preferred; sharegpt; text: a document a chat");
    options.String("--snapshot", snapshot_,
                   "the rows of a snapshot (raw, cleaned, curated, or KIND/VERSION) instead of the "
                   "feed's");
    options.Flag("--mirror", mirrors_,
                 "days: remove files of chats in the folder that are no longer among the records");
    filter_.Declare(options);
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const lake::FeedFilter filter, filter_.ToFilter());
    if (!snapshot_.empty() && lake::FeedFilterJson(filter) != "{}") {
      return Error{ErrorCode::kInvalidArgument,
                   "a snapshot is exported whole; leave the filters out"};
    }
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries,
                        lake::FeedQueries::Open(*lake, {.threads = context.Threads()}));
    DATALAKE_TRY_ASSIGN(const auto rows, Rows(context, *lake, *queries, filter));
    const lake::ExportControl control{.progress = context.progress, .stop = context.stop};
    if (layout_ == kDays) {
      DATALAKE_TRY_ASSIGN(const auto report, lake::ExportDays(context.fs, *rows, output_,
                                                              mirrors_ ? lake::OtherFiles::kRemove
                                                                       : lake::OtherFiles::kKeep,
                                                              control));
      DATALAKE_TRY(PrintFacts(context, ExportFacts(report, output_)));
      return 0;
    }
    DATALAKE_TRY_ASSIGN(const lake::TrainingFormat format, lake::ParseTrainingFormat(layout_));
    DATALAKE_TRY_ASSIGN(const auto report,
                        lake::ExportTraining(context.fs, *rows, format, output_, control));
    DATALAKE_TRY(PrintFacts(context, ExportFacts(report, output_)));
    return 0;
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatchReader>> Rows(Context& context, lake::Lake& lake,
                                                         lake::FeedQueries& queries,
                                                         const lake::FeedFilter& filter) {
    if (snapshot_.empty()) {
      DATALAKE_TRY_ASSIGN(
          lake::FeedRows found,
          queries.Rows(feed_, filter,
                       layout_ == kDays ? lake::DaysColumns() : lake::TrainingColumns(),
                       context.stop));
      return std::move(found.rows);
    }
    const std::size_t slash = std::min(snapshot_.find('/'), snapshot_.size());
    DATALAKE_TRY_ASSIGN(const lake::SnapshotKind kind,
                        lake::ParseSnapshotKind(std::string_view(snapshot_).substr(0, slash)));
    const std::string version =
        slash == snapshot_.size() ? std::string() : snapshot_.substr(slash + 1);
    return lake::Collections(lake).Open(lake::SnapshotCollection(feed_, kind), version);
  }

  std::string feed_;
  std::string output_;
  std::string layout_ = std::string(kDays);
  std::string snapshot_;
  bool mirrors_ = false;
  FeedFilterOptions filter_;
};

class SnapshotCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed snapshot"; }

  std::string_view Summary() const override {
    return "Publishes a feed's current records as the next version of a collection";
  }

  std::string_view Example() const override {
    return "datalake feed snapshot chat\n"
           "datalake -c curation.yaml feed snapshot chat --kind curated --license CC-BY-4.0";
  }

  void Declare(OptionSet& options) override {
    options.Argument("feed", feed_, "the feed");
    options.Choice("--kind", kind_, {"raw", "cleaned", "curated"},
                   "raw: all records; cleaned: no empty ones, personal data masked; curated: no "
                   "duplicates, spam, too short or too long ones either; the rules are keys of "
                   "--config (docs/publishing.md)");
    options.String("--license", license_, "SPDX id under which the records were given");
    options.String("--description", description_, "a line for its card");
    options.String("--created-by", created_by_, "who makes it");
    filter_.Declare(options);
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const lake::SnapshotKind kind, lake::ParseSnapshotKind(kind_));
    DATALAKE_TRY_ASSIGN(const auto stage, MakeStage(context, kind));
    lake::FeedSnapshotRequest request{.feed = feed_,
                                      .kind = kind,
                                      .license = license_,
                                      .description = description_,
                                      .created_by = created_by_,
                                      .stage = stage.get()};
    DATALAKE_TRY_ASSIGN(request.filter, filter_.ToFilter());
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries,
                        lake::FeedQueries::Open(*lake, {.threads = context.Threads()}));
    DATALAKE_TRY_ASSIGN(
        const lake::CollectionInfo made,
        lake::MakeFeedSnapshot(*lake, *queries, request,
                               {.progress = context.progress, .stop = context.stop}));
    std::vector<Fact> facts = {{"collection", made.name},
                               {"version", made.version},
                               {"rows", made.num_samples},
                               {"bytes", static_cast<std::int64_t>(made.size_bytes)},
                               {"path", made.path}};
    if (stage != nullptr) {
      facts.push_back({"report", stage->ReportJson()});
    }
    DATALAKE_TRY(PrintFacts(context, facts));
    return 0;
  }

 private:
  Result<std::unique_ptr<lake::SnapshotStage>> MakeStage(Context& context,
                                                         lake::SnapshotKind kind) const {
    if (kind == lake::SnapshotKind::kRaw) {
      return std::unique_ptr<lake::SnapshotStage>();
    }
    DATALAKE_TRY_ASSIGN(const json::Value config,
                        ReadConfig(context.fs, context.options.config, {}));
    json::ConfigReader reader(config,
                              context.options.config.empty() ? "config" : context.options.config);
    DATALAKE_TRY_ASSIGN(const job::FeedCurationOptions options,
                        job::ReadFeedCurationOptions(reader, kind));
    curate::TaggerRegistry registry;
    DATALAKE_TRY(curate::AddBuiltinTaggers(registry));
    return job::MakeFeedCuration(options, registry);
  }

  std::string feed_;
  std::string kind_ = "raw";
  std::string license_;
  std::string description_;
  std::string created_by_ = "datalake";
  FeedFilterOptions filter_;
};

class SnapshotsCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed snapshots"; }

  std::string_view Summary() const override { return "Lists the snapshots of a feed"; }

  std::string_view Example() const override { return "datalake feed snapshots chat --json"; }

  void Declare(OptionSet& options) override { options.Argument("feed", feed_, "the feed"); }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto snapshots, lake::ListFeedSnapshots(*lake, feed_));
    for (const lake::SnapshotInfo& snapshot : snapshots) {
      DATALAKE_TRY(
          PrintFacts(context, {{"collection", snapshot.collection.name},
                               {"version", snapshot.collection.version},
                               {"kind", std::string(lake::ToString(snapshot.kind))},
                               {"rows", snapshot.collection.num_samples},
                               {"created_at", FormatTimestamp(snapshot.collection.created_at)}}));
    }
    return 0;
  }

 private:
  std::string feed_;
};

class CompactCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed compact"; }

  std::string_view Summary() const override {
    return "Puts the small files of a feed's days together: the same rows in few files";
  }

  std::string_view Example() const override {
    return "datalake feed compact chat\ndatalake feed compact chat --before 2026-02-01";
  }

  void Declare(OptionSet& options) override {
    options.Argument("feed", feed_, "the feed");
    options.String("--before", before_, "only days before this one, like 2026-01-31");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY(lake::FeedFilter{.to = before_}.Validate());
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const lake::FeedUpkeepReport report,
                        lake::CompactFeed(*lake, feed_, before_, context.progress, context.stop));
    DATALAKE_TRY(PrintFacts(context, {{"days", report.days_compacted},
                                      {"files_removed", report.files_removed},
                                      {"files_added", report.files_added},
                                      {"days_skipped", report.days_skipped}}));
    return 0;
  }

 private:
  std::string feed_;
  std::string before_;
};

}  // namespace

void AddFeedPublishCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<ExportCommand>());
  commands.push_back(std::make_unique<SnapshotCommand>());
  commands.push_back(std::make_unique<SnapshotsCommand>());
  commands.push_back(std::make_unique<CompactCommand>());
}

}  // namespace datalake::apps
