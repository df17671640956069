// datalake download: rows of a search or of SQL as a file, a folder, or a collection.
#include "datalake/lake/download.h"

#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/format/watched_rows.h"
#include "datalake/lake/collections.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/download_options.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/prompt.h"
#include "apps/datalake/search_options.h"
#include "apps/datalake/search_prompt.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

class DownloadCommand final : public Command {
 public:
  std::string_view Name() const override { return "download"; }

  std::string_view Summary() const override {
    return "Writes the rows of a search as Parquet, JSON lines, a dataset folder or a collection";
  }

  std::string_view Example() const override {
    return "datalake download docs.parquet --dataset docs --task ocr\n"
           "datalake download ./docs --dataset docs --include-images\n"
           "datalake download --as-collection --name train --task ocr\n"
           "datalake download";
  }

  void Declare(OptionSet& options) override {
    options.Argument("output", output_, "a new file or folder", false);
    options.Flag("--as-collection", as_collection_, "save as a collection instead");
    options.String("--name", collection_, "of the collection: NAME or NAME/VERSION");
    options.String("--description", description_, "what the collection is for");
    options.String("--sql", sql_, "the rows of this statement, instead of a search");
    outgoing_.Declare(options);
    search_.Declare(options);
  }

  Result<int> Run(Context& context) override {
    if (!sql_.empty() && !search_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "give --sql or a search, not both"};
    }
    DATALAKE_TRY_ASSIGN(lake::SearchRequest request, search_.ToRequest());
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries, OpenQueries(context, *lake));
    Prompt prompt(context);
    const bool has_target = as_collection_ ? !collection_.empty() : !output_.empty();
    if (sql_.empty() && search_.empty() && !has_target && prompt.can_ask()) {
      DATALAKE_TRY_ASSIGN(AskedSearch asked, AskForSearch(prompt, *queries));
      request = std::move(asked.request);
      rows_ = std::max<std::int64_t>(asked.rows, 0);
    }
    DATALAKE_TRY(AskForTarget(context, prompt));
    DATALAKE_TRY_ASSIGN(const lake::QueryAnswer answer,
                        sql_.empty() ? queries->Search(request, {}, context.stop)
                                     : queries->Sql(sql_, {}, context.stop));
    return as_collection_ ? Save(context, *lake, request, answer) : Write(context, *lake, answer);
  }

 private:
  Status AskForTarget(const Context& context, Prompt& prompt) {
    if (as_collection_) {
      const bool is_asking = collection_.empty();
      DATALAKE_TRY(
          prompt.Require(collection_, "name of the collection", "--name", CheckCollectionName));
      if (is_asking && collection_.find('/') == std::string::npos) {
        DATALAKE_TRY_ASSIGN(const std::string version,
                            prompt.Text("version (empty: the next of v1, v2, …)"));
        collection_ += version.empty() ? "" : "/" + version;
        DATALAKE_TRY_ASSIGN(description_, prompt.Text("description", description_));
      }
      return {};
    }
    if (!output_.empty() || !prompt.can_ask()) {
      return prompt.Require(output_, "output", "OUTPUT");
    }
    DATALAKE_TRY(outgoing_.Ask(prompt));
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(context.clock.Now().time_since_epoch());
    DATALAKE_TRY_ASSIGN(output_,
                        prompt.Text("output", fmt::format("./downloads/download_{}_{}_items",
                                                          seconds.count(), rows_)));
    return {};
  }

  Result<int> Save(const Context& context, lake::Lake& lake, const lake::SearchRequest& request,
                   const lake::QueryAnswer& answer) const {
    const CollectionName name = SplitCollectionName(collection_);
    const lake::SaveCollectionRequest save{
        .name = name.name,
        .version = name.version,
        .description = description_,
        .created_by = CurrentUser(),
        .source = {.kind = sql_.empty() ? "search" : "sql",
                   .query = sql_.empty() ? lake::SearchRequestJson(request) : sql_,
                   .inputs = answer.sources}};
    const auto rows = format::WatchRows(answer.rows, "save", static_cast<std::uint64_t>(rows_),
                                        context.progress, context.stop);
    DATALAKE_TRY_ASSIGN(const lake::CollectionInfo saved,
                        lake::Collections(lake).Save(*rows, save));
    DATALAKE_TRY(ShowCollection(context, saved));
    return 0;
  }

  Result<int> Write(const Context& context, lake::Lake& lake,
                    const lake::QueryAnswer& answer) const {
    DATALAKE_TRY_ASSIGN(lake::DownloadOptions options, outgoing_.ToOptions(output_));
    options.rows_total = static_cast<std::uint64_t>(rows_);
    DATALAKE_TRY_ASSIGN(const lake::DownloadReport report,
                        lake::Download(lake, answer.rows, options, context.progress, context.stop));
    return ShowDownload(context, report);
  }

  std::string output_;
  bool as_collection_ = false;
  std::string collection_;
  std::string description_;
  std::string sql_;
  std::int64_t rows_ = 0;  // for progress and the name offered; 0: not known
  OutgoingArguments outgoing_;
  SearchOptions search_;
};

}  // namespace

std::unique_ptr<Command> MakeDownloadCommand() {
  return std::make_unique<DownloadCommand>();
}

}  // namespace datalake::apps
