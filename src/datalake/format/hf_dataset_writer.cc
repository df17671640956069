#include <algorithm>
#include <utility>

#include <arrow/io/interfaces.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/id.h"
#include "datalake/format/arrow_io.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/hf_features.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"

namespace datalake::format {
namespace {

using json::Value;

// A sink that hashes what goes through it.
class HashingFile final : public io::OutputStream {
 public:
  HashingFile(std::unique_ptr<io::WritableFile> file, std::uint64_t& hash)
      : file_(std::move(file)), hash_(hash) {}

  using OutputStream::Write;

  Status Write(std::span<const std::byte> bytes) override {
    // Chained: the hash of the hash so far and of the new bytes' own hash.
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::uint64_t pair[2] = {hash_, Xxh3Hash64(text)};
    hash_ = Xxh3Hash64({reinterpret_cast<const char*>(pair), sizeof(pair)});
    return file_->Write(bytes);
  }

  Status Close() override {
    DATALAKE_TRY(file_->Sync());
    return file_->Close();
  }

  std::uint64_t size_bytes() const { return file_->size_bytes(); }

 private:
  std::unique_ptr<io::WritableFile> file_;
  std::uint64_t& hash_;
};

// Builds the folder under a temporary name; what is not published is removed.
class DatasetFolder final : public HfDatasetWriter {
 public:
  DatasetFolder(io::FileSystem& fs, std::string directory, std::string temporary,
                HfDatasetOptions options)
      : fs_(fs),
        directory_(std::move(directory)),
        temporary_(std::move(temporary)),
        options_(std::move(options)) {}

  ~DatasetFolder() override {
    if (!is_published_) {
      const Status ignored = fs_.RemoveTree(temporary_);
      (void)ignored;
    }
  }

  DatasetFolder(const DatasetFolder&) = delete;
  DatasetFolder& operator=(const DatasetFolder&) = delete;

  Status Start(const arrow::Schema& schema) {
    DATALAKE_TRY_ASSIGN(const auto converted, ToHfSchema(schema));
    DATALAKE_TRY_ASSIGN(features_, HfFeatures(*converted));
    const Value metadata = {{"info", {{"features", features_}}}};
    schema_ = converted->WithMetadata(
        arrow::key_value_metadata({"huggingface"}, {json::DumpValue(metadata)}));
    return fs_.MakeDirectories(temporary_);
  }

  Status Write(const arrow::RecordBatch& batch) override {
    arrow::ArrayVector columns;
    for (int i = 0; i < batch.num_columns(); ++i) {
      auto column = ToHfColumn(batch.column(i), schema_->field(i)->type());
      if (!column) {
        return WithContext(std::move(column).error(), schema_->field(i)->name());
      }
      columns.push_back(std::move(*column));
    }
    const auto converted = arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
    for (std::int64_t row = 0; row < batch.num_rows(); row += options_.batch_rows) {
      DATALAKE_TRY(WriteSlice(*converted->Slice(row, options_.batch_rows)));
    }
    return {};
  }

  Result<WrittenDataset> Publish() override {
    if (written_.files.empty() && writer_ == nullptr) {
      DATALAKE_TRY(BeginShard());  // a dataset without rows still has its schema in a file
    }
    DATALAKE_TRY(EndShard());
    const std::size_t count = written_.files.size();
    for (std::size_t i = 0; i < count; ++i) {
      std::string name = fmt::format("data-{:05}-of-{:05}.arrow", i, count);
      DATALAKE_TRY(
          fs_.Rename(io::JoinPath(temporary_, written_.files[i]), io::JoinPath(temporary_, name)));
      written_.files[i] = std::move(name);
    }
    written_.fingerprint = fmt::format("{:016x}", hash_);
    DATALAKE_TRY(WriteText("dataset_info.json", Info()));
    DATALAKE_TRY(WriteText("state.json", State()));
    for (const auto& [name, bytes] : options_.extra_files) {
      DATALAKE_TRY(WriteText(name, bytes));
    }
    DATALAKE_TRY(fs_.SyncDirectory(temporary_));
    if (Status status = fs_.Rename(temporary_, directory_); !status) {
      // Another writer may have been first.
      DATALAKE_TRY_ASSIGN(const bool is_taken, fs_.Exists(directory_));
      return is_taken ? AlreadyThere(directory_) : std::move(status).error();
    }
    is_published_ = true;
    DATALAKE_TRY(fs_.SyncDirectory(io::ParentPath(directory_)));
    return written_;
  }

  static Error AlreadyThere(std::string_view directory) {
    return Error{ErrorCode::kAlreadyExists, fmt::format("dataset folder exists: {}", directory)};
  }

 private:
  Status WriteSlice(const arrow::RecordBatch& slice) {
    if (writer_ == nullptr) {
      DATALAKE_TRY(BeginShard());
    }
    DATALAKE_TRY(FromArrow(writer_->WriteRecordBatch(slice), "cannot write dataset"));
    written_.num_rows += slice.num_rows();
    DATALAKE_TRY_ASSIGN(const auto bytes, FromArrow(arrow::util::ReferencedBufferSize(slice),
                                                    "cannot write dataset"));
    shard_bytes_ += static_cast<std::uint64_t>(bytes);
    return shard_bytes_ >= options_.shard_bytes ? EndShard() : Status();
  }

  Status BeginShard() {
    std::string name = fmt::format("shard-{:05}.arrow", written_.files.size());
    DATALAKE_TRY_ASSIGN(auto file, fs_.Create(io::JoinPath(temporary_, name)));
    written_.files.push_back(std::move(name));
    file_ = std::make_unique<HashingFile>(std::move(file), hash_);
    sink_ = WrapOutput(*file_);
    DATALAKE_TRY_ASSIGN(
        writer_, FromArrow(arrow::ipc::MakeStreamWriter(sink_, schema_), "cannot write dataset"));
    shard_bytes_ = 0;
    return {};
  }

  Status EndShard() {
    if (writer_ == nullptr) {
      return {};
    }
    DATALAKE_TRY(FromArrow(writer_->Close(), "cannot write dataset"));
    writer_.reset();
    DATALAKE_TRY(file_->Close());
    written_.size_bytes += file_->size_bytes();
    file_.reset();
    return {};
  }

  std::string Info() const {
    return json::DumpValueIndented({{"citation", ""},
                                    {"description", options_.description},
                                    {"features", features_},
                                    {"homepage", ""},
                                    {"license", ""}});
  }

  std::string State() const {
    Value files = Value::array();
    for (const std::string& name : written_.files) {
      files.push_back(Value{{"filename", name}});
    }
    return json::DumpValueIndented(
        {{"_data_files", std::move(files)},
         {"_fingerprint", written_.fingerprint},
         {"_format_columns", nullptr},
         {"_format_kwargs", Value::object()},
         {"_format_type", nullptr},
         {"_output_all_columns", false},
         {"_split", options_.split.empty() ? Value(nullptr) : Value(options_.split)}});
  }

  Status WriteText(std::string_view name, std::string_view text) {
    DATALAKE_TRY_ASSIGN(auto file, fs_.Create(io::JoinPath(temporary_, name)));
    DATALAKE_TRY(file->Write(text));
    DATALAKE_TRY(file->Sync());
    return file->Close();
  }

  io::FileSystem& fs_;
  const std::string directory_;
  const std::string temporary_;
  const HfDatasetOptions options_;
  std::shared_ptr<arrow::Schema> schema_;
  Value features_;
  std::uint64_t hash_ = 0;
  std::unique_ptr<HashingFile> file_;
  std::shared_ptr<arrow::io::OutputStream> sink_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
  std::uint64_t shard_bytes_ = 0;
  WrittenDataset written_;
  bool is_published_ = false;
};

}  // namespace

Result<std::unique_ptr<HfDatasetWriter>> HfDatasetWriter::Make(io::FileSystem& fs, Random& random,
                                                               std::string_view directory,
                                                               const arrow::Schema& schema,
                                                               const HfDatasetOptions& options) {
  if (options.batch_rows <= 0 || options.shard_bytes == 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "option out of range: batch_rows and shard_bytes must be positive"};
  }
  DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(directory));
  if (exists) {
    return DatasetFolder::AlreadyThere(directory);
  }
  std::string temporary =
      io::JoinPath(io::ParentPath(directory),
                   fmt::format(".{}.{}.tmp", io::BaseName(directory), MakeUuid(random)));
  auto folder =
      std::make_unique<DatasetFolder>(fs, std::string(directory), std::move(temporary), options);
  DATALAKE_TRY(folder->Start(schema));
  return std::unique_ptr<HfDatasetWriter>(std::move(folder));
}

Result<WrittenDataset> WriteHfDataset(io::FileSystem& fs, Random& random,
                                      std::string_view directory, arrow::RecordBatchReader& rows,
                                      const HfDatasetOptions& options) {
  DATALAKE_TRY_ASSIGN(const auto writer,
                      HfDatasetWriter::Make(fs, random, directory, *rows.schema(), options));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      return writer->Publish();
    }
    DATALAKE_TRY(writer->Write(*batch));
  }
}

Status WriteHfSplits(io::FileSystem& fs, std::string_view directory,
                     const std::vector<std::string>& splits) {
  return io::ReplaceFile(fs, io::JoinPath(directory, "dataset_dict.json"),
                         json::DumpValue(Value{{"splits", splits}}));
}

}  // namespace datalake::format
