#include "datalake/curate/dedupe_input.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/mutex.h"
#include "datalake/base/ordered_pipeline.h"
#include "datalake/curate/dedupe_units.h"
#include "datalake/curate/document_paths.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/file_system.h"
#include "datalake/json/document.h"
#include "datalake/json/flat_tree.h"
#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kQueuedBlocks = 4;

// Units and keys of a block, which bound its memory (about 10 MB). Other texts than hostile ones
// hardly ever have more in the half MiB that is read at once.
constexpr std::size_t kMaxUnits = std::size_t{1} << 18;

}  // namespace

// Blocks of one file on their way to the calling thread. Thread-safe.
class DedupeInput::BlockQueue {
 public:
  // False when `stop` was requested.
  bool Push(std::unique_ptr<DedupeBlock> block, const std::stop_token& stop) {
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
  Result<std::unique_ptr<DedupeBlock>> Pop(const std::stop_token& stop) {
    MutexLock lock(mutex_);
    if (!changed_.Wait(mutex_, stop, [&] { return !blocks_.empty() || result_.has_value(); })) {
      return Error{ErrorCode::kCancelled, "dedupe cancelled"};
    }
    if (blocks_.empty()) {
      DATALAKE_TRY(*result_);
      return std::unique_ptr<DedupeBlock>();
    }
    std::unique_ptr<DedupeBlock> block = std::move(blocks_.front());
    blocks_.pop_front();
    changed_.NotifyAll();
    return block;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::unique_ptr<DedupeBlock>> blocks_ DATALAKE_GUARDED_BY(mutex_);
  std::optional<Status> result_ DATALAKE_GUARDED_BY(mutex_);
};

namespace {

// Finds the key of a document. One a worker.
class KeyFinder {
 public:
  KeyFinder(const DedupeOptions& options, const json::Path& path)
      : path_(path),
        is_text_(options.unit != DedupeUnitKind::kDocuments || options.key == "$.text" ||
                 options.key == "$['text']") {}

  // Valid until the next call. Errors: kInvalidArgument.
  Result<std::string_view> Find(const format::Document& document) {
    if (is_text_ && document.has_text) {
      return document.text;
    }
    if (is_text_) {
      return NoString();
    }
    std::string_view line = document.raw_line;
    if (line.empty()) {
      line = LineOf(document);
    }
    tree_.Clear();
    fields_.clear();
    const std::size_t root = tree_.Open(json::NodeType::kObject, {});
    const auto& wanted = path_.root_keys();
    DATALAKE_TRY(
        parser_.AppendFields(line, tree_, wanted.has_value() ? &*wanted : nullptr, fields_));
    tree_.Close(root);
    nodes_.clear();
    path_.Select(tree_.root(), scratch_, nodes_);
    if (nodes_.empty() || nodes_.front()->type != json::NodeType::kString) {
      return NoString();
    }
    return nodes_.front()->text;
  }

 private:
  // A row of Parquet as the line that it would be.
  std::string_view LineOf(const format::Document& document) {
    line_.clear();
    json::Writer writer(line_);
    writer.BeginObject();
    writer.Key("id");
    writer.String(document.id);
    writer.Key("text");
    writer.String(document.text);
    writer.Key("source");
    writer.String(document.source);
    writer.Key("metadata");
    writer.Raw(document.metadata_raw.empty() ? "null" : document.metadata_raw);
    writer.EndObject();
    const std::size_t size = line_.size();
    line_.append(json::FlatTreeParser::kPadding, '\0');
    return std::string_view(line_).substr(0, size);
  }

  Error NoString() const {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("document has no string at the key {}", path_.text())};
  }

  const json::Path& path_;
  const bool is_text_;
  std::string line_;
  json::FlatTree tree_;
  json::FlatTreeParser parser_;
  json::PathScratch scratch_;
  std::vector<json::RawField> fields_;
  std::vector<const json::FlatNode*> nodes_;
};

// What one thread needs to make blocks out of a batch: one, but of texts with very many units
// several, so that they need not all be in memory.
class BlockMaker {
 public:
  BlockMaker(const DedupeOptions& options, const json::Path& path, DedupeInput::SpareBlocks& spare)
      : finder_(options, path), units_(options), spare_(spare) {}

  // Decodes the batch of a file, which must stay until IsDone. Errors: kInvalidArgument (a bad
  // line), naming file and line.
  Status Begin(const format::DocumentReader& reader, std::string_view file,
               format::DocumentBatch& batch) {
    Stopwatch watch;
    file_ = file;
    batch_ = &batch;
    next_ = 0;
    parse_nanos_ = 0;
    DATALAKE_TRY(reader.Decode(batch, parser_));
    if (!batch.rejects().empty()) {
      const format::RejectedLine& bad = batch.rejects().front();
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("bad document: {}: {}", bad.reason, Where(bad.line))};
    }
    watch.Lap(parse_nanos_);
    return {};
  }

  // After at least one block.
  bool IsDone() const { return next_ == batch_->documents().size(); }

  // The next block of the batch. Errors: kInvalidArgument (no key), naming file and line.
  Result<std::unique_ptr<DedupeBlock>> Next() {
    Stopwatch watch;
    std::unique_ptr<DedupeBlock> block = spare_.Take();
    if (next_ == 0 && !is_within_) {
      block->times[DedupeStep::kParse] = parse_nanos_;
      block->bytes = batch_->size_bytes();
      block->rows.reserve(batch_->documents().size());
    }
    while (!IsDone() && block->units.size() + block->keys.size() < kMaxUnits) {
      DATALAKE_TRY(Add(batch_->documents()[next_], *block));
      next_ += is_within_ ? 0 : 1;
    }
    watch.Lap(block->times[DedupeStep::kHash]);
    return block;
  }

 private:
  // All of a document, or what the block has room for.
  Status Add(const format::Document& document, DedupeBlock& block) {
    if (!is_within_) {
      Result<std::string_view> key = finder_.Find(document);
      if (!key) {
        Error error = std::move(key).error();
        error.message += fmt::format(": {}", Where(document.line));
        return error;
      }
      form_ = units_.Begin(*key, block);
    }
    is_within_ = !units_.More(block, kMaxUnits);
    if (!is_within_ && document.id_raw.empty()) {
      json::AppendString(block.ids, document.id);
    } else if (!is_within_) {
      block.ids += document.id_raw;
    }
    DedupeRow& row = block.rows.emplace_back();
    row.id_end = static_cast<std::uint32_t>(block.ids.size());
    row.source = SourceOf(document.source, block);
    row.form = is_within_ ? RowForm::kOpenList : form_;
    row.unit_end = static_cast<std::uint32_t>(block.units.size());
    return {};
  }

  std::string Where(std::uint32_t line) const {
    return fmt::format("{}:{}", file_, batch_->first_line() + line);
  }

  // Its place in the block's list; documents of one source mostly come together.
  std::uint32_t SourceOf(std::string_view source, DedupeBlock& block) {
    std::vector<std::string>& sources = block.sources;
    if (!sources.empty() && sources[last_source_] == source) {
      return last_source_;
    }
    if (sources.empty()) {
      places_.clear();
    }
    const auto [place, is_new] =
        places_.try_emplace(std::string(source), static_cast<std::uint32_t>(sources.size()));
    if (is_new) {
      sources.emplace_back(source);
    }
    last_source_ = place->second;
    return last_source_;
  }

  KeyFinder finder_;
  UnitMaker units_;
  DedupeInput::SpareBlocks& spare_;
  std::unordered_map<std::string, std::uint32_t> places_;  // of the sources of the current block
  std::uint32_t last_source_ = 0;
  json::DocumentParser parser_{json::FieldTypes::kLoose};
  std::string_view file_;
  format::DocumentBatch* batch_ = nullptr;
  std::size_t next_ = 0;  // document
  std::int64_t parse_nanos_ = 0;
  RowForm form_ = RowForm::kAbsent;  // of the document that is begun
  bool is_within_ = false;           // it goes on in the next block
};

// The keys of n-grams are more bytes than their text: smaller blocks keep them in the caches.
format::DocumentReaderOptions ReaderOptions(const DedupeOptions& options) {
  format::DocumentReaderOptions reader;
  if (options.unit == DedupeUnitKind::kNgrams) {
    reader.block_bytes = std::size_t{1} << 17;
  }
  return reader;
}

// Reads one file into its queue: blocks in order, their parsing and hashing also on threads of
// `helpers` that are free.
template <typename BlockQueue>
class FileWorker {
 public:
  FileWorker(const DedupeOptions& options, const json::Path& path, const std::string& file,
             DedupeInput::SpareBlocks& spare)
      : options_(options), path_(path), file_(file), spare_(spare) {}

  Status Run(io::FileSystem& fs, ThreadPool& helpers, BlockQueue& queue,
             const std::stop_token& stop) {
    format::DocumentReaderOptions reading = ReaderOptions(options_);
    reading.pool = &helpers;
    DATALAKE_TRY_ASSIGN(reader_, format::OpenDocuments(fs, file_, reading));
    for (std::size_t i = OrderedSlots(helpers); i > 0; --i) {
      slots_.push_back(std::make_unique<Slot>(options_, path_, spare_));
    }
    return RunOrdered(helpers, stop,
                      {.read = [&](std::size_t slot) { return Read(*slots_[slot]); },
                       .work = [&](std::size_t slot) { Work(*slots_[slot]); },
                       .emit = [&](std::size_t slot) { return Emit(*slots_[slot], queue, stop); }});
  }

 private:
  struct Slot {
    Slot(const DedupeOptions& options, const json::Path& path, DedupeInput::SpareBlocks& spare)
        : maker(options, path, spare) {}

    format::DocumentBatch batch;
    std::int64_t read_nanos = 0;
    BlockMaker maker;
    std::optional<Result<std::unique_ptr<DedupeBlock>>> block;
  };

  Result<bool> Read(Slot& slot) const {
    Stopwatch watch;
    Result<bool> more = reader_->ReadBlock(slot.batch);
    slot.read_nanos = 0;
    watch.Lap(slot.read_nanos);
    return more;
  }

  void Work(Slot& slot) const {
    if (Status begun = slot.maker.Begin(*reader_, file_, slot.batch); !begun) {
      slot.block = std::move(begun).error();
      return;
    }
    slot.block = slot.maker.Next();
    if (*slot.block) {
      (**slot.block)->times[DedupeStep::kRead] = slot.read_nanos;
    }
  }

  // Of a batch with very many units only the first block is made ahead.
  static Status Emit(Slot& slot, BlockQueue& queue, const std::stop_token& stop) {
    while (true) {
      DATALAKE_TRY_ASSIGN(std::unique_ptr<DedupeBlock> block, *std::move(slot.block));
      if (!queue.Push(std::move(block), stop)) {
        return Error{ErrorCode::kCancelled, "dedupe cancelled"};
      }
      if (slot.maker.IsDone()) {
        return {};
      }
      slot.block = slot.maker.Next();
    }
  }

  const DedupeOptions& options_;
  const json::Path& path_;
  const std::string& file_;
  DedupeInput::SpareBlocks& spare_;
  std::unique_ptr<format::DocumentReader> reader_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace

std::unique_ptr<DedupeBlock> DedupeInput::SpareBlocks::Take() {
  MutexLock lock(mutex_);
  if (blocks_.empty()) {
    return std::make_unique<DedupeBlock>();
  }
  std::unique_ptr<DedupeBlock> block = std::move(blocks_.back());
  blocks_.pop_back();
  return block;
}

void DedupeInput::SpareBlocks::Give(std::unique_ptr<DedupeBlock> block) {
  block->Clear();
  MutexLock lock(mutex_);
  blocks_.push_back(std::move(block));
}

void DedupeInput::Recycle(std::unique_ptr<DedupeBlock> block) {
  spare_.Give(std::move(block));
}

Result<SeenInput> IdentifyInput(io::FileSystem& fs, const std::string& path,
                                const std::string& document_dir) {
  SeenInput input;
  input.path = path;
  DATALAKE_TRY_ASSIGN(input.mirrored, MirroredPath(path, document_dir));
  DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs.Stat(path));
  input.size_bytes = info.size_bytes;
  input.modified_us = info.modified.time_since_epoch().count();
  DATALAKE_TRY_ASSIGN(input.hash, HashFile(fs, path));
  return input;
}

DedupeInput::DedupeInput(const DedupeOptions& options, const json::Path& path,
                         std::vector<std::string> files, bool is_identified,
                         const CurateContext& context)
    : options_(options),
      path_(path),
      files_(std::move(files)),
      is_identified_(is_identified),
      context_(context),
      forward_(context.stop, [this] { stop_.request_stop(); }),
      queues_(files_.size()),
      identities_(files_.size()),
      helpers_(context.threads > files_.size() ? context.threads - files_.size() + 1 : 1),
      pool_(std::clamp<std::size_t>(files_.size(), 1, std::max<std::size_t>(context.threads, 1)),
            files_.size() + 1) {}

DedupeInput::~DedupeInput() {
  stop_.request_stop();
}

Status DedupeInput::StartUpTo(std::size_t end) {
  for (; started_ < std::min(end, files_.size()); ++started_) {
    queues_[started_] = std::make_shared<BlockQueue>();
    DATALAKE_TRY(pool_.Submit(
        [this, index = started_, queue = queues_[started_]] {
          const auto work = [&]() -> Status {
            if (is_identified_) {
              DATALAKE_TRY_ASSIGN(identities_[index],
                                  IdentifyInput(context_.fs, files_[index], options_.document_dir));
            }
            FileWorker<BlockQueue> worker(options_, path_, files_[index], spare_);
            return worker.Run(context_.fs, helpers_, *queue, stop_.get_token());
          };
          queue->Finish(work());
        },
        stop_.get_token()));
  }
  return {};
}

Result<std::unique_ptr<DedupeBlock>> DedupeInput::Next(std::size_t index) {
  DATALAKE_TRY(StartUpTo(index + pool_.size()));
  DATALAKE_TRY_ASSIGN(std::unique_ptr<DedupeBlock> block, queues_[index]->Pop(stop_.get_token()));
  if (block == nullptr) {
    queues_[index].reset();
  }
  return block;
}

}  // namespace datalake::curate
