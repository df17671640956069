// datalake collections save|import: rows of a search, of SQL, of files, as a new version.
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/format/hf_dataset.h"
#include "datalake/format/rows.h"
#include "datalake/format/watched_rows.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/collections.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/prompt.h"
#include "apps/datalake/search_options.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

// The options that both commands share.
struct SaveArguments {
  std::string name = {};
  std::string description = {};
  std::string splits = {};
  std::string split_key = {};

  void Declare(OptionSet& options) {
    options.String("--description", description, "what it is for");
    options.String("--split", splits, "parts and their shares, such as train=0.9,test=0.1");
    options.String("--split-key", split_key,
                   "the column whose hash decides the part, so that a row never changes sides");
  }

  // Errors: kInvalidArgument.
  Result<lake::SaveCollectionRequest> ToRequest(lake::CollectionSource source) const {
    const CollectionName target = SplitCollectionName(name);
    lake::SaveCollectionRequest request{.name = target.name,
                                        .version = target.version,
                                        .description = description,
                                        .created_by = CurrentUser(),
                                        .source = std::move(source)};
    DATALAKE_TRY_ASSIGN(request.splits, lake::ParseSplitPlan(splits, split_key));
    return request;
  }
};

class SaveCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections save"; }

  std::string_view Summary() const override {
    return "Saves the rows of a search or of SQL as a new version of a collection";
  }

  std::string_view Example() const override {
    return "datalake collections save train --task ocr --where \"lang = 'ko'\"\n"
           "datalake collections save train --task ocr --split train=0.9,test=0.1 --split-key "
           "hash\n"
           "datalake collections save train/v1.0 --sql 'select * from data.\"a/b/raw\"'";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", arguments_.name,
                     "NAME, or NAME/VERSION (default: the next of v1, v2, …)");
    options.String("--sql", sql_, "the rows of this statement, instead of a search");
    arguments_.Declare(options);
    search_.Declare(options);
  }

  Result<int> Run(Context& context) override {
    if (!sql_.empty() && !search_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "give --sql or a search, not both"};
    }
    DATALAKE_TRY_ASSIGN(const lake::SearchRequest search, search_.ToRequest());
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries, OpenQueries(context, *lake));
    DATALAKE_TRY_ASSIGN(lake::QueryAnswer answer, sql_.empty()
                                                      ? queries->Search(search, {}, context.stop)
                                                      : queries->Sql(sql_, {}, context.stop));
    DATALAKE_TRY_ASSIGN(
        const auto request,
        arguments_.ToRequest({.kind = sql_.empty() ? "search" : "sql",
                              .query = sql_.empty() ? lake::SearchRequestJson(search) : sql_,
                              .inputs = answer.sources}));
    const auto rows =
        format::WatchRows(std::move(answer.rows), "save", 0, context.progress, context.stop);
    DATALAKE_TRY_ASSIGN(const lake::CollectionInfo saved,
                        lake::Collections(*lake).Save(*rows, request));
    DATALAKE_TRY(ShowCollection(context, saved));
    return 0;
  }

 private:
  SaveArguments arguments_;
  std::string sql_;
  SearchOptions search_;
};

class ImportCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections import"; }

  std::string_view Summary() const override {
    return "Saves the rows of a file or folder as a new version of a collection";
  }

  std::string_view Example() const override {
    return "datalake collections import train.parquet train --description 'first set'";
  }

  void Declare(OptionSet& options) override {
    options.Argument("source", source_,
                     "Parquet, CSV, JSON lines, Arrow, a glob of them, or a saved HF dataset",
                     false);
    options.Argument("name", arguments_.name,
                     "NAME, or NAME/VERSION (default: the next of v1, v2, …)", false);
    arguments_.Declare(options);
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    Prompt prompt(context);
    DATALAKE_TRY(Ask(prompt));
    DATALAKE_TRY_ASSIGN(const auto request,
                        arguments_.ToRequest({.kind = "import", .query = source_}));
    DATALAKE_TRY_ASSIGN(auto source, OpenSource(context));
    const auto rows =
        format::WatchRows(std::move(source), "import", 0, context.progress, context.stop);
    DATALAKE_TRY_ASSIGN(const lake::CollectionInfo saved,
                        lake::Collections(*lake).Save(*rows, request));
    DATALAKE_TRY(ShowCollection(context, saved));
    return 0;
  }

 private:
  // Asks for what was not given, when there is someone to ask.
  Status Ask(Prompt& prompt) {
    const bool is_asking = source_.empty() || arguments_.name.empty();
    DATALAKE_TRY(prompt.Require(source_, "file or folder to import", "SOURCE"));
    DATALAKE_TRY(
        prompt.Require(arguments_.name, "name of the collection", "NAME", CheckCollectionName));
    if (is_asking && arguments_.name.find('/') == std::string::npos) {
      DATALAKE_TRY_ASSIGN(const std::string version,
                          prompt.Text("version (empty: the next of v1, v2, …)"));
      arguments_.name += version.empty() ? "" : "/" + version;
    }
    if (is_asking && arguments_.description.empty()) {
      DATALAKE_TRY_ASSIGN(arguments_.description, prompt.Text("description"));
    }
    return {};
  }

  Result<std::shared_ptr<arrow::RecordBatchReader>> OpenSource(const Context& context) const {
    DATALAKE_TRY_ASSIGN(const auto splits, format::HfDatasetSplits(context.fs, source_));
    if (!splits.empty()) {  // a DatasetDict: its rows together
      return format::OpenHfSplits(context.fs, source_, splits);
    }
    DATALAKE_TRY_ASSIGN(const format::RowSource rows, format::OpenRows(context.fs, source_));
    return rows.reader;
  }

  std::string source_;
  SaveArguments arguments_;
};

}  // namespace

void AddCollectionSaveCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<SaveCommand>());
  commands.push_back(std::make_unique<ImportCommand>());
}

}  // namespace datalake::apps
