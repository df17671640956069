#include "datalake/lake/kdl_links.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/lease.h"
#include "datalake/base/hash.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/asset_mentions.h"
#include "datalake/lake/link_builder.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kPutsPerCommit = 20'000;
constexpr std::size_t kRowsPerTask = 16;
constexpr std::string_view kHash = "hash";
constexpr std::string_view kPath = "path";

bool IsLinkPart(const std::string& name) {
  return name == kHash || name == kPath;
}

bool IsPartition(const std::string& name) {
  return name == "provider" || name == "dataset" || name == "task" || name == "variant";
}

// A path below assets/ that leads nowhere else.
bool IsBelow(std::string_view path) {
  if (path.empty() || path.starts_with('/')) {
    return false;
  }
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == ".." || part == ".") {
      return false;
    }
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return true;
}

std::string TextOf(const std::shared_ptr<arrow::Array>& column, std::int64_t row) {
  return column == nullptr || column->IsNull(row) ? std::string()
                                                  : std::string(BytesOf(*column, row));
}

}  // namespace

// The link of one row.
struct KdlLinker::Cell {
  std::string hash;
  std::string path;
  std::optional<assets::AssetInfo> info;
  std::string problem;
  std::string kept_problem;  // what the row itself says of it
  bool was_new = false;
};

KdlLinker::KdlLinker(Lake& source, Lake& target, const arrow::Schema& source_rows,
                     std::string link_name, ThreadPool& pool, std::stop_token stop)
    : source_(source),
      target_(target),
      link_name_(std::move(link_name)),
      link_type_(AssetLinkType()),
      pool_(pool),
      stop_(std::move(stop)) {
  const auto hash = source_rows.GetFieldByName(std::string(kHash));
  const auto path = source_rows.GetFieldByName(std::string(kPath));
  has_links_ =
      path != nullptr && IsText(*path->type()) && (hash == nullptr || IsText(*hash->type()));
  arrow::FieldVector fields;
  for (const auto& field : source_rows.fields()) {
    if (!(has_links_ && IsLinkPart(field->name())) &&
        (link_name_.empty() || !IsPartition(field->name()))) {
      fields.push_back(field);
    }
  }
  if (has_links_ && !link_name_.empty()) {
    fields.push_back(arrow::field(link_name_, link_type_));
  }
  if (has_links_) {
    fields.push_back(arrow::field(std::string(kPath), arrow::utf8()));
    fields.push_back(arrow::field(std::string(kHash), arrow::utf8()));
  }
  schema_ = arrow::schema(std::move(fields));
}

KdlLinker::~KdlLinker() = default;

Status KdlLinker::FitTo(const arrow::Schema& table) {
  const int at = schema_->GetFieldIndex(link_name_);
  const auto there = table.GetFieldByName(link_name_);
  if (at < 0 || there == nullptr) {
    return {};
  }
  link_type_ = AssetLinkTypeLike(there->type().get());
  DATALAKE_TRY_ASSIGN(schema_,
                      format::FromArrow(schema_->SetField(at, arrow::field(link_name_, link_type_)),
                                        "cannot give links the form of the table"));
  return {};
}

Status KdlLinker::EnsureBatch() {
  if (lease_ == nullptr) {
    DATALAKE_TRY_ASSIGN(lease_, target_.assets().TakeLease());
  }
  if (batch_ != nullptr && batch_puts_ >= kPutsPerCommit) {
    DATALAKE_TRY(Commit());
  }
  if (batch_ == nullptr) {
    DATALAKE_TRY_ASSIGN(batch_, target_.assets().NewBatch());
  }
  return {};
}

Status KdlLinker::Commit() {
  if (batch_ == nullptr) {
    return {};
  }
  DATALAKE_TRY(batch_->Commit());
  batch_.reset();
  batch_puts_ = 0;
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> KdlLinker::Link(const arrow::RecordBatch& rows,
                                                            KdlImported& counts,
                                                            std::vector<KdlDanglingLink>& links) {
  arrow::ArrayVector columns;
  for (const auto& field : schema_->fields()) {
    const auto column = rows.GetColumnByName(field->name());
    if (column != nullptr && !(has_links_ && IsLinkPart(field->name()))) {
      columns.push_back(column);
    }
  }
  if (!has_links_) {
    next_row_ += rows.num_rows();
    return arrow::RecordBatch::Make(schema_, rows.num_rows(), std::move(columns));
  }
  DATALAKE_TRY(EnsureBatch());
  const auto hash = rows.GetColumnByName(std::string(kHash));
  const auto path = rows.GetColumnByName(std::string(kPath));
  std::vector<Cell> cells(static_cast<std::size_t>(rows.num_rows()));
  const std::size_t tasks = (cells.size() + kRowsPerTask - 1) / kRowsPerTask;
  const Status copied = ParallelFor(pool_, tasks, stop_, [&](std::size_t task) -> Status {
    const std::size_t end = std::min(cells.size(), (task + 1) * kRowsPerTask);
    for (std::size_t row = task * kRowsPerTask; row < end; ++row) {
      const auto at = static_cast<std::int64_t>(row);
      DATALAKE_TRY(Copy(TextOf(hash, at), TextOf(path, at), cells[row]));
    }
    return {};
  });
  DATALAKE_TRY(copied);
  Report(cells, counts, links);
  LinkBuilder link(link_type_);
  FirstLinkBuilder first;
  for (const Cell& cell : cells) {
    const assets::AssetInfo* const info = cell.info ? &*cell.info : nullptr;
    DATALAKE_TRY(info == nullptr && cell.kept_problem.empty()
                     ? link.AppendNull()
                     : link.Append(info, cell.kept_problem));
    DATALAKE_TRY(first.Append(info));
  }
  if (!link_name_.empty()) {
    DATALAKE_TRY_ASSIGN(auto column, link.Finish());
    columns.push_back(std::move(column));
  }
  DATALAKE_TRY_ASSIGN(auto paths, first.FinishPaths());
  DATALAKE_TRY_ASSIGN(auto hashes, first.FinishHashes());
  columns.push_back(std::move(paths));
  columns.push_back(std::move(hashes));
  return arrow::RecordBatch::Make(schema_, rows.num_rows(), std::move(columns));
}

// On a worker.
Status KdlLinker::Copy(const std::string& hash, const std::string& path, Cell& cell) {
  cell.hash = hash;
  cell.path = path;
  if (hash.empty() && path.empty()) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(const std::string file, FindFile(hash, path, cell));
  if (file.empty()) {
    cell.problem = "missing";
    cell.kept_problem = "missing in the lake it came from: " + path;
    return {};
  }
  DATALAKE_TRY_ASSIGN(const auto input, source_.context().fs.OpenInput(
                                            io::JoinPath(source_.layout().assets(), file)));
  auto put = batch_->Put(*input);
  if (!put && put.error().code == ErrorCode::kPermissionDenied) {
    cell.problem = "blocked: taken down";
    cell.kept_problem = "asset was taken down";
    return {};
  }
  if (!put) {
    return std::move(put).error();
  }
  cell.kept_problem = put->info.problem;
  if (!hash.empty() && put->info.sha256 != hash) {
    cell.problem = "mismatched: " + put->info.sha256;
    cell.kept_problem = "bytes were not those of the hash " + hash;
  }
  cell.was_new = put->was_new;
  cell.info = std::move(put->info);
  return {};
}

// At the row's path; else anywhere in the source, since the KDL program loses track of the depth.
Result<std::string> KdlLinker::FindFile(const std::string& hash, const std::string& path,
                                        Cell& cell) {
  if (IsBelow(path)) {
    const auto facts = source_.context().fs.Stat(io::JoinPath(source_.layout().assets(), path));
    if (facts && !facts->is_directory) {
      return path;
    }
    if (!facts && facts.error().code != ErrorCode::kNotFound) {
      return facts.error();
    }
  }
  const std::string_view named = IsSha256Hex(hash) ? std::string_view(hash) : MentionedSha256(path);
  if (named.empty()) {
    return std::string();
  }
  auto found = source_.assets().FindPath(named);
  if (!found) {
    return found.error().code == ErrorCode::kNotFound ? Result<std::string>(std::string())
                                                      : std::move(found).error();
  }
  cell.problem = "found elsewhere: " + *found;
  return found;
}

void KdlLinker::Report(const std::vector<Cell>& cells, KdlImported& counts,
                       std::vector<KdlDanglingLink>& links) {
  for (const Cell& cell : cells) {
    counts.assets += cell.info ? 1 : 0;
    counts.new_assets += cell.was_new ? 1 : 0;
    batch_puts_ += cell.info ? 1 : 0;
    if (!cell.problem.empty()) {
      counts.missing += cell.info ? 0 : 1;
      counts.repaired += cell.problem.starts_with("found") ? 1 : 0;
      counts.mismatched += cell.problem.starts_with("mismatched") ? 1 : 0;
      links.push_back({.where = counts.where,
                       .row = next_row_,
                       .hash = cell.hash,
                       .path = cell.path,
                       .problem = cell.problem});
    }
    ++next_row_;
  }
}

}  // namespace datalake::lake
