// datalake collections list|info|delete: named, versioned, immutable training sets. A collection is
// written NAME (its newest version) or NAME/VERSION, as in SQL.
#include "datalake/lake/collections.h"

#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/format/arrow_status.h"
#include "datalake/json/writer.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/print_rows.h"
#include "apps/datalake/prompt.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

class ListCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections list"; }

  std::string_view Summary() const override {
    return "Lists collections with their newest version";
  }

  std::string_view Example() const override {
    return "datalake collections list\ndatalake collections list --all";
  }

  void Declare(OptionSet& options) override {
    options.Flag("--all", lists_all_, "a row for each version");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto found, lake::Collections(*lake).List());
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(MakeBatch(found), "cannot list collections"));
    DATALAKE_TRY_ASSIGN(const auto reader,
                        format::FromArrow(arrow::RecordBatchReader::Make({batch}, batch->schema()),
                                          "cannot list collections"));
    DATALAKE_TRY(PrintRows(context, *reader));
    int exit_code = 0;
    for (const lake::CollectionVersions& collection : found) {
      for (const std::string& problem : collection.problems) {
        fmt::print(stderr, "datalake: warning: {}\n", problem);
        exit_code = 1;
      }
    }
    return exit_code;
  }

 private:
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> MakeBatch(
      const std::vector<lake::CollectionVersions>& found) const {
    arrow::StringBuilder name;
    arrow::StringBuilder version;
    arrow::Int64Builder samples;
    arrow::Int64Builder versions;
    arrow::StringBuilder created;
    arrow::StringBuilder description;
    for (const lake::CollectionVersions& collection : found) {
      const std::size_t first = lists_all_ ? 0 : collection.versions.size() - 1;
      for (std::size_t i = first; i < collection.versions.size(); ++i) {
        const lake::CollectionInfo& info = collection.versions[i];
        ARROW_RETURN_NOT_OK(name.Append(info.name));
        ARROW_RETURN_NOT_OK(version.Append(info.version));
        ARROW_RETURN_NOT_OK(samples.Append(info.num_samples));
        ARROW_RETURN_NOT_OK(versions.Append(static_cast<std::int64_t>(collection.versions.size())));
        ARROW_RETURN_NOT_OK(created.Append(FormatTimestamp(info.created_at)));
        ARROW_RETURN_NOT_OK(description.Append(info.description));
      }
    }
    arrow::ArrayBuilder* builders[] = {&name,     &version, &samples,
                                       &versions, &created, &description};
    arrow::ArrayVector columns(std::size(builders));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      ARROW_RETURN_NOT_OK(builders[i]->Finish(&columns[i]));
    }
    const std::int64_t rows = columns[0]->length();
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("name", arrow::utf8()), arrow::field("version", arrow::utf8()),
                       arrow::field("num_samples", arrow::int64()),
                       arrow::field("num_versions", arrow::int64()),
                       arrow::field("created_at", arrow::utf8()),
                       arrow::field("description", arrow::utf8())}),
        rows, std::move(columns));
  }

  bool lists_all_ = false;
};

class InfoCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections info"; }

  std::string_view Summary() const override { return "Shows one version and where it came from"; }

  std::string_view Example() const override {
    return "datalake collections info train\ndatalake collections info train/v1";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "NAME (the newest version) or NAME/VERSION", false);
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    const lake::Collections collections(*lake);
    Prompt prompt(context);
    DATALAKE_TRY(AskForCollection(prompt, collections, name_));
    const CollectionName name = SplitCollectionName(name_);
    DATALAKE_TRY_ASSIGN(const lake::CollectionInfo info, collections.Find(name.name, name.version));
    DATALAKE_TRY(ShowCollection(context, info));
    return 0;
  }

 private:
  std::string name_;
};

class DeleteCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections delete"; }

  std::string_view Summary() const override { return "Removes one version, or all, for good"; }

  std::string_view Example() const override {
    return "datalake collections delete train/v1\ndatalake collections delete train --all --yes";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "NAME/VERSION, or NAME with --all", false);
    options.Flag("--all", deletes_all_, "all versions");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    lake::Collections collections(*lake);
    Prompt prompt(context);
    if (!deletes_all_) {
      DATALAKE_TRY(AskForCollection(prompt, collections, name_));
    }
    const CollectionName name = SplitCollectionName(name_);
    if (deletes_all_ != name.version.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("give NAME/VERSION, or NAME with --all: {}", name_)};
    }
    DATALAKE_TRY_ASSIGN(const std::vector<lake::CollectionInfo> doomed,
                        FindDoomed(collections, name));
    DATALAKE_TRY(Confirm(context, prompt, doomed));
    for (const lake::CollectionInfo& info : doomed) {
      DATALAKE_TRY_ASSIGN(const std::string deleted, collections.Delete(name.name, info.version));
      DATALAKE_TRY(ShowDeleted(context, name.name + "/" + deleted));
    }
    return 0;
  }

 private:
  // What is to go, looked up before anything is asked or removed.
  Result<std::vector<lake::CollectionInfo>> FindDoomed(const lake::Collections& collections,
                                                       const CollectionName& name) const {
    if (deletes_all_) {
      DATALAKE_TRY_ASSIGN(lake::CollectionVersions found, collections.Versions(name.name));
      return std::move(found.versions);
    }
    DATALAKE_TRY_ASSIGN(lake::CollectionInfo info, collections.Find(name.name, name.version));
    return std::vector<lake::CollectionInfo>{std::move(info)};
  }

  Status Confirm(const Context& context, Prompt& prompt,
                 const std::vector<lake::CollectionInfo>& doomed) const {
    if (context.options.yes) {
      return {};
    }
    if (!prompt.can_ask()) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("deleting cannot be undone, and there is no terminal to ask on; give "
                      "--yes: {}",
                      name_)};
    }
    std::int64_t rows = 0;
    std::vector<std::string> versions;
    for (const lake::CollectionInfo& info : doomed) {
      rows += info.num_samples;
      versions.push_back(info.version);
    }
    DATALAKE_TRY_ASSIGN(
        const bool is_sure,
        prompt.Typed(fmt::format("this deletes {} versions with {} rows for good: {}",
                                 doomed.size(), rows, fmt::join(versions, ", ")),
                     name_));
    return is_sure ? Status() : Error{ErrorCode::kCancelled, "nothing was deleted"};
  }

  static Status ShowDeleted(const Context& context, const std::string& deleted) {
    if (!context.options.json) {
      return context.Print("deleted " + deleted);
    }
    std::string text;
    json::Writer writer(text);
    writer.BeginObject();
    writer.Key("deleted");
    writer.String(deleted);
    writer.EndObject();
    return context.Print(text);
  }

  std::string name_;
  bool deletes_all_ = false;
};

}  // namespace

void AddCollectionCommands(std::vector<std::unique_ptr<Command>>& commands) {
  AddCollectionSaveCommands(commands);
  commands.push_back(std::make_unique<ListCommand>());
  commands.push_back(std::make_unique<InfoCommand>());
  commands.push_back(MakeCollectionExportCommand());
  commands.push_back(std::make_unique<DeleteCommand>());
}

}  // namespace datalake::apps
