// Upload and processing of pictures with rows, durable, then of the same data again: pictures/s,
// CPU, bytes written, peak memory. The outcome of a small run is verified first. Beside it, in the
// same run, what no store of files can beat: hashing the pictures, and making one file of each.
// upload_benchmark [folder [pictures [folder of real pictures]]]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/clock.h"
#include "datalake/base/hash.h"
#include "datalake/base/random.h"
#include "datalake/base/thread_pool.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/process.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr std::size_t kMadeBytes = 20'000;
constexpr std::size_t kRowsPerBatch = 256;
constexpr std::size_t kThreads = 2;

// Pictures: real ones where a folder of them is given, each as often as needed; all differ.
class Pictures {
 public:
  explicit Pictures(std::vector<std::string> real) : real_(std::move(real)), random_(7) {
    random_.Fill(std::as_writable_bytes(std::span(noise_)));
  }

  // The bytes of picture `i`: a real one or a GIF header over noise, with its number at the end.
  std::string Make(std::size_t i) const {
    std::string bytes;
    if (!real_.empty()) {
      bytes = real_[i % real_.size()];
    } else {
      bytes = "GIF89a" + std::string("\x40\x01\xf0\x00\x00\x00\x00", 7);
      bytes += noise_;
    }
    return bytes + fmt::format("{:016}", i) + ';';
  }

 private:
  std::vector<std::string> real_;
  SeededRandom random_;
  std::string noise_ = std::string(kMadeBytes, '\0');
};

// Rows as of a Hugging Face dataset: image {bytes, path}, caption.
class PictureRows final : public arrow::RecordBatchReader {
 public:
  PictureRows(const Pictures& pictures, std::size_t rows) : pictures_(pictures), rows_(rows) {}

  std::shared_ptr<arrow::Schema> schema() const override {
    return arrow::schema({arrow::field("image", Type()), arrow::field("caption", arrow::utf8())});
  }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    auto bytes = std::make_shared<arrow::BinaryBuilder>();
    auto path = std::make_shared<arrow::StringBuilder>();
    arrow::StructBuilder image(Type(), arrow::default_memory_pool(), {bytes, path});
    arrow::StringBuilder caption;
    for (; caption.length() < static_cast<std::int64_t>(kRowsPerBatch) && next_ < rows_; ++next_) {
      ARROW_RETURN_NOT_OK(image.Append());
      ARROW_RETURN_NOT_OK(bytes->Append(pictures_.Make(next_)));
      ARROW_RETURN_NOT_OK(path->Append(fmt::format("{:08}.gif", next_)));
      ARROW_RETURN_NOT_OK(caption.Append(fmt::format("a caption of picture {}", next_)));
    }
    if (caption.length() > 0) {
      const std::int64_t rows = caption.length();
      ARROW_ASSIGN_OR_RAISE(auto images, image.Finish());
      ARROW_ASSIGN_OR_RAISE(auto captions, caption.Finish());
      *out = arrow::RecordBatch::Make(schema(), rows, {std::move(images), std::move(captions)});
    }
    return arrow::Status::OK();
  }

 private:
  static std::shared_ptr<arrow::DataType> Type() {
    return arrow::struct_(
        {arrow::field("bytes", arrow::binary()), arrow::field("path", arrow::utf8())});
  }

  const Pictures& pictures_;
  const std::size_t rows_;
  std::size_t next_ = 0;
};

// The two forms in which pictures come.
Status MakeParquet(io::FileSystem& fs, const std::string& path, const Pictures& pictures,
                   std::size_t count) {
  PictureRows rows(pictures, count);
  DATALAKE_TRY(format::WriteParquet(fs, path, rows));
  return {};
}

Status MakeFolder(io::FileSystem& fs, const std::string& folder, const Pictures& pictures,
                  std::size_t count) {
  std::string annotations;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string part = fmt::format("images/{:03}", i / 1000);
    if (i % 1000 == 0) {
      DATALAKE_TRY(fs.MakeDirectories(io::JoinPath(folder, part)));
    }
    const std::string name = fmt::format("{}/{:08}.gif", part, i);
    DATALAKE_TRY_ASSIGN(const auto file, fs.Create(io::JoinPath(folder, name)));
    DATALAKE_TRY(file->Write(pictures.Make(i)));
    DATALAKE_TRY(file->Close());
    annotations += fmt::format("{{\"image\":\"{}\",\"caption\":\"a caption of {}\"}}\n", name, i);
  }
  return io::ReplaceFile(fs, io::JoinPath(folder, "annotations.jsonl"), annotations);
}

struct Timed {
  double stage_seconds = 0;
  double process_seconds = 0;
  double cpu_seconds = 0;
  std::uint64_t new_assets = 0;

  double seconds() const { return stage_seconds + process_seconds; }
};

// Uploads and processes one dataset; an error unless all rows and links are there.
Result<Timed> Upload(lake::Lake& lake, const std::string& source, const std::string& dataset,
                     std::size_t pictures) {
  const SystemClock clock;
  NullProgress progress;
  lake::UploadRequest request;
  request.provider = "test";
  request.dataset = dataset;
  request.source_path = source;
  Timed timed;
  const double cpu_begin = ProcessCpuSeconds();
  const std::int64_t begin = clock.SteadyNanos();
  DATALAKE_TRY(lake::Uploads(lake).Stage(request, progress, {}));
  const std::int64_t staged = clock.SteadyNanos();
  DATALAKE_TRY_ASSIGN(const auto report,
                      lake::ProcessUploads(lake, {.threads = kThreads}, progress, {}));
  const std::int64_t end = clock.SteadyNanos();
  timed.cpu_seconds = ProcessCpuSeconds() - cpu_begin;
  timed.stage_seconds = static_cast<double>(staged - begin) / 1e9;
  timed.process_seconds = static_cast<double>(end - staged) / 1e9;
  const bool whole = report.uploads.size() == 1 && !report.uploads[0].error &&
                     report.uploads[0].rows == pictures && report.uploads[0].assets == pictures &&
                     report.uploads[0].problem_assets == 0;
  if (!whole) {
    return Error{ErrorCode::kInternal, lake::ProcessReportJson(report)};
  }
  timed.new_assets = report.uploads[0].new_assets;
  return timed;
}

// Every link leads to an asset of its hash.
Status Verify(io::FileSystem& fs, lake::Lake& lake, const std::string& dataset) {
  DATALAKE_TRY_ASSIGN(const auto table, lake.OpenTable({"test", dataset, "raw"}));
  DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
  const std::vector<std::string> columns = {"hash"};
  DATALAKE_TRY_ASSIGN(const auto rows, table::ReadTable(fs, snapshot, columns));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    DATALAKE_TRY(format::FromArrow(rows->ReadNext(&batch), "cannot read rows"));
    if (batch == nullptr) {
      return {};
    }
    const auto& hashes = static_cast<const arrow::StringArray&>(*batch->column(0));
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      DATALAKE_TRY(lake.assets().Verify(hashes.GetView(row)));
    }
  }
}

void Print(std::string_view what, std::size_t pictures, const Timed& timed) {
  const double count = static_cast<double>(pictures);
  fmt::print(
      "{:<28} {:7.0f} pictures/s  {:.2f} s (stage {:.2f}, process {:.2f}), {:.0f} us cpu a "
      "picture, {} new assets\n",
      what, count / timed.seconds(), timed.seconds(), timed.stage_seconds, timed.process_seconds,
      timed.cpu_seconds * 1e6 / count, timed.new_assets);
}

void PrintBound(std::string_view what, std::size_t pictures, double seconds, double cpu_seconds) {
  const double count = static_cast<double>(pictures);
  fmt::print("{:<28} {:7.0f} pictures/s  {:.2f} s, {:.0f} us cpu a picture\n", what,
             count / seconds, seconds, cpu_seconds * 1e6 / count);
}

// SHA-256 of pictures in memory.
Status HashBound(const Pictures& pictures, std::size_t count) {
  const SystemClock clock;
  ThreadPool pool(kThreads);
  std::vector<std::string> made;
  for (std::size_t i = 0; i < std::min<std::size_t>(count, 256); ++i) {
    made.push_back(pictures.Make(i));
  }
  std::atomic<std::uint64_t> digits = 0;
  const double cpu_begin = ProcessCpuSeconds();
  const std::int64_t begin = clock.SteadyNanos();
  const Status hashed = ParallelFor(pool, count, {}, [&](std::size_t i) -> Status {
    digits += Sha256Hex(made[i % made.size()]).size();
    return {};
  });
  DATALAKE_TRY(hashed);
  const double seconds = static_cast<double>(clock.SteadyNanos() - begin) / 1e9;
  PrintBound("SHA-256 alone", count, seconds, ProcessCpuSeconds() - cpu_begin);
  return {};
}

// A file of each, in one folder a thread, and one sync of all: no hash, no name by it, no rows.
Status WriteBound(io::FileSystem& fs, const std::string& folder, const Pictures& pictures,
                  std::size_t count) {
  const SystemClock clock;
  ThreadPool pool(kThreads);
  std::vector<std::string> files(count);
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < kThreads; ++i) {
    folders.push_back(io::JoinPath(folder, fmt::format("raw-{}", i)));
    DATALAKE_TRY(fs.MakeDirectories(folders.back()));
  }
  DATALAKE_TRY_ASSIGN(const auto sync, fs.OpenBulkSync(folder));
  const double cpu_begin = ProcessCpuSeconds();
  const std::int64_t begin = clock.SteadyNanos();
  const Status written = ParallelFor(pool, kThreads, {}, [&](std::size_t thread) -> Status {
    for (std::size_t i = thread; i < count; i += kThreads) {
      files[i] = io::JoinPath(folders[thread], std::to_string(i));
      DATALAKE_TRY_ASSIGN(const auto file, fs.Create(files[i]));
      DATALAKE_TRY(file->Write(pictures.Make(i)));
      DATALAKE_TRY(file->Close());
    }
    return {};
  });
  DATALAKE_TRY(written);
  DATALAKE_TRY(sync->Sync(files, folders));
  const double seconds = static_cast<double>(clock.SteadyNanos() - begin) / 1e9;
  PrintBound("files written and synced", count, seconds, ProcessCpuSeconds() - cpu_begin);
  return {};
}

Result<std::vector<std::string>> ReadReal(io::FileSystem& fs, const std::string& folder) {
  std::vector<std::string> pictures;
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    if (entry.is_directory) {
      DATALAKE_TRY_ASSIGN(auto below, ReadReal(fs, path));
      pictures.insert(pictures.end(), below.begin(), below.end());
    } else {
      DATALAKE_TRY_ASSIGN(auto bytes, io::ReadFile(fs, path, 64 << 20));
      pictures.push_back(std::move(bytes));
    }
  }
  return pictures;
}

Status Run(const std::string& folder, std::size_t count, const std::string& real_folder) {
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  DATALAKE_TRY_ASSIGN(const double sync_ms, SyncMillis(fs, folder));
  fmt::print("fdatasync p50 of the machine  {:.3f} ms\n", sync_ms);
  std::vector<std::string> real;
  if (!real_folder.empty()) {
    DATALAKE_TRY_ASSIGN(real, ReadReal(fs, real_folder));
  }
  const Pictures pictures(std::move(real));
  DATALAKE_TRY(HashBound(pictures, count));
  DATALAKE_TRY(WriteBound(fs, folder, pictures, count));
  for (const bool from_parquet : {true, false}) {
    const std::string form = from_parquet ? "parquet" : "folder";
    const std::string root = io::JoinPath(folder, "lake-" + form);
    const std::string small = io::JoinPath(folder, "small-" + form + ".parquet");
    DATALAKE_TRY(MakeParquet(fs, small, pictures, 300));
    const std::string source = io::JoinPath(folder, from_parquet ? "pictures.parquet" : "pictures");
    DATALAKE_TRY(from_parquet ? MakeParquet(fs, source, pictures, count)
                              : MakeFolder(fs, source, pictures, count));
    DATALAKE_TRY(lake::InitLake(fs, clock, random, root));
    DATALAKE_TRY_ASSIGN(const auto lake, lake::Lake::Open(fs, clock, random, root));
    DATALAKE_TRY(Upload(*lake, small, "verified", 300));
    DATALAKE_TRY(Verify(fs, *lake, "verified"));
    DATALAKE_TRY_ASSIGN(const Timed first, Upload(*lake, source, "first", count));
    Print(form + ", first time", count, first);
    DATALAKE_TRY_ASSIGN(const Timed again, Upload(*lake, source, "again", count));
    Print(form + ", the same again", count, again);
    fmt::print("{:<28} {:.1f} % of the time, {} assets written\n", "",
               100 * again.seconds() / first.seconds(), again.new_assets);
    DATALAKE_TRY(Verify(fs, *lake, "again"));
  }
  fmt::print("peak memory                   {:.0f} MB\n",
             static_cast<double>(PeakMemoryBytes()) / 1e6);
  return {};
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  const datalake::testing::TempDir temp;
  const std::size_t count =
      argc > 2 ? static_cast<std::size_t>(std::strtoull(argv[2], nullptr, 10)) : 20'000;
  const datalake::Status done =
      datalake::benchmarks::Run(argc > 1 ? argv[1] : temp.path(), count, argc > 3 ? argv[3] : "");
  if (!done) {
    fmt::print(stderr, "{}\n", datalake::ToString(done.error()));
    return 1;
  }
  return 0;
}
