// datalake collections export: one version as a file or folder for other programs.
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/lake/collections.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/download_options.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/prompt.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

class ExportCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections export"; }

  std::string_view Summary() const override {
    return "Writes one version as Parquet, JSON lines, WebDataset tars or a folder for HF datasets";
  }

  std::string_view Example() const override {
    return "datalake collections export train train.parquet\n"
           "datalake collections export train/v1 ./train --format datasets --include-images\n"
           "datalake collections export train ./shards --format webdataset --include-images";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "NAME (the newest version) or NAME/VERSION", false);
    options.Argument("output", output_, "a new file or folder", false);
    options.String("--split", split_, "one part of a collection with splits (default: all rows)");
    outgoing_.Declare(options);
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    const lake::Collections collections(*lake);
    Prompt prompt(context);
    DATALAKE_TRY(AskForCollection(prompt, collections, name_));
    const CollectionName name = SplitCollectionName(name_);
    DATALAKE_TRY_ASSIGN(const lake::CollectionInfo info, collections.Find(name.name, name.version));
    DATALAKE_TRY(AskForOutput(context, prompt, info));
    DATALAKE_TRY_ASSIGN(auto rows, collections.Open(info.name, info.version, split_));
    DATALAKE_TRY_ASSIGN(lake::DownloadOptions options, outgoing_.ToOptions(output_));
    options.description = info.description;
    options.rows_total = static_cast<std::uint64_t>(info.num_samples);
    DATALAKE_TRY_ASSIGN(
        const lake::DownloadReport report,
        lake::Download(*lake, std::move(rows), options, context.progress, context.stop));
    return ShowDownload(context, report);
  }

 private:
  Status AskForOutput(const Context& context, Prompt& prompt, const lake::CollectionInfo& info) {
    if (!output_.empty() || !prompt.can_ask()) {
      return prompt.Require(output_, "output", "OUTPUT");
    }
    DATALAKE_TRY(outgoing_.Ask(prompt));
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(context.clock.Now().time_since_epoch());
    DATALAKE_TRY_ASSIGN(output_, prompt.Text("output", fmt::format("./exports/{}_{}_{}", info.name,
                                                                   info.version, seconds.count())));
    return {};
  }

  std::string name_;
  std::string output_;
  std::string split_;
  OutgoingArguments outgoing_;
};

}  // namespace

std::unique_ptr<Command> MakeCollectionExportCommand() {
  return std::make_unique<ExportCommand>();
}

}  // namespace datalake::apps
