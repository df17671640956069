#include "datalake/lake/kdl_catalog.h"

#include <algorithm>
#include <map>
#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/format/parquet.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/table/commit.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

const std::vector<std::string>& PartitionColumns() {
  static const std::vector<std::string> columns = {"provider", "dataset", "task", "variant"};
  return columns;
}

Error ReadOnly() {
  return {ErrorCode::kPermissionDenied,
          "a lake of the KDL program is read-only, copy it with `datalake import-kdl`"};
}

// The only version of a table of such a lake.
class KdlTable final : public table::Table {
 public:
  KdlTable(const LakeContext& context, std::string root,
           std::shared_ptr<const table::TableSnapshot> snapshot)
      : environment_{context.fs, context.clock, context.random},
        root_(std::move(root)),
        snapshot_(std::move(snapshot)) {}

  const std::string& root() const override { return root_; }

  const table::TableEnvironment& environment() const override { return environment_; }

  const table::TableOptions& options() const override { return options_; }

  Result<std::int64_t> VersionAt(Timestamp) override { return 0; }

  Result<std::shared_ptr<const table::TableSnapshot>> Snapshot(
      std::optional<std::int64_t> version) override {
    if (version.value_or(0) != 0) {
      return Error{
          ErrorCode::kNotFound,
          fmt::format("a table of the KDL program has version 0 alone: {}: {}", root_, *version)};
    }
    return snapshot_;
  }

  Result<std::vector<table::StagedFile>> WriteFiles(arrow::RecordBatchReader&,
                                                    const table::PartitionValues&) override {
    return ReadOnly();
  }

  Result<std::vector<table::StagedFile>> RewriteFiles(arrow::RecordBatchReader&,
                                                      const table::TableFile&) override {
    return ReadOnly();
  }

  Status Discard(const std::vector<table::StagedFile>&) override { return ReadOnly(); }

  Result<table::CommitResult> Commit(const table::CommitRequest&) override { return ReadOnly(); }

  Result<std::vector<table::CommitRecord>> History(std::size_t) override {
    return std::vector<table::CommitRecord>();
  }

  Status Checkpoint() override { return ReadOnly(); }

 private:
  const table::TableEnvironment environment_;
  const table::TableOptions options_;
  const std::string root_;
  const std::shared_ptr<const table::TableSnapshot> snapshot_;
};

// The V of folders "<key>=V".
Result<std::vector<std::string>> ValuesOf(io::FileSystem& fs, std::string_view parent,
                                          std::string_view key) {
  std::vector<std::string> values;
  const auto entries = fs.List(parent);
  if (!entries) {
    return entries.error().code == ErrorCode::kNotFound ? Result<std::vector<std::string>>(values)
                                                        : entries.error();
  }
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string_view name = entry.name;
    if (entry.is_directory && name.starts_with(key) && name.size() > key.size() + 1 &&
        name[key.size()] == '=') {
      values.emplace_back(name.substr(key.size() + 1));
    }
  }
  return values;
}

bool IsInteger(const arrow::DataType& type) {
  return type.id() >= arrow::Type::UINT8 && type.id() <= arrow::Type::INT64;
}

bool IsNumber(const arrow::DataType& type) {
  return IsInteger(type) || type.id() == arrow::Type::FLOAT || type.id() == arrow::Type::DOUBLE;
}

bool IsAnyText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING;
}

// The type that holds values of both, or nothing.
std::shared_ptr<arrow::DataType> CommonType(const std::shared_ptr<arrow::DataType>& a,
                                            const std::shared_ptr<arrow::DataType>& b) {
  if (a->Equals(*b) || b->id() == arrow::Type::NA) {
    return a;
  }
  if (a->id() == arrow::Type::NA) {
    return b;
  }
  if (IsAnyText(*a) && IsAnyText(*b)) {
    return arrow::utf8();
  }
  if (IsInteger(*a) && IsInteger(*b)) {
    return arrow::int64();
  }
  return IsNumber(*a) && IsNumber(*b) ? arrow::float64() : nullptr;
}

// Columns of all files of a table, by name in the order of first appearance.
class UnitedColumns {
 public:
  // Adds the columns of one file; or names the column that contradicts, and adds none.
  std::string Add(const arrow::Schema& schema) {
    arrow::FieldVector fields = fields_;
    for (const auto& field : schema.fields()) {
      const auto& partitions = PartitionColumns();
      if (std::find(partitions.begin(), partitions.end(), field->name()) != partitions.end()) {
        continue;  // the folder counts
      }
      const auto known = std::find_if(fields.begin(), fields.end(), [&field](const auto& other) {
        return other->name() == field->name();
      });
      if (known == fields.end()) {
        fields.push_back(arrow::field(field->name(), field->type()));
        continue;
      }
      const auto type = CommonType((*known)->type(), field->type());
      if (type == nullptr) {
        return fmt::format("column {} is {} here and {} in other files", field->name(),
                           field->type()->ToString(), (*known)->type()->ToString());
      }
      *known = arrow::field(field->name(), type);
    }
    fields_ = std::move(fields);
    return "";
  }

  std::shared_ptr<const arrow::Schema> Finish() const {
    arrow::FieldVector fields = fields_;
    for (const std::string& column : PartitionColumns()) {
      fields.push_back(arrow::field(column, arrow::utf8()));
    }
    return arrow::schema(std::move(fields));
  }

 private:
  arrow::FieldVector fields_;
};

std::string TableFolder(const Layout& layout, const TableName& name) {
  return fmt::format("{}/provider={}/dataset={}/task={}", layout.catalog(), name.provider,
                     name.dataset, name.task);
}

Result<KdlPartition> ReadPartition(io::FileSystem& fs, const std::string& folder,
                                   const TableName& name, const std::string& variant) {
  KdlPartition partition{.table = name,
                         .variant = variant,
                         .files = {},
                         .metadata_file = io::JoinPath(folder, "_metadata.json")};
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.is_directory && entry.name.ends_with(".parquet") && !entry.name.starts_with('.') &&
        !entry.name.starts_with('_')) {
      partition.files.push_back(io::JoinPath(folder, entry.name));
    }
  }
  return partition;
}

Status AddPartitions(io::FileSystem& fs, const Layout& layout, const TableName& name,
                     std::vector<KdlPartition>& partitions) {
  const std::string folder = TableFolder(layout, name);
  DATALAKE_TRY_ASSIGN(const auto variants, ValuesOf(fs, folder, "variant"));
  for (const std::string& variant : variants) {
    DATALAKE_TRY_ASSIGN(
        KdlPartition partition,
        ReadPartition(fs, io::JoinPath(folder, "variant=" + variant), name, variant));
    if (!partition.files.empty()) {
      partitions.push_back(std::move(partition));
    }
  }
  return {};
}

}  // namespace

Result<bool> KdlCatalog::IsKdlLake(io::FileSystem& fs, std::string_view root) {
  const Layout layout{std::string(root)};
  // wal/ is in every lake of ours, a half-made one too.
  for (const std::string& ours : {layout.lake_file(), io::JoinPath(layout.root(), "wal")}) {
    DATALAKE_TRY_ASSIGN(const bool is_ours, fs.Exists(ours));
    if (is_ours) {
      return false;
    }
  }
  for (const std::string& folder : {layout.catalog(), layout.assets(), layout.collections()}) {
    const auto facts = fs.Stat(folder);
    if (!facts || !facts->is_directory) {
      return facts || facts.error().code == ErrorCode::kNotFound ? Result<bool>(false)
                                                                 : facts.error();
    }
  }
  DATALAKE_TRY_ASSIGN(const auto providers, ValuesOf(fs, layout.catalog(), "provider"));
  DATALAKE_TRY_ASSIGN(const auto collections, fs.List(layout.collections()));
  return !providers.empty() || !collections.empty();
}

KdlCatalog::KdlCatalog(const LakeContext& context) : context_(context) {}

KdlCatalog::~KdlCatalog() = default;

Result<std::vector<KdlPartition>> KdlCatalog::Partitions() const {
  io::FileSystem& fs = context_.fs;
  std::vector<KdlPartition> partitions;
  const std::string catalog = context_.layout.catalog();
  DATALAKE_TRY_ASSIGN(const auto providers, ValuesOf(fs, catalog, "provider"));
  for (const std::string& provider : providers) {
    const std::string provider_path = fmt::format("{}/provider={}", catalog, provider);
    DATALAKE_TRY_ASSIGN(const auto datasets, ValuesOf(fs, provider_path, "dataset"));
    for (const std::string& dataset : datasets) {
      const std::string dataset_path = fmt::format("{}/dataset={}", provider_path, dataset);
      DATALAKE_TRY_ASSIGN(const auto tasks, ValuesOf(fs, dataset_path, "task"));
      for (const std::string& task : tasks) {
        DATALAKE_TRY(AddPartitions(fs, context_.layout, {provider, dataset, task}, partitions));
      }
    }
  }
  std::sort(partitions.begin(), partitions.end(), [](const auto& a, const auto& b) {
    return std::tie(a.table, a.variant) < std::tie(b.table, b.variant);
  });
  return partitions;
}

Result<std::vector<TableName>> KdlCatalog::ListTables() const {
  DATALAKE_TRY_ASSIGN(const auto partitions, Partitions());
  std::vector<TableName> names;
  for (const KdlPartition& partition : partitions) {
    if (names.empty() || names.back() != partition.table) {
      names.push_back(partition.table);
    }
  }
  return names;
}

Result<std::unique_ptr<table::Table>> KdlCatalog::OpenTable(const TableName& name) const {
  std::vector<KdlPartition> partitions;
  DATALAKE_TRY(AddPartitions(context_.fs, context_.layout, name, partitions));
  table::SnapshotState state;
  state.root = TableFolder(context_.layout, name);
  state.version = 0;
  state.id = ToString(name);
  state.name = ToString(name);
  state.partition_columns = PartitionColumns();
  UnitedColumns columns;
  std::vector<std::string> problems;
  for (const KdlPartition& partition : partitions) {
    for (const std::string& path : partition.files) {
      const auto facts = format::ReadParquetFacts(context_.fs, path);
      const auto info = context_.fs.Stat(path);
      if (!facts || !info) {
        problems.push_back(!facts ? facts.error().message : info.error().message);
        continue;
      }
      if (const std::string conflict = columns.Add(*facts->schema); !conflict.empty()) {
        problems.push_back(fmt::format("{}: {}", path, conflict));
        continue;
      }
      table::TableFile file{.path = path.substr(state.root.size() + 1),
                            .os_path = path,
                            .partition_values = {{"provider", name.provider},
                                                 {"dataset", name.dataset},
                                                 {"task", name.task},
                                                 {"variant", partition.variant}},
                            .size_bytes = info->size_bytes,
                            .num_rows = facts->num_rows,
                            .modified_ms = EpochMillis(info->modified),
                            .stats_json = {}};
      state.modified = std::max(state.modified, info->modified);
      state.files.push_back(std::make_shared<const table::TableFile>(std::move(file)));
    }
  }
  state.schema = columns.Finish();
  {
    const MutexLock lock(mutex_);
    for (std::string& problem : problems) {
      if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) {
        LogWarning("left out: " + problem);
        problems_.push_back(std::move(problem));
      }
    }
  }
  if (partitions.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("no such table: {}", ToString(name))};
  }
  std::string root = state.root;
  return std::make_unique<KdlTable>(context_, std::move(root),
                                    std::make_shared<const table::TableSnapshot>(std::move(state)));
}

std::vector<std::string> KdlCatalog::Problems() const {
  const MutexLock lock(mutex_);
  return problems_;
}

}  // namespace datalake::lake
