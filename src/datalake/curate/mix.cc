// Outputs are worked on in parallel; within one, blocks of lines are read in order together with
// the same lines of the attribute files, mixed on any thread, and written in order
// (base/ordered_pipeline.h).
#include "datalake/curate/mix.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/mutex.h"
#include "datalake/base/ordered_pipeline.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/mix_row.h"
#include "datalake/curate/output_file.h"
#include "datalake/format/document_reader.h"

namespace datalake::curate {
namespace {

constexpr std::int64_t kReportNanos = 250'000'000;

// The first line of `text`, which is taken off it with its newline.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Lines of one attribute file, as many at a time as the documents' block has.
class AttributeLines {
 public:
  static Result<AttributeLines> Open(io::FileSystem& fs, const std::string& path) {
    AttributeLines lines;
    lines.path_ = path;
    DATALAKE_TRY_ASSIGN(lines.reader_, format::OpenDocuments(fs, path));
    return lines;
  }

  const std::string& path() const { return path_; }

  // Lines given so far.
  std::uint64_t taken() const { return taken_; }

  // Puts up to `count` lines into `out`, with the parser's padding behind them; returns how many
  // and the size of their text.
  struct Taken {
    std::uint64_t lines = 0;
    std::size_t bytes = 0;
  };

  Result<Taken> Take(std::uint64_t count, std::string& out) {
    out.clear();
    Taken taken;
    while (taken.lines < count) {
      if (rest_.empty()) {
        DATALAKE_TRY_ASSIGN(const bool more, reader_->ReadBlock(batch_));
        if (!more) {
          break;
        }
        rest_ = std::string_view(batch_.block(), batch_.size_bytes());
        continue;
      }
      const std::size_t bytes = BytesOfLines(count - taken.lines, taken.lines);
      out.append(rest_.substr(0, bytes));
      rest_.remove_prefix(bytes);
    }
    taken.bytes = out.size();
    taken_ += taken.lines;
    out.resize(out.size() + json::FlatTreeParser::kPadding);
    return taken;
  }

  Result<bool> AtEnd() {
    if (rest_.empty()) {
      DATALAKE_TRY_ASSIGN(const bool more, reader_->ReadBlock(batch_));
      rest_ = more ? std::string_view(batch_.block(), batch_.size_bytes()) : std::string_view();
    }
    return rest_.empty();
  }

 private:
  // The size of up to `wanted` lines of rest_; adds their number to `lines`.
  std::size_t BytesOfLines(std::uint64_t wanted, std::uint64_t& lines) const {
    std::size_t at = 0;
    for (; wanted > 0 && at < rest_.size(); --wanted) {
      const std::size_t newline = rest_.find('\n', at);
      at = newline == std::string_view::npos ? rest_.size() : newline + 1;
      ++lines;
    }
    return at;
  }

  std::string path_;
  std::unique_ptr<format::DocumentReader> reader_;
  format::DocumentBatch batch_;
  std::string_view rest_;  // of batch_
  std::uint64_t taken_ = 0;
};

// The same lines of an attribute file as of the block of documents.
struct AttributeBlock {
  std::string_view path;
  std::string bytes;
  std::size_t size_bytes = 0;
  std::uint64_t num_lines = 0;
};

// What one block keeps between the steps.
struct Slot {
  explicit Slot(const MixProgram& program) : mixer(program) {}

  format::DocumentBatch batch;
  std::vector<AttributeBlock> attributes;
  bool has_attribute_files = false;
  const std::string* path = nullptr;  // of the documents; the batch's own goes with its reader
  RowMixer mixer;
  std::string out;
  MixCounts counts;
  Status status;
};

void Add(const MixCounts& part, MixCounts& sum) {
  sum.documents += part.documents;
  sum.written += part.written;
  sum.filtered += part.filtered;
  sum.too_short += part.too_short;
  sum.replaced += part.replaced;
  sum.bytes_read += part.bytes_read;
  sum.bytes_written += part.bytes_written;
}

// The counts of a whole run and its progress. Thread-safe.
class RunCounts {
 public:
  RunCounts(const CurateContext& context, std::size_t streams)
      : context_(context), streams_(streams) {}

  void AddBlock(std::size_t stream, const MixCounts& counts) {
    MutexLock lock(mutex_);
    Add(counts, streams_[stream]);
    Add(counts, all_);
    if (const std::int64_t now = context_.clock.SteadyNanos(); now >= next_report_) {
      next_report_ = now + kReportNanos;
      Report();
    }
  }

  void Warn(std::string warning) {
    MutexLock lock(mutex_);
    warnings_.push_back(std::move(warning));
  }

  void Finish(MixReport& report) {
    MutexLock lock(mutex_);
    Report();
    report.streams = streams_;
    std::sort(warnings_.begin(), warnings_.end());
    report.warnings.insert(report.warnings.end(), warnings_.begin(), warnings_.end());
  }

 private:
  void Report() DATALAKE_REQUIRES(mutex_) {
    context_.progress.Report({.phase = "mix",
                              .items_done = all_.documents,
                              .unit = "documents",
                              .bytes_done = all_.bytes_read});
  }

  const CurateContext& context_;
  Mutex mutex_;
  std::vector<MixCounts> streams_ DATALAKE_GUARDED_BY(mutex_);
  std::vector<std::string> warnings_ DATALAKE_GUARDED_BY(mutex_);
  MixCounts all_ DATALAKE_GUARDED_BY(mutex_);
  std::int64_t next_report_ DATALAKE_GUARDED_BY(mutex_) = 0;
};

// Makes one output.
class ShardRun {
 public:
  ShardRun(const MixProgram& program, const MixShard& shard, const CurateContext& context,
           ThreadPool& pool, RunCounts& counts)
      : program_(program), shard_(shard), context_(context), pool_(pool), counts_(counts) {
    for (std::size_t i = OrderedSlots(pool); i > 0; --i) {
      slots_.push_back(std::make_unique<Slot>(program));
    }
  }

  Status Do() {
    DATALAKE_TRY_ASSIGN(OutputFile output,
                        OutputFile::Make(context_.fs, shard_.output, {.pool = &pool_}));
    DATALAKE_TRY(
        RunOrdered(pool_, context_.stop,
                   {.read = [&](std::size_t slot) { return Read(*slots_[slot]); },
                    .work = [&](std::size_t slot) { Work(*slots_[slot]); },
                    .emit = [&](std::size_t slot) { return Emit(*slots_[slot], output); }}));
    return output.Publish();
  }

 private:
  Result<bool> Read(Slot& slot) {
    while (true) {
      if (documents_ == nullptr) {
        if (next_input_ == shard_.inputs.size()) {
          return false;
        }
        DATALAKE_TRY(OpenInput(shard_.inputs[next_input_++]));
      }
      DATALAKE_TRY_ASSIGN(const bool more, documents_->ReadBlock(slot.batch));
      if (more) {
        DATALAKE_TRY(ReadAttributes(slot));
        return true;
      }
      DATALAKE_TRY(CheckEnds());
      documents_.reset();
    }
  }

  Status OpenInput(const MixInput& input) {
    input_ = &input;
    attributes_.clear();
    attributes_paths_.clear();
    for (const std::string& path : input.attributes) {
      if (!path.empty()) {
        DATALAKE_TRY_ASSIGN(AttributeLines lines, AttributeLines::Open(context_.fs, path));
        attributes_.push_back(std::move(lines));
        attributes_paths_.push_back(path);
      }
    }
    has_warned_ = false;
    DATALAKE_TRY_ASSIGN(documents_, format::OpenDocuments(context_.fs, input.documents));
    return {};
  }

  Status ReadAttributes(Slot& slot) {
    slot.path = &input_->documents;
    slot.has_attribute_files = !attributes_.empty();
    slot.attributes.resize(attributes_.size());
    const std::uint64_t wanted = slot.batch.num_lines();
    // In the toolkit a file that ends early silences those behind it as well.
    std::uint64_t usable = wanted;
    for (std::size_t i = 0; i < attributes_.size(); ++i) {
      AttributeBlock& block = slot.attributes[i];
      DATALAKE_TRY_ASSIGN(const auto taken, attributes_[i].Take(wanted, block.bytes));
      block.path = attributes_paths_[i];
      block.size_bytes = taken.bytes;
      if (taken.lines < wanted) {
        DATALAKE_TRY(EndsEarly(attributes_[i]));
      }
      usable = std::min(usable, taken.lines);
      block.num_lines = usable;
    }
    return {};
  }

  Status EndsEarly(const AttributeLines& lines) {
    std::string message =
        fmt::format("attribute file ends before its documents: {}: {} rows; documents: {}",
                    lines.path(), lines.taken(), input_->documents);
    if (!program_.is_compat()) {
      return Error{ErrorCode::kCorruption, std::move(message)};
    }
    if (!std::exchange(has_warned_, true)) {
      counts_.Warn(std::move(message));
    }
    return {};
  }

  Status CheckEnds() {
    for (AttributeLines& lines : attributes_) {
      DATALAKE_TRY_ASSIGN(const bool at_end, lines.AtEnd());
      if (!at_end && !program_.is_compat()) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("attribute file has more rows than its documents: {}: more than "
                                 "{} rows; documents: {}",
                                 lines.path(), lines.taken(), input_->documents)};
      }
    }
    return {};
  }

  static void Work(Slot& slot) {
    slot.out.clear();
    slot.counts = {.bytes_read = slot.batch.size_bytes()};
    slot.status = MixBlock(slot);
    slot.counts.bytes_written = slot.out.size();
  }

  static Status MixBlock(Slot& slot) {
    std::string_view documents(slot.batch.block(), slot.batch.size_bytes());
    std::vector<std::string_view> attributes;
    for (const AttributeBlock& block : slot.attributes) {
      attributes.emplace_back(block.bytes.data(), block.size_bytes);
    }
    MixRow row;
    row.path = *slot.path;
    row.has_attribute_files = slot.has_attribute_files;
    for (std::uint64_t i = 0; i < slot.batch.num_lines(); ++i) {
      row.line = slot.batch.first_line() + i;
      row.document = TakeLine(documents);
      row.attributes.clear();
      for (std::size_t k = 0; k < attributes.size(); ++k) {
        if (i < slot.attributes[k].num_lines) {
          row.attributes.push_back({slot.attributes[k].path, TakeLine(attributes[k])});
        }
      }
      DATALAKE_TRY(slot.mixer.Mix(row, slot.out, slot.counts));
    }
    return {};
  }

  Status Emit(Slot& slot, OutputFile& output) {
    DATALAKE_TRY(slot.status);
    DATALAKE_TRY(output.Write(slot.out));
    counts_.AddBlock(shard_.stream, slot.counts);
    return {};
  }

  const MixProgram& program_;
  const MixShard& shard_;
  const CurateContext& context_;
  ThreadPool& pool_;
  RunCounts& counts_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::size_t next_input_ = 0;
  const MixInput* input_ = nullptr;
  std::unique_ptr<format::DocumentReader> documents_;
  std::vector<AttributeLines> attributes_;
  std::vector<std::string_view> attributes_paths_;  // in the plan
  bool has_warned_ = false;
};

Status FirstError(std::vector<Status>& statuses) {
  const auto failed = static_cast<std::size_t>(
      std::count_if(statuses.begin(), statuses.end(), [](const Status& s) { return !s; }));
  for (Status& status : statuses) {
    if (!status) {
      Error error = std::move(status).error();
      if (statuses.size() > 1) {
        error.message += fmt::format("; {} of {} outputs failed", failed, statuses.size());
      }
      return error;
    }
  }
  return {};
}

}  // namespace

Result<MixReport> RunMix(const MixOptions& options, const CurateContext& context) {
  DATALAKE_TRY_ASSIGN(MixPlan plan, PlanMix(context.fs, options));
  std::vector<MixProgram> programs;
  for (const MixStream& stream : options.streams) {
    DATALAKE_TRY_ASSIGN(MixProgram program, MixProgram::Compile(stream, options.compatibility));
    programs.push_back(std::move(program));
  }
  ThreadPool pool(std::max<std::size_t>(context.threads, 1));
  RunCounts counts(context, options.streams.size());
  std::vector<Status> statuses(plan.shards.size());
  DATALAKE_TRY(ParallelFor(pool, plan.shards.size(), context.stop, [&](std::size_t i) {
    const MixShard& shard = plan.shards[i];
    statuses[i] = ShardRun(programs[shard.stream], shard, context, pool, counts).Do();
    return Status();
  }));
  DATALAKE_TRY(FirstError(statuses));
  MixReport report;
  report.warnings = std::move(plan.warnings);
  counts.Finish(report);
  for (const MixShard& shard : plan.shards) {
    report.outputs.push_back(shard.output);
  }
  return report;
}

}  // namespace datalake::curate
