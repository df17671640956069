// datalake collections save|import|list|info|export|delete: named, versioned, immutable training
// sets. A collection is written NAME (its newest version) or NAME/VERSION, as in SQL.
#include "datalake/lake/collections.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/parquet.h"
#include "datalake/format/rows.h"
#include "datalake/io/file_system.h"
#include "datalake/json/writer.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/print_rows.h"
#include "apps/datalake/search_options.h"

namespace datalake::apps {
namespace {

struct CollectionName {
  std::string name;
  std::string version;  // empty: the newest, or the next
};

CollectionName SplitName(const std::string& text) {
  const std::size_t slash = text.find('/');
  return slash == std::string::npos ? CollectionName{text, ""}
                                    : CollectionName{text.substr(0, slash), text.substr(slash + 1)};
}

std::string CurrentUser() {
  const char* user = std::getenv("USER");
  return user != nullptr && *user != '\0' ? user : fmt::format("uid {}", ::getuid());
}

Status ShowInfo(const Context& context, const lake::CollectionInfo& info) {
  if (context.options.json) {
    std::string text;
    json::Writer writer(text);
    const auto string = [&](const char* key, std::string_view value) {
      writer.Key(key);
      writer.String(value);
    };
    writer.BeginObject();
    string("name", info.name);
    string("version", info.version);
    string("description", info.description);
    string("created_at", FormatTimestamp(info.created_at));
    string("created_by", info.created_by);
    writer.Key("num_samples");
    writer.Int(info.num_samples);
    writer.Key("size_bytes");
    writer.Uint(info.size_bytes);
    string("content_sha256", info.content_sha256);
    string("source", info.source.kind);
    string("query", info.source.query);
    string("path", info.path);
    writer.EndObject();
    return context.Print(text);
  }
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, std::string>>{
           {"collection", info.name + "/" + info.version},
           {"description", info.description},
           {"created", FormatTimestamp(info.created_at) + " by " + info.created_by},
           {"samples", fmt::format("{}", info.num_samples)},
           {"bytes", fmt::format("{}", info.size_bytes)},
           {"sha256", info.content_sha256},
           {"source", info.source.kind + " " + info.source.query},
           {"path", info.path}}) {
    if (!value.empty() && value != " ") {
      DATALAKE_TRY(context.Print(fmt::format("{:<12} {}", key, value)));
    }
  }
  for (const lake::TableVersion& input : info.source.inputs) {
    DATALAKE_TRY(context.Print(
        fmt::format("{:<12} {} version {}", "from", lake::ToString(input.table), input.version)));
  }
  return {};
}

class SaveCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections save"; }

  std::string_view Summary() const override {
    return "Saves the rows of a search or of SQL as a new version of a collection";
  }

  std::string_view Example() const override {
    return "datalake collections save train --task ocr --where \"lang = 'ko'\"\n"
           "datalake collections save train/v1.0 --sql 'select * from data.\"a/b/raw\"'";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "NAME, or NAME/VERSION (default: the next of v1, v2, …)");
    options.String("--description", description_, "what it is for");
    options.String("--sql", sql_, "the rows of this statement, instead of a search");
    search_.Declare(options);
  }

  Result<int> Run(Context& context) override {
    if (!sql_.empty() && !search_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "give --sql or a search, not both"};
    }
    const CollectionName name = SplitName(name_);
    DATALAKE_TRY_ASSIGN(const lake::SearchRequest request, search_.ToRequest());
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries, OpenQueries(context, *lake));
    DATALAKE_TRY_ASSIGN(const lake::QueryAnswer answer,
                        sql_.empty() ? queries->Search(request, {}, context.stop)
                                     : queries->Sql(sql_, {}, context.stop));
    lake::Collections collections(*lake);
    DATALAKE_TRY_ASSIGN(
        const lake::CollectionInfo saved,
        collections.Save(*answer.rows, {.name = name.name,
                                        .version = name.version,
                                        .description = description_,
                                        .created_by = CurrentUser(),
                                        .source = {.kind = sql_.empty() ? "search" : "sql",
                                                   .query = sql_.empty() ? search_.ToJson() : sql_,
                                                   .inputs = answer.sources}}));
    DATALAKE_TRY(ShowInfo(context, saved));
    return 0;
  }

 private:
  std::string name_;
  std::string description_;
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
    options.Argument("source", source_, "Parquet, CSV, JSON lines, Arrow, or a saved HF dataset");
    options.Argument("name", name_, "NAME, or NAME/VERSION (default: the next of v1, v2, …)");
    options.String("--description", description_, "what it is for");
  }

  Result<int> Run(Context& context) override {
    const CollectionName name = SplitName(name_);
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const format::RowSource rows, format::OpenRows(context.fs, source_));
    lake::Collections collections(*lake);
    DATALAKE_TRY_ASSIGN(
        const lake::CollectionInfo saved,
        collections.Save(*rows.reader, {.name = name.name,
                                        .version = name.version,
                                        .description = description_,
                                        .created_by = CurrentUser(),
                                        .source = {.kind = "import", .query = source_}}));
    DATALAKE_TRY(ShowInfo(context, saved));
    return 0;
  }

 private:
  std::string source_;
  std::string name_;
  std::string description_;
};

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
    options.Argument("name", name_, "NAME (the newest version) or NAME/VERSION");
  }

  Result<int> Run(Context& context) override {
    const CollectionName name = SplitName(name_);
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const lake::CollectionInfo info,
                        lake::Collections(*lake).Find(name.name, name.version));
    DATALAKE_TRY(ShowInfo(context, info));
    return 0;
  }

 private:
  std::string name_;
};

class ExportCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections export"; }

  std::string_view Summary() const override {
    return "Writes one version as a Parquet file or as a folder for HF datasets";
  }

  std::string_view Example() const override {
    return "datalake collections export train train.parquet\n"
           "datalake collections export train/v1 ./train --format datasets";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "NAME (the newest version) or NAME/VERSION");
    options.Argument("output", output_, "a new file or folder");
    options.Choice("--format", format_, {"auto", "datasets", "parquet"},
                   "auto: parquet when the output ends so, else datasets");
  }

  Result<int> Run(Context& context) override {
    const CollectionName name = SplitName(name_);
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto rows, lake::Collections(*lake).Open(name.name, name.version));
    const bool is_parquet =
        format_ == "parquet" || (format_ == "auto" && output_.ends_with(".parquet"));
    std::int64_t count = 0;
    if (is_parquet) {
      DATALAKE_TRY_ASSIGN(const format::WrittenFile file,
                          format::WriteParquet(context.fs, output_, *rows));
      count = file.num_rows;
    } else {
      DATALAKE_TRY_ASSIGN(const format::WrittenDataset dataset,
                          format::WriteHfDataset(context.fs, context.random, output_, *rows));
      count = dataset.num_rows;
    }
    if (context.options.json) {
      std::string text;
      json::Writer writer(text);
      writer.BeginObject();
      writer.Key("path");
      writer.String(output_);
      writer.Key("num_samples");
      writer.Int(count);
      writer.EndObject();
      DATALAKE_TRY(context.Print(text));
    } else {
      DATALAKE_TRY(context.Print(fmt::format("{} rows in {}", count, output_)));
    }
    return 0;
  }

 private:
  std::string name_;
  std::string output_;
  std::string format_ = "auto";
};

class DeleteCommand final : public Command {
 public:
  std::string_view Name() const override { return "collections delete"; }

  std::string_view Summary() const override { return "Removes one version, or all, for good"; }

  std::string_view Example() const override {
    return "datalake collections delete train/v1\ndatalake collections delete train --all --yes";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "NAME/VERSION, or NAME with --all");
    options.Flag("--all", deletes_all_, "all versions");
  }

  Result<int> Run(Context& context) override {
    const CollectionName name = SplitName(name_);
    if (deletes_all_ != name.version.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("give NAME/VERSION, or NAME with --all: {}", name_)};
    }
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    lake::Collections collections(*lake);
    DATALAKE_TRY_ASSIGN(const lake::CollectionVersions found, collections.Versions(name.name));
    std::vector<std::string> versions = {name.version};
    if (deletes_all_) {
      versions.clear();
      for (const lake::CollectionInfo& info : found.versions) {
        versions.push_back(info.version);
      }
    }
    DATALAKE_TRY_ASSIGN(const bool is_sure,
                        context.Confirm(deletes_all_ ? fmt::format("delete all {} versions of {}?",
                                                                   versions.size(), name_)
                                                     : fmt::format("delete {}?", name_)));
    if (!is_sure) {
      return 0;
    }
    for (const std::string& version : versions) {
      DATALAKE_TRY_ASSIGN(const std::string deleted, collections.Delete(name.name, version));
      if (context.options.json) {
        std::string text;
        json::Writer writer(text);
        writer.BeginObject();
        writer.Key("deleted");
        writer.String(name.name + "/" + deleted);
        writer.EndObject();
        DATALAKE_TRY(context.Print(text));
      } else {
        DATALAKE_TRY(context.Print(fmt::format("deleted {}/{}", name.name, deleted)));
      }
    }
    return 0;
  }

 private:
  std::string name_;
  bool deletes_all_ = false;
};

}  // namespace

void AddCollectionCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<SaveCommand>());
  commands.push_back(std::make_unique<ImportCommand>());
  commands.push_back(std::make_unique<ListCommand>());
  commands.push_back(std::make_unique<InfoCommand>());
  commands.push_back(std::make_unique<ExportCommand>());
  commands.push_back(std::make_unique<DeleteCommand>());
}

}  // namespace datalake::apps
