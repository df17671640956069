#include "datalake/lake/download.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/parquet.h"
#include "datalake/format/row_json.h"
#include "datalake/format/watched_rows.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/lake/line_file.h"
#include "datalake/lake/web_dataset.h"

namespace datalake::lake {
namespace {

constexpr std::pair<std::string_view, DownloadFormat> kFormats[] = {
    {"auto", DownloadFormat::kAuto},       {"parquet", DownloadFormat::kParquet},
    {"dataset", DownloadFormat::kDataset}, {"datasets", DownloadFormat::kDataset},
    {"jsonl", DownloadFormat::kJsonl},     {"webdataset", DownloadFormat::kWebDataset}};

// The name without .gz and .zst.
std::string_view PlainName(std::string_view path) {
  for (const std::string_view suffix : {".gz", ".zst", ".zstd"}) {
    if (path.ends_with(suffix)) {
      return path.substr(0, path.size() - suffix.size());
    }
  }
  return path;
}

DownloadFormat FormatOf(const DownloadOptions& options) {
  if (options.format != DownloadFormat::kAuto) {
    return options.format;
  }
  const std::string_view plain = PlainName(options.output);
  if (options.output.ends_with(".parquet")) {
    return DownloadFormat::kParquet;
  }
  return plain.ends_with(".jsonl") || plain.ends_with(".ndjson") ? DownloadFormat::kJsonl
                                                                 : DownloadFormat::kDataset;
}

// The list of missing files; made when the first one is met.
class MissingList {
 public:
  MissingList(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  Status Add(const MissingFile& missing) {
    if (file_ == nullptr) {
      DATALAKE_TRY_ASSIGN(file_, io::AtomicFile::Make(fs_, path_, io::PublishMode::kReplace));
    }
    std::string line;
    json::Writer writer(line);
    writer.BeginObject();
    writer.Key("row");
    writer.Int(missing.row);
    for (const auto& [key, value] :
         {std::pair("column", &missing.column), std::pair("sha256", &missing.sha256),
          std::pair("path", &missing.path), std::pair("reason", &missing.reason)}) {
      writer.Key(key);
      writer.String(*value);
    }
    writer.EndObject();
    return file_->Write(line + "\n");
  }

  // The name of the list, or "" when nothing is missing.
  Result<std::string> Publish() {
    if (file_ == nullptr) {
      return std::string();
    }
    DATALAKE_TRY(file_->Publish());
    return path_;
  }

 private:
  io::FileSystem& fs_;
  const std::string path_;
  std::unique_ptr<io::AtomicFile> file_;
};

Result<std::uint64_t> WriteJsonl(io::FileSystem& fs, const std::string& path,
                                 arrow::RecordBatchReader& rows) {
  DATALAKE_TRY_ASSIGN(const auto file, LineFile::Make(fs, path, io::PublishMode::kCreate));
  std::string text;
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      break;
    }
    text.clear();
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      DATALAKE_TRY(format::AppendRowJson(*batch, row, {}, text));
      text += '\n';
    }
    DATALAKE_TRY(file->Write(text));
  }
  return file->Publish();
}

}  // namespace

Result<DownloadFormat> ParseDownloadFormat(std::string_view text) {
  for (const auto& [word, format] : kFormats) {
    if (word == text) {
      return format;
    }
  }
  Error error = UnknownNameError("format", text, DownloadFormatWords());
  error.code = ErrorCode::kInvalidArgument;
  return error;
}

std::vector<std::string> DownloadFormatWords() {
  std::vector<std::string> words;
  for (const auto& [word, format] : kFormats) {
    words.emplace_back(word);
  }
  return words;
}

Result<DownloadReport> Download(Lake& lake, std::shared_ptr<arrow::RecordBatchReader> rows,
                                const DownloadOptions& options, ProgressSink& progress,
                                std::stop_token stop) {
  if (options.output.empty()) {
    return Error{ErrorCode::kInvalidArgument, "where to download to was not said"};
  }
  const LakeContext& context = lake.context();
  io::FileSystem& fs = context.fs;
  DownloadReport report{.path = options.output, .format = FormatOf(options), .rows = {}};
  while (report.path.size() > 1 && report.path.ends_with('/')) {
    report.path.pop_back();
  }
  if (report.format == DownloadFormat::kParquet && !report.path.ends_with(".parquet")) {
    report.path += ".parquet";
  }
  DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(report.path));
  if (exists) {
    return Error{ErrorCode::kAlreadyExists,
                 fmt::format("something is there already, give a new name: {}", report.path)};
  }
  DATALAKE_TRY(fs.MakeDirectories(io::ParentPath(report.path)));
  MissingList missing(fs, report.path + ".missing.jsonl");
  OutgoingOptions outgoing = options.rows;
  outgoing.missing_sink = [&missing](const MissingFile& file) { return missing.Add(file); };
  rows =
      format::WatchRows(std::move(rows), "download", options.rows_total, progress, std::move(stop));
  DATALAKE_TRY_ASSIGN(rows, OutgoingRows(lake, std::move(rows), outgoing, report.rows));
  switch (report.format) {
    case DownloadFormat::kParquet: {
      DATALAKE_TRY_ASSIGN(const format::WrittenFile file,
                          format::WriteParquet(fs, report.path, *rows));
      report.size_bytes = file.size_bytes;
      break;
    }
    case DownloadFormat::kJsonl: {
      DATALAKE_TRY_ASSIGN(report.size_bytes, WriteJsonl(fs, report.path, *rows));
      break;
    }
    case DownloadFormat::kWebDataset: {
      DATALAKE_TRY_ASSIGN(report.size_bytes, WriteWebDataset(fs, context.random, report.path, *rows,
                                                             options.shard_bytes));
      break;
    }
    default: {
      DATALAKE_TRY_ASSIGN(const format::WrittenDataset dataset,
                          format::WriteHfDataset(fs, context.random, report.path, *rows,
                                                 {.description = options.description}));
      report.size_bytes = dataset.size_bytes;
      break;
    }
  }
  DATALAKE_TRY_ASSIGN(report.missing_list, missing.Publish());
  return report;
}

}  // namespace datalake::lake
