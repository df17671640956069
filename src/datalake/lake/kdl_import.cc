#include "datalake/lake/kdl_import.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/name.h"
#include "datalake/base/thread_pool.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/kdl_catalog.h"
#include "datalake/lake/kdl_links.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxMetadataBytes = std::uint64_t{16} << 20;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::string_view kOperation = "import-kdl";

// Rows of the source with our links, pulled by who writes them.
class ImportedRows final : public arrow::RecordBatchReader {
 public:
  ImportedRows(std::shared_ptr<arrow::RecordBatchReader> rows, KdlLinker& linker,
               KdlImported& counts, std::vector<KdlDanglingLink>& links)
      : rows_(std::move(rows)), linker_(linker), counts_(counts), links_(links) {}

  std::shared_ptr<arrow::Schema> schema() const override { return linker_.schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
    if (batch == nullptr) {
      *out = nullptr;
      // Before the rows become visible: whoever pulls them publishes after the last one.
      const Status durable = linker_.Commit();
      return durable ? arrow::Status::OK() : format::ToArrow(durable.error());
    }
    auto linked = linker_.Link(*batch, counts_, links_);
    if (!linked) {
      return format::ToArrow(linked.error());
    }
    counts_.rows += static_cast<std::uint64_t>(batch->num_rows());
    *out = *std::move(linked);
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  KdlLinker& linker_;
  KdlImported& counts_;
  std::vector<KdlDanglingLink>& links_;
};

// What _metadata.json says; all of it may be missing.
struct PartitionFacts {
  std::string link_name = "asset";
  std::string description;
  std::string uploaded_by;
};

class Import {
 public:
  Import(Lake& source, Lake& target, const KdlImportOptions& options, ProgressSink& progress,
         std::stop_token stop)
      : source_(source),
        target_(target),
        options_(options),
        progress_(progress),
        stop_(std::move(stop)),
        pool_(options.threads == 0 ? AvailableCores() : options.threads) {}

  Result<KdlImportReport> Run() {
    DATALAKE_TRY(ImportSchema());
    DATALAKE_TRY_ASSIGN(const auto partitions, source_.kdl()->Partitions());
    std::uint64_t done = 0;
    for (const KdlPartition& partition : partitions) {
      if (MatchesTable(options_.scope, partition.table) &&
          MatchesLevel(options_.scope.variants, partition.variant)) {
        DATALAKE_TRY(KeepProblem(ImportPartition(partition), WhereOf(partition)));
      }
      progress_.Report({.phase = "import",
                        .items_done = ++done,
                        .items_total = partitions.size(),
                        .unit = "partitions"});
    }
    if (options_.with_collections) {
      DATALAKE_TRY(ImportCollections());
    }
    return std::move(report_);
  }

 private:
  static std::string WhereOf(const KdlPartition& partition) {
    return ToString(partition.table) + "/" + partition.variant;
  }

  // What concerns one part alone is reported and the rest goes on.
  Status KeepProblem(const Status& status, const std::string& where) {
    if (status) {
      return {};
    }
    const ErrorCode code = status.error().code;
    if (code == ErrorCode::kCancelled || code == ErrorCode::kResourceExhausted) {
      return status;
    }
    report_.problems.push_back(fmt::format("{}: {}", where, status.error().message));
    return {};
  }

  Status AddIfNew(const Status& added, const std::string& where) {
    return !added && added.error().code == ErrorCode::kAlreadyExists ? Status()
                                                                     : KeepProblem(added, where);
  }

  // Providers and tasks of the source's schema file, and those that its folders name.
  Status ImportSchema() {
    DATALAKE_TRY_ASSIGN(const bool has_file,
                        source_.context().fs.Exists(source_.layout().schema_file()));
    if (has_file) {
      const auto schema = source_.schema().Load();
      if (!schema) {
        DATALAKE_TRY(KeepProblem(schema.error(), "config/schema.yaml"));
      } else {
        for (const ProviderInfo& provider : schema->providers) {
          DATALAKE_TRY(AddIfNew(target_.schema().AddProvider(provider), provider.name));
        }
        for (const TaskInfo& task : schema->tasks) {
          DATALAKE_TRY(AddIfNew(target_.schema().AddTask(task), task.name));
        }
      }
    }
    DATALAKE_TRY_ASSIGN(const auto names, source_.kdl()->ListTables());
    for (const TableName& name : names) {
      if (CheckTableName(name)) {
        DATALAKE_TRY(
            AddIfNew(target_.schema().AddProvider({.name = name.provider, .description = ""}),
                     name.provider));
      }
    }
    return {};
  }

  PartitionFacts FactsOf(const KdlPartition& partition) {
    PartitionFacts facts;
    const auto text =
        io::ReadFile(source_.context().fs, partition.metadata_file, kMaxMetadataBytes);
    const auto value =
        text ? json::ParseValue(*text, partition.metadata_file) : Result<json::Value>(text.error());
    if (!value) {
      return facts;
    }
    const std::string& where = partition.metadata_file;
    const bool has_images =
        json::FindBool(*value, "has_images", where).value_or(false).value_or(false);
    const bool has_files =
        json::FindBool(*value, "has_files", where).value_or(false).value_or(false);
    // In a mixed upload the links are those of its files: the program loses the others.
    facts.link_name = has_files ? "file" : has_images ? "image" : "asset";
    const auto text_of = [&](std::string_view key) {
      return json::FindString(*value, key, where).value_or(std::nullopt).value_or("");
    };
    facts.description = text_of("dataset_description");
    facts.uploaded_by = text_of("uploaded_by");
    return facts;
  }

  // Names the partition's content: the same files again are the same import.
  Result<std::string> ContentHash(const KdlPartition& partition) {
    Sha256 hash;
    std::vector<std::byte> buffer(kBufferBytes);
    for (const std::string& path : partition.files) {
      DATALAKE_TRY_ASSIGN(const auto file, source_.context().fs.OpenInput(path));
      while (true) {
        DATALAKE_TRY_ASSIGN(const std::size_t n, file->Read(buffer));
        if (n == 0) {
          break;
        }
        hash.Update(std::span(buffer).first(n));
      }
    }
    return ToHex(hash.Finish());
  }

  Status ImportPartition(const KdlPartition& partition) {
    DATALAKE_TRY(CheckTableName(partition.table));
    DATALAKE_TRY(CheckName("variant", partition.variant));
    KdlImported counts{.where = WhereOf(partition)};
    DATALAKE_TRY_ASSIGN(const std::string content, ContentHash(partition));
    const std::string app_id = fmt::format("{}/{}/{}", kOperation, partition.variant, content);
    DATALAKE_TRY_ASSIGN(const bool was_there, WasImported(partition, app_id));
    if (was_there) {
      counts.was_there = true;
      report_.partitions.push_back(std::move(counts));
      return {};
    }
    PartitionFacts facts = FactsOf(partition);
    std::vector<KdlDanglingLink> links;
    std::vector<table::StagedFile> staged;
    std::unique_ptr<table::Table> table;
    std::vector<std::unique_ptr<KdlLinker>> linkers;  // keep their assets until the commit
    for (const std::string& path : partition.files) {
      DATALAKE_TRY_ASSIGN(auto rows, format::ReadParquet(source_.context().fs, path));
      const std::string name =
          rows->schema()->GetFieldByName(facts.link_name) == nullptr ? facts.link_name : "asset";
      linkers.push_back(
          std::make_unique<KdlLinker>(source_, target_, *rows->schema(), name, pool_, stop_));
      if (table == nullptr) {
        DATALAKE_TRY_ASSIGN(table, OpenOrCreate(partition, facts, *linkers.back()->schema()));
      }
      DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
      DATALAKE_TRY(linkers.back()->FitTo(*snapshot->schema()));
      ImportedRows imported(std::move(rows), *linkers.back(), counts, links);
      auto written = table->WriteFiles(imported, PartitionOf(partition));
      if (!written) {
        static_cast<void>(table->Discard(staged));  // the first error is the one to tell
        return std::move(written).error();
      }
      staged.insert(staged.end(), written->begin(), written->end());
    }
    DATALAKE_TRY(Commit(partition, facts, app_id, *table, std::move(staged)));
    report_.partitions.push_back(std::move(counts));
    report_.links.insert(report_.links.end(), links.begin(), links.end());
    return {};
  }

  // Also false when the table is not there; kAlreadyExists when the variant has rows of another
  // origin that may not be replaced.
  Result<bool> WasImported(const KdlPartition& partition, const std::string& app_id) {
    DATALAKE_TRY_ASSIGN(
        const bool exists,
        table::Table::Exists(target_.context().fs, target_.layout().Table(partition.table)));
    if (!exists) {
      return false;
    }
    DATALAKE_TRY_ASSIGN(const auto table, target_.OpenTable(partition.table));
    DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
    if (snapshot->txn_version(app_id)) {
      return true;
    }
    for (const table::TableFilePtr& file : snapshot->files()) {
      const auto variant = file->partition_values.find("variant");
      if (!options_.overwrite && variant != file->partition_values.end() &&
          variant->second == partition.variant) {
        return Error{ErrorCode::kAlreadyExists,
                     "this variant has other rows here; --overwrite replaces them"};
      }
    }
    return false;
  }

  static table::PartitionValues PartitionOf(const KdlPartition& partition) {
    return {{"provider", partition.table.provider},
            {"dataset", partition.table.dataset},
            {"task", partition.table.task},
            {"variant", partition.variant}};
  }

  Result<std::unique_ptr<table::Table>> OpenOrCreate(const KdlPartition& partition,
                                                     const PartitionFacts& facts,
                                                     const arrow::Schema& columns) {
    const LakeContext& context = target_.context();
    const table::TableEnvironment environment{context.fs, context.clock, context.random};
    const std::string root = context.layout.Table(partition.table);
    auto opened = table::Table::Open(environment, root);
    if (opened || opened.error().code != ErrorCode::kNotFound) {
      return opened;
    }
    arrow::FieldVector fields = columns.fields();
    const std::vector<std::string> names = {"provider", "dataset", "task", "variant"};
    for (const std::string& column : names) {
      fields.push_back(arrow::field(column, arrow::utf8()));
    }
    const table::TableSpec spec{.schema = arrow::schema(std::move(fields)),
                                .partition_columns = names,
                                .configuration = {},
                                .name = ToString(partition.table),
                                .description = facts.description};
    auto created = table::Table::Create(
        environment, root, spec,
        {.operation = "create", .user = options_.user, .reason = {}, .extra = {}});
    if (!created && created.error().code == ErrorCode::kAlreadyExists) {
      return table::Table::Open(environment, root);  // another process was faster
    }
    return created;
  }

  Status Commit(const KdlPartition& partition, const PartitionFacts& facts,
                const std::string& app_id, table::Table& table,
                std::vector<table::StagedFile> staged) {
    table::CommitRequest commit;
    commit.adds = std::move(staged);
    commit.info = {.operation = std::string(kOperation),
                   .user = options_.user,
                   .reason = facts.description,
                   .extra = {{"source", source_.layout().root()},
                             {"variant", partition.variant},
                             {"uploaded_by", facts.uploaded_by}}};
    commit.transaction = table::Transaction{.app_id = app_id, .version = 1};
    if (options_.overwrite) {
      DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
      for (const table::TableFilePtr& file : snapshot->files()) {
        const auto variant = file->partition_values.find("variant");
        if (variant != file->partition_values.end() && variant->second == partition.variant) {
          commit.removes.push_back(file->path);
        }
      }
    }
    const auto result = table.Commit(commit);
    table.DiscardIfAbsent(result, commit.adds);
    return result ? Status() : Status(result.error());
  }

  Status ImportCollections() {
    DATALAKE_TRY_ASSIGN(const auto found, Collections(source_).List());
    for (const CollectionVersions& collection : found) {
      for (const std::string& problem : collection.problems) {
        report_.problems.push_back(problem);
      }
      for (const CollectionInfo& info : collection.versions) {
        DATALAKE_TRY(KeepProblem(ImportCollection(info),
                                 fmt::format("collections/{}/{}", info.name, info.version)));
      }
    }
    return {};
  }

  Status ImportCollection(const CollectionInfo& info) {
    KdlImported counts{.where = fmt::format("collections/{}/{}", info.name, info.version)};
    const CollectionSource origin{
        .kind = "import", .query = fmt::format("{} {}", kOperation, info.path), .inputs = {}};
    Collections collections(target_);
    const auto existing = collections.Find(info.name, info.version);
    if (existing && existing->source.kind == origin.kind &&
        existing->source.query == origin.query) {
      counts.was_there = true;
      report_.collections.push_back(std::move(counts));
      return {};
    }
    DATALAKE_TRY_ASSIGN(auto rows, Collections(source_).Open(info.name, info.version));
    KdlLinker linker(source_, target_, *rows->schema(), "", pool_, stop_);
    std::vector<KdlDanglingLink> links;
    ImportedRows imported(std::move(rows), linker, counts, links);
    DATALAKE_TRY_ASSIGN(const CollectionInfo saved,
                        collections.Save(imported, {.name = info.name,
                                                    .version = info.version,
                                                    .description = info.description,
                                                    .created_by = info.created_by,
                                                    .source = origin}));
    static_cast<void>(saved);
    report_.collections.push_back(std::move(counts));
    report_.links.insert(report_.links.end(), links.begin(), links.end());
    return {};
  }

  Lake& source_;
  Lake& target_;
  const KdlImportOptions& options_;
  ProgressSink& progress_;
  std::stop_token stop_;
  ThreadPool pool_;
  KdlImportReport report_;
};

void WriteImported(json::Writer& writer, std::string_view key,
                   const std::vector<KdlImported>& list) {
  writer.Key(key);
  writer.BeginArray();
  for (const KdlImported& one : list) {
    writer.BeginObject();
    writer.Key("where");
    writer.String(one.where);
    writer.Key("was_there");
    writer.Bool(one.was_there);
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::uint64_t>>{
             {"rows", one.rows},
             {"assets", one.assets},
             {"new_assets", one.new_assets},
             {"missing", one.missing},
             {"repaired", one.repaired},
             {"mismatched", one.mismatched}}) {
      writer.Key(name);
      writer.Uint(value);
    }
    writer.EndObject();
  }
  writer.EndArray();
}

}  // namespace

Result<KdlImportReport> ImportKdl(Lake& source, Lake& target, const KdlImportOptions& options,
                                  ProgressSink& progress, std::stop_token stop) {
  if (source.kdl() == nullptr || target.kdl() != nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("not a lake of the KDL program, or copied into one: {} into {}",
                             source.layout().root(), target.layout().root())};
  }
  return Import(source, target, options, progress, std::move(stop)).Run();
}

std::string KdlImportReportJson(const KdlImportReport& report) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  WriteImported(writer, "partitions", report.partitions);
  WriteImported(writer, "collections", report.collections);
  writer.Key("links");
  writer.BeginArray();
  for (const KdlDanglingLink& link : report.links) {
    writer.BeginObject();
    for (const auto& [name, value] :
         std::initializer_list<std::pair<const char*, const std::string&>>{
             {"where", link.where},
             {"hash", link.hash},
             {"path", link.path},
             {"problem", link.problem}}) {
      writer.Key(name);
      writer.String(value);
    }
    writer.Key("row");
    writer.Int(link.row);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("problems");
  writer.BeginArray();
  for (const std::string& problem : report.problems) {
    writer.String(problem);
  }
  writer.EndArray();
  writer.EndObject();
  return text;
}

}  // namespace datalake::lake
