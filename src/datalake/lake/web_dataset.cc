#include "datalake/lake/web_dataset.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/id.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/format/tar_writer.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"

namespace datalake::lake {
namespace {

bool IsPicture(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRUCT && type.num_fields() == 2 &&
         type.field(0)->name() == "bytes" && type.field(0)->type()->id() == arrow::Type::BINARY &&
         type.field(1)->name() == "path" && type.field(1)->type()->id() == arrow::Type::STRING;
}

std::string_view Suffix(std::string_view path) {
  const std::string_view name = io::BaseName(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? "bin" : name.substr(dot + 1);
}

// The shards of a folder under its temporary name; removed unless published.
class Shards {
 public:
  Shards(io::FileSystem& fs, std::string directory, std::string temporary,
         std::uint64_t shard_bytes)
      : fs_(fs),
        directory_(std::move(directory)),
        temporary_(std::move(temporary)),
        shard_bytes_(shard_bytes) {}

  ~Shards() {
    if (!is_published_) {
      static_cast<void>(fs_.RemoveTree(temporary_));  // what stays has a temporary name
    }
  }

  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  Status Start(const arrow::Schema& schema) {
    for (int i = 0; i < schema.num_fields(); ++i) {
      if (IsPicture(*schema.field(i)->type())) {
        pictures_.push_back(i);
      }
    }
    for (const int i : pictures_) {
      DATALAKE_TRY(pictures_.size() == 1 ? Status()
                                         : CheckName("picture column", schema.field(i)->name()));
    }
    return fs_.MakeDirectory(temporary_);
  }

  Status Write(const arrow::RecordBatch& batch) {
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      if (tar_ && tar_->size_bytes() >= shard_bytes_) {
        DATALAKE_TRY(EndShard());
      }
      if (!tar_) {
        DATALAKE_TRY(BeginShard());
      }
      DATALAKE_TRY(WriteRow(batch, row));
    }
    return {};
  }

  Result<std::uint64_t> Publish() {
    if (shards_ == 0) {
      DATALAKE_TRY(BeginShard());  // no rows: one archive without files
    }
    DATALAKE_TRY(EndShard());
    DATALAKE_TRY(fs_.SyncDirectory(temporary_));
    DATALAKE_TRY(fs_.Rename(temporary_, directory_));
    is_published_ = true;
    DATALAKE_TRY(fs_.SyncDirectory(io::ParentPath(directory_)));
    return size_bytes_;
  }

 private:
  Status BeginShard() {
    const std::string name = fmt::format("{:06}.tar", shards_++);
    DATALAKE_TRY_ASSIGN(file_, fs_.Create(io::JoinPath(temporary_, name)));
    tar_.emplace(*file_);
    return {};
  }

  Status EndShard() {
    if (!tar_) {
      return {};
    }
    DATALAKE_TRY(tar_->Finish());
    DATALAKE_TRY(file_->Sync());
    DATALAKE_TRY(file_->Close());
    size_bytes_ += tar_->size_bytes();
    tar_.reset();
    return {};
  }

  Status WriteRow(const arrow::RecordBatch& batch, std::int64_t row) {
    const std::string key = fmt::format("{:09}", rows_++);
    std::string text = "{";
    for (int i = 0; i < batch.num_columns(); ++i) {
      if (IsPicture(*batch.column(i)->type())) {
        continue;
      }
      text += text.size() > 1 ? "," : "";
      DATALAKE_TRY(AppendMember(batch, i, row, text));
    }
    DATALAKE_TRY(tar_->Add(key + ".json", text + "}"));
    for (const int i : pictures_) {
      const auto& cells = static_cast<const arrow::StructArray&>(*batch.column(i));
      const auto& bytes = static_cast<const arrow::BinaryArray&>(*cells.field(0));
      const auto& paths = static_cast<const arrow::StringArray&>(*cells.field(1));
      if (cells.IsNull(row) || bytes.IsNull(row)) {
        continue;
      }
      const std::string_view suffix = paths.IsNull(row) ? "bin" : Suffix(paths.GetView(row));
      const std::string name =
          pictures_.size() == 1
              ? fmt::format("{}.{}", key, suffix)
              : fmt::format("{}.{}.{}", key, batch.schema()->field(i)->name(), suffix);
      DATALAKE_TRY(tar_->Add(name, bytes.GetView(row)));
    }
    return {};
  }

  static Status AppendMember(const arrow::RecordBatch& batch, int column, std::int64_t row,
                             std::string& text) {
    const auto one = arrow::RecordBatch::Make(arrow::schema({batch.schema()->field(column)}),
                                              batch.num_rows(), {batch.column(column)});
    std::string object;
    DATALAKE_TRY(format::AppendRowJson(*one, row, {}, object));
    text += std::string_view(object).substr(1, object.size() - 2);
    return {};
  }

  io::FileSystem& fs_;
  const std::string directory_;
  const std::string temporary_;
  const std::uint64_t shard_bytes_;
  std::vector<int> pictures_;
  std::unique_ptr<io::WritableFile> file_;
  std::optional<format::TarWriter> tar_;
  std::int64_t rows_ = 0;
  int shards_ = 0;
  std::uint64_t size_bytes_ = 0;
  bool is_published_ = false;
};

}  // namespace

Result<std::uint64_t> WriteWebDataset(io::FileSystem& fs, Random& random,
                                      std::string_view directory, arrow::RecordBatchReader& rows,
                                      std::uint64_t shard_bytes) {
  DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(directory));
  if (exists) {
    return Error{ErrorCode::kAlreadyExists, fmt::format("folder exists: {}", directory)};
  }
  std::string temporary =
      io::JoinPath(io::ParentPath(directory),
                   fmt::format(".{}.{}.tmp", io::BaseName(directory), MakeUuid(random)));
  Shards shards(fs, std::string(directory), std::move(temporary), shard_bytes);
  DATALAKE_TRY(shards.Start(*rows.schema()));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      return shards.Publish();
    }
    DATALAKE_TRY(shards.Write(*batch));
  }
}

}  // namespace datalake::lake
