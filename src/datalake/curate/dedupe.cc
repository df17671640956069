// One pass. A worker a file reads, parses and hashes (with helpers when threads are left); the
// calling thread takes the files' blocks in order, asks the table and writes the rows. So the table
// sees the documents in order and needs no lock, and the dear part (inflate, parse, hash) is spread
// over the threads.
#include "datalake/curate/dedupe.h"

#include <array>
#include <charconv>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/mutex.h"
#include "datalake/base/ordered_pipeline.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/document_paths.h"
#include "datalake/curate/key_table.h"
#include "datalake/curate/output_file.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/file_system.h"
#include "datalake/json/document.h"
#include "datalake/json/flat_tree.h"
#include "datalake/json/path.h"
#include "datalake/json/writer.h"
#include "datalake/text/trim.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kQueuedBlocks = 4;
constexpr std::size_t kPrefetchDistance = 16;
constexpr std::int64_t kReportNanos = 250'000'000;

struct Row {
  Hash128 key;
  std::uint32_t key_bytes = 0;
  std::uint32_t id_end = 0;  // in Block::ids
  std::uint32_t source = 0;  // in Block::sources
  bool is_left_alone = false;
};

// What the table and the writer need of a block of documents.
struct Block {
  std::vector<Row> rows;
  std::string ids;                   // as JSON, one after the other
  std::vector<std::string> sources;  // each name once
  std::uint64_t bytes = 0;
};

// Blocks of one file on their way to the calling thread. Thread-safe.
class BlockQueue {
 public:
  // False when `stop` was requested.
  bool Push(std::unique_ptr<Block> block, const std::stop_token& stop) {
    MutexLock lock(mutex_);
    if (!changed_.Wait(mutex_, stop, [&] { return blocks_.size() < kQueuedBlocks; })) {
      return false;
    }
    blocks_.push_back(std::move(block));
    changed_.NotifyAll();
    return true;
  }

  void Finish(Status status) {
    MutexLock lock(mutex_);
    result_ = std::move(status);
    changed_.NotifyAll();
  }

  // The next block; null at the end. Errors: those of the file's worker; kCancelled.
  Result<std::unique_ptr<Block>> Pop(const std::stop_token& stop) {
    MutexLock lock(mutex_);
    if (!changed_.Wait(mutex_, stop, [&] { return !blocks_.empty() || result_.has_value(); })) {
      return Error{ErrorCode::kCancelled, "dedupe cancelled"};
    }
    if (blocks_.empty()) {
      DATALAKE_TRY(*result_);
      return std::unique_ptr<Block>();
    }
    std::unique_ptr<Block> block = std::move(blocks_.front());
    blocks_.pop_front();
    changed_.NotifyAll();
    return block;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::unique_ptr<Block>> blocks_ DATALAKE_GUARDED_BY(mutex_);
  std::optional<Status> result_ DATALAKE_GUARDED_BY(mutex_);
};

// Finds the key of a document. One a worker.
class KeyFinder {
 public:
  KeyFinder(const DedupeOptions& options, const json::Path& path)
      : path_(path), is_text_(options.key == "$.text" || options.key == "$['text']") {}

  // Valid until the next call. Errors: kInvalidArgument, kUnsupported.
  Result<std::string_view> Find(const format::Document& document) {
    if (is_text_ && document.has_text) {
      return document.text;
    }
    if (is_text_) {
      return NoString();
    }
    if (document.raw_line.empty()) {
      return Error{ErrorCode::kUnsupported, "only the key $.text is known in Parquet files"};
    }
    tree_.Clear();
    fields_.clear();
    const std::size_t root = tree_.Open(json::NodeType::kObject, {});
    const auto& wanted = path_.root_keys();
    DATALAKE_TRY(parser_.AppendFields(document.raw_line, tree_,
                                      wanted.has_value() ? &*wanted : nullptr, fields_));
    tree_.Close(root);
    nodes_.clear();
    path_.Select(tree_.root(), scratch_, nodes_);
    if (nodes_.empty() || nodes_.front()->type != json::NodeType::kString) {
      return NoString();
    }
    return nodes_.front()->text;
  }

 private:
  Error NoString() const {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("document has no string at the key {}", path_.text())};
  }

  const json::Path& path_;
  const bool is_text_;
  json::FlatTree tree_;
  json::FlatTreeParser parser_;
  json::PathScratch scratch_;
  std::vector<json::RawField> fields_;
  std::vector<const json::FlatNode*> nodes_;
};

// What one thread needs to make a block out of a batch.
class BlockMaker {
 public:
  BlockMaker(const DedupeOptions& options, const json::Path& path)
      : options_(options), finder_(options, path) {}

  // Errors: kInvalidArgument (a bad line, no key), naming file and line; `file` is its path.
  Result<std::unique_ptr<Block>> Make(const format::DocumentReader& reader, std::string_view file,
                                      format::DocumentBatch& batch) {
    DATALAKE_TRY(reader.Decode(batch, parser_));
    if (!batch.rejects().empty()) {
      const format::RejectedLine& bad = batch.rejects().front();
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("bad document: {}: {}", bad.reason, Where(file, batch, bad.line))};
    }
    auto block = std::make_unique<Block>();
    block->bytes = batch.size_bytes();
    block->rows.reserve(batch.documents().size());
    for (const format::Document& document : batch.documents()) {
      Result<std::string_view> key = finder_.Find(document);
      if (!key) {
        Error error = std::move(key).error();
        error.message += fmt::format(": {}", Where(file, batch, document.line));
        return error;
      }
      if (document.id_raw.empty()) {
        json::AppendString(block->ids, document.id);
      } else {
        block->ids += document.id_raw;
      }
      Row& row = block->rows.emplace_back();
      row.key_bytes = static_cast<std::uint32_t>(key->size());
      row.id_end = static_cast<std::uint32_t>(block->ids.size());
      row.source = SourceOf(document.source, *block);
      row.is_left_alone = IsLeftAlone(*key);
      row.key = row.is_left_alone ? Hash128{} : Xxh3Hash128(*key);
    }
    return block;
  }

 private:
  static std::string Where(std::string_view file, const format::DocumentBatch& batch,
                           std::uint32_t line) {
    return fmt::format("{}:{}", file, batch.first_line() + line);
  }

  bool IsLeftAlone(std::string_view key) {
    if (key.size() < options_.min_length) {
      return true;
    }
    return options_.skip_empty && text::Trim(key).empty();
  }

  // Its place in the block's list; documents of one source mostly come together.
  static std::uint32_t SourceOf(std::string_view source, Block& block) {
    std::vector<std::string>& sources = block.sources;
    for (std::size_t i = sources.size(); i > 0; --i) {
      if (sources[i - 1] == source) {
        return static_cast<std::uint32_t>(i - 1);
      }
    }
    sources.emplace_back(source);
    return static_cast<std::uint32_t>(sources.size() - 1);
  }

  const DedupeOptions& options_;
  KeyFinder finder_;
  json::DocumentParser parser_{json::FieldTypes::kLoose};
};

// Reads one file into its queue: blocks in order, their parsing and hashing also on threads of
// `helpers` that are free.
class FileWorker {
 public:
  FileWorker(const DedupeOptions& options, const json::Path& path, const std::string& file)
      : options_(options), path_(path), file_(file) {}

  Status Run(io::FileSystem& fs, ThreadPool& helpers, BlockQueue& queue,
             const std::stop_token& stop) {
    DATALAKE_TRY_ASSIGN(reader_, format::OpenDocuments(fs, file_));
    for (std::size_t i = OrderedSlots(helpers); i > 0; --i) {
      slots_.push_back(std::make_unique<Slot>(options_, path_));
    }
    return RunOrdered(
        helpers, stop,
        {.read = [&](std::size_t slot) { return reader_->ReadBlock(slots_[slot]->batch); },
         .work = [&](std::size_t slot) { Work(*slots_[slot]); },
         .emit = [&](std::size_t slot) { return Emit(*slots_[slot], queue, stop); }});
  }

 private:
  struct Slot {
    Slot(const DedupeOptions& options, const json::Path& path) : maker(options, path) {}

    format::DocumentBatch batch;
    BlockMaker maker;
    std::optional<Result<std::unique_ptr<Block>>> block;
  };

  void Work(Slot& slot) const { slot.block = slot.maker.Make(*reader_, file_, slot.batch); }

  static Status Emit(Slot& slot, BlockQueue& queue, const std::stop_token& stop) {
    DATALAKE_TRY_ASSIGN(std::unique_ptr<Block> block, *std::move(slot.block));
    if (!queue.Push(std::move(block), stop)) {
      return Error{ErrorCode::kCancelled, "dedupe cancelled"};
    }
    return {};
  }

  const DedupeOptions& options_;
  const json::Path& path_;
  const std::string& file_;
  std::unique_ptr<format::DocumentReader> reader_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

// The rows of the output files, in their three forms.
class RowWriter {
 public:
  explicit RowWriter(std::string_view attribute_name) {
    std::string name;
    json::AppendString(name, attribute_name);
    first_ = R"({"attributes":{},"id":)";
    left_alone_ = fmt::format(R"({{"attributes":{{{}:[]}},"id":)", name);
    duplicate_ = fmt::format(R"({{"attributes":{{{}:[[0,)", name);
  }

  void AppendFirst(std::string_view id, std::string& out) const { Append(first_, id, out); }

  void AppendLeftAlone(std::string_view id, std::string& out) const {
    Append(left_alone_, id, out);
  }

  void AppendDuplicate(std::string_view id, std::uint32_t key_bytes, std::string& out) const {
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), key_bytes).ptr;
    out.append(duplicate_);
    out.append(digits.data(), end);
    Append(R"(,1]]},"id":)", id, out);
  }

 private:
  static void Append(std::string_view head, std::string_view id, std::string& out) {
    out.append(head);
    out.append(id);
    out.append("}\n");
  }

  std::string first_;
  std::string left_alone_;
  std::string duplicate_;
};

struct File {
  std::string input;
  std::string output;
};

Result<std::vector<File>> PlanFiles(const DedupeOptions& options, io::FileSystem& fs,
                                    std::vector<std::string>& warnings) {
  const std::string& folder = options.name.empty() ? options.attribute_name : options.name;
  DATALAKE_TRY_ASSIGN(std::vector<std::string> inputs,
                      ExpandDocuments(fs, options.documents, warnings));
  std::vector<File> files;
  std::set<std::string> outputs;
  for (std::string& input : inputs) {
    DATALAKE_TRY_ASSIGN(const std::string mirrored,
                        AttributePath(input, options.document_dir, folder));
    std::string output = WithCompression(mirrored, options.compression);
    if (!outputs.insert(output).second) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("two document files for one attribute file, or one matched twice: "
                               "{}: {}",
                               input, output)};
    }
    files.push_back({std::move(input), std::move(output)});
  }
  return files;
}

// The whole run, on the calling thread.
class Run {
 public:
  Run(const DedupeOptions& options, const json::Path& path, std::vector<File> files,
      const CurateContext& context)
      : options_(options),
        path_(path),
        files_(std::move(files)),
        context_(context),
        queues_(files_.size()),
        writer_(options.attribute_name),
        helpers_(context.threads > files_.size() ? context.threads - files_.size() + 1 : 1),
        pool_(std::min(std::max<std::size_t>(context.threads, 1), files_.size()),
              files_.size() + 1) {}

  Result<DedupeReport> Do() {
    // The caller's wish to stop and our own, after an error, reach the workers alike.
    const std::stop_callback forward(context_.stop, [this] { stop_.request_stop(); });
    Status status;
    for (std::size_t i = 0; i < files_.size() && status; ++i) {
      status = StartUpTo(i + pool_.size());
      if (status) {
        status = TakeFile(i);
      }
    }
    if (!status) {
      stop_.request_stop();
      return std::move(status).error();
    }
    report_.files = files_.size();
    report_.table_bytes = table_.memory_bytes();
    Report();
    return std::move(report_);
  }

 private:
  // Workers run for a window of files only: behind a long one the others' blocks do not pile up.
  Status StartUpTo(std::size_t end) {
    for (; started_ < std::min(end, files_.size()); ++started_) {
      queues_[started_] = std::make_shared<BlockQueue>();
      DATALAKE_TRY(pool_.Submit(
          [this, index = started_, queue = queues_[started_]] {
            FileWorker worker(options_, path_, files_[index].input);
            queue->Finish(worker.Run(context_.fs, helpers_, *queue, stop_.get_token()));
          },
          stop_.get_token()));
    }
    return {};
  }

  Status TakeFile(std::size_t index) {
    DATALAKE_TRY_ASSIGN(OutputFile output,
                        OutputFile::Make(context_.fs, files_[index].output, {.pool = &helpers_}));
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::unique_ptr<Block> block,
                          queues_[index]->Pop(stop_.get_token()));
      if (block == nullptr) {
        break;
      }
      out_.clear();
      TakeBlock(*block);
      DATALAKE_TRY(output.Write(out_));
      ReportNowAndThen();
    }
    queues_[index].reset();
    return output.Publish();
  }

  void TakeBlock(const Block& block) {
    sources_.clear();
    for (const std::string& source : block.sources) {
      sources_.push_back(&report_.sources[source]);
    }
    const std::size_t count = block.rows.size();
    std::uint32_t id_begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kPrefetchDistance < count) {
        table_.Prefetch(block.rows[i + kPrefetchDistance].key);
      }
      const Row& row = block.rows[i];
      const auto id = std::string_view(block.ids).substr(id_begin, row.id_end - id_begin);
      id_begin = row.id_end;
      TakeRow(row, id);
    }
    report_.documents += count;
    report_.bytes += block.bytes;
  }

  void TakeRow(const Row& row, std::string_view id) {
    SourceDuplicates& source = *sources_[row.source];
    ++source.documents;
    if (row.is_left_alone) {
      ++report_.filtered;
      writer_.AppendLeftAlone(id, out_);
    } else if (table_.Insert(row.key)) {
      writer_.AppendFirst(id, out_);
    } else {
      ++report_.duplicates;
      ++source.duplicates;
      writer_.AppendDuplicate(id, row.key_bytes, out_);
    }
  }

  void ReportNowAndThen() {
    if (const std::int64_t now = context_.clock.SteadyNanos(); now >= next_report_) {
      next_report_ = now + kReportNanos;
      Report();
    }
  }

  void Report() {
    context_.progress.Report({.phase = "dedupe",
                              .items_done = report_.documents,
                              .unit = "documents",
                              .bytes_done = report_.bytes});
  }

  const DedupeOptions& options_;
  const json::Path& path_;
  const std::vector<File> files_;
  const CurateContext& context_;
  std::stop_source stop_;
  std::vector<std::shared_ptr<BlockQueue>> queues_;
  std::size_t started_ = 0;
  KeyTable table_;
  const RowWriter writer_;
  std::string out_;
  std::vector<SourceDuplicates*> sources_;  // of the block being taken
  std::int64_t next_report_ = 0;
  DedupeReport report_;
  ThreadPool helpers_;  // where there are fewer files than threads: for their blocks
  ThreadPool pool_;     // last: its threads end before what they use
};

}  // namespace

Result<DedupeReport> RunDedupe(const DedupeOptions& options, const CurateContext& context) {
  DATALAKE_TRY(options.Validate());
  DATALAKE_TRY_ASSIGN(const json::Path path, json::Path::Compile(options.key));
  std::vector<std::string> warnings;
  DATALAKE_TRY_ASSIGN(std::vector<File> files, PlanFiles(options, context.fs, warnings));
  Run run(options, path, std::move(files), context);
  DATALAKE_TRY_ASSIGN(DedupeReport report, run.Do());
  report.warnings = std::move(warnings);
  return report;
}

}  // namespace datalake::curate
