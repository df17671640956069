#include "datalake/lake/layout.h"

#include <utility>

#include <fmt/format.h>

#include "datalake/base/name.h"

namespace datalake::lake {

std::string ToString(const TableName& name) {
  return fmt::format("{}/{}/{}", name.provider, name.dataset, name.task);
}

Result<TableName> ParseTableName(std::string_view text) {
  const std::size_t first = text.find('/');
  const std::size_t last = text.rfind('/');
  if (first == last) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a table is written provider/dataset/task: {}", text)};
  }
  TableName name{.provider = std::string(text.substr(0, first)),
                 .dataset = std::string(text.substr(first + 1, last - first - 1)),
                 .task = std::string(text.substr(last + 1))};
  DATALAKE_TRY(CheckTableName(name));
  return name;
}

Status CheckTableName(const TableName& name) {
  DATALAKE_TRY(CheckName("provider", name.provider));
  DATALAKE_TRY(CheckName("dataset", name.dataset));
  return CheckName("task", name.task);
}

TableName FeedTableName(std::string_view feed) {
  return {std::string(kFeedProvider), std::string(feed), "raw"};
}

std::string_view ToString(UploadState state) {
  switch (state) {
    case UploadState::kPending:
      return "pending";
    case UploadState::kProcessing:
      return "processing";
    case UploadState::kFailed:
      return "failed";
  }
  return "failed";
}

Layout::Layout(std::string root) : root_(std::move(root)) {
  while (root_.size() > 1 && root_.ends_with('/')) {
    root_.pop_back();
  }
}

std::string Layout::lake_file() const {
  return root_ + "/lake.json";
}

std::string Layout::schema_file() const {
  return root_ + "/config/schema.yaml";
}

std::string Layout::catalog() const {
  return root_ + "/catalog";
}

std::string Layout::assets() const {
  return root_ + "/assets";
}

std::string Layout::collections() const {
  return root_ + "/collections";
}

std::string Layout::jobs() const {
  return root_ + "/jobs";
}

std::string Layout::log() const {
  return root_ + "/log";
}

std::string Layout::index() const {
  return root_ + "/index";
}

std::string Layout::Staging(UploadState state) const {
  return fmt::format("{}/staging/{}", root_, ToString(state));
}

std::string Layout::Upload(UploadState state, std::string_view id) const {
  return fmt::format("{}/staging/{}/{}", root_, ToString(state), id);
}

std::string Layout::Table(const TableName& name) const {
  return fmt::format("{}/catalog/provider={}/dataset={}/task={}", root_, name.provider,
                     name.dataset, name.task);
}

std::string Layout::Wal(std::string_view shard) const {
  return fmt::format("{}/wal/{}", root_, shard);
}

}  // namespace datalake::lake
