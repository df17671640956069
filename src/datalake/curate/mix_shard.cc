#include "datalake/curate/mix_shard.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/ordered_pipeline.h"
#include "datalake/base/thread_pool.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

constexpr std::int64_t kReportNanos = 250'000'000;

constexpr std::array<std::string_view, kMixSteps> kStepNames = {"read",    "parse",  "filter",
                                                                "replace", "render", "write"};

}  // namespace

void MixRunCounts::AddBlock(std::size_t stream, const MixCounts& counts) {
  MutexLock lock(mutex_);
  streams_[stream].Add(counts);
  all_.Add(counts);
  if (const std::int64_t now = context_.clock.SteadyNanos(); now >= next_report_) {
    next_report_ = now + kReportNanos;
    Report();
  }
}

std::uint64_t MixRunCounts::AddRejects(std::size_t stream, std::uint64_t rejects) {
  MutexLock lock(mutex_);
  streams_[stream].rejected += rejects;
  return all_.rejected += rejects;
}

void MixRunCounts::Warn(std::string warning) {
  MutexLock lock(mutex_);
  warnings_.push_back(std::move(warning));
}

void MixRunCounts::AddTimes(const MixTimes& times) {
  MutexLock lock(mutex_);
  times_.Add(times);
}

void MixRunCounts::Finish(MixReport& report) {
  MutexLock lock(mutex_);
  Report();
  report.streams = streams_;
  report.costs = times_.Costs(kStepNames);
  std::sort(warnings_.begin(), warnings_.end());
  report.warnings.insert(report.warnings.end(), warnings_.begin(), warnings_.end());
}

void MixRunCounts::Report() {
  context_.progress.Report({.phase = "mix",
                            .items_done = all_.documents,
                            .unit = "documents",
                            .bytes_done = all_.bytes_read});
}

MixShardRun::MixShardRun(const MixProgram& program, const MixOptions& options,
                         const MixShard& shard, const CurateContext& context, ThreadPool& pool,
                         MixRunCounts& counts)
    : options_(options),
      shard_(shard),
      context_(context),
      pool_(pool),
      counts_(counts),
      outputs_(context.fs, pool, options, shard) {
  for (std::size_t i = OrderedSlots(pool); i > 0; --i) {
    blocks_.push_back(std::make_unique<MixBlock>(program, options.on_missing));
  }
}

Status MixShardRun::Do() {
  DATALAKE_TRY_ASSIGN(const std::optional<MixShardFacts> done, outputs_.FindDone());
  if (done.has_value()) {
    DATALAKE_TRY(TakeDone(*done));
    if (!done->next.has_value()) {
      return {};
    }
  }
  Status made = Make();
  if (!made) {
    outputs_.Abandon();
  }
  return made;
}

// Rejects of outputs that are done count as if they were made again.
Status MixShardRun::TakeDone(const MixShardFacts& done) {
  facts_ = done;
  from_ = std::exchange(facts_.next, std::nullopt);
  if (from_.has_value()) {
    next_input_ = from_->input;
  }
  MixCounts counts = facts_.counts;
  const std::uint64_t rejects = std::exchange(counts.rejected, 0);
  counts_.AddBlock(shard_.stream, counts);
  if (rejects > 0 && counts_.AddRejects(shard_.stream, rejects) > options_.max_rejects) {
    const std::string_view where = outputs_.is_cut() ? io::ParentPath(shard_.rejects_path)
                                                     : std::string_view(shard_.rejects_path);
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("bad rows: {} of {}, see {}; repair them or raise max_rejects ({})",
                             rejects, shard_.output, where, options_.max_rejects)};
  }
  for (const std::string& warning : facts_.warnings) {
    counts_.Warn(warning);
  }
  return {};
}

void MixShardRun::Warn(std::string warning) {
  if (std::ranges::find(facts_.warnings, warning) != facts_.warnings.end()) {
    return;  // of an earlier run that had read further than it wrote
  }
  facts_.warnings.push_back(warning);
  counts_.Warn(std::move(warning));
}

Status MixShardRun::Make() {
  DATALAKE_TRY(outputs_.Open());
  DATALAKE_TRY(RunOrdered(pool_, context_.stop,
                          {.read = [&](std::size_t slot) { return Read(*blocks_[slot]); },
                           .work = [&](std::size_t slot) { blocks_[slot]->Work(context_.stop); },
                           .emit = [&](std::size_t slot) { return Emit(*blocks_[slot]); }}));
  Stopwatch watch;
  Status finished = outputs_.Finish(facts_);
  watch.Lap(times_[MixStep::kWrite]);
  counts_.AddTimes(times_);
  return finished;
}

Result<bool> MixShardRun::Read(MixBlock& block) {
  Stopwatch watch;
  Result<bool> more = ReadNext(block);
  block.times = {};
  watch.Lap(block.times[MixStep::kRead]);
  return more;
}

Result<bool> MixShardRun::ReadNext(MixBlock& block) {
  while (true) {
    if (documents_ == nullptr) {
      if (next_input_ == shard_.inputs.size()) {
        return false;
      }
      DATALAKE_TRY(OpenInput(shard_.inputs[next_input_++]));
    }
    DATALAKE_TRY_ASSIGN(const bool more, documents_->ReadBlock(block.documents));
    if (more) {
      block.reader = documents_;
      block.path = input_->documents;
      block.lacks_file = lacks_file_;
      block.place = {.input = next_input_ - 1, .line = block.documents.first_line()};
      DATALAKE_TRY(ReadAttributes(block));
      DATALAKE_TRY_ASSIGN(const bool is_before, IsBefore(block));
      if (!is_before) {
        return true;
      }
      continue;
    }
    if (from_.has_value()) {
      return NoPlace();
    }
    DATALAKE_TRY(CheckEnds());
    documents_.reset();
  }
}

// Whether a block was written by an earlier run; of the first that was not, a part may be.
Result<bool> MixShardRun::IsBefore(MixBlock& block) {
  if (!from_.has_value() || block.place.line < from_->line) {
    return from_.has_value();
  }
  if (block.place.line > from_->line) {
    return NoPlace();
  }
  block.place = *std::exchange(from_, std::nullopt);
  return false;
}

// The same inputs have the same blocks, so this is a note that something else has written.
Error MixShardRun::NoPlace() const {
  return Error{
      ErrorCode::kCorruption,
      fmt::format("a note of outputs does not fit their input; remove it or make them "
                  "anew with ignore_existing: {}: {}:{}",
                  UnitManifest::PathOf(outputs_.paths().front()), input_->documents, from_->line)};
}

Status MixShardRun::OpenInput(const MixInput& input) {
  input_ = &input;
  attributes_.clear();
  lacks_file_ = false;
  for (const std::string& path : input.attributes) {
    if (path.empty()) {
      lacks_file_ = true;
      continue;
    }
    DATALAKE_TRY_ASSIGN(auto reader, AttributeReader::Open(context_.fs, path, &pool_));
    attributes_.push_back({path, std::move(reader)});
  }
  DATALAKE_TRY_ASSIGN(documents_,
                      format::OpenDocuments(context_.fs, input.documents, {.pool = &pool_}));
  return {};
}

Status MixShardRun::ReadAttributes(MixBlock& block) {
  block.attributes.resize(attributes_.size());
  const std::uint64_t wanted = block.documents.num_lines();
  std::uint64_t usable = wanted;
  for (std::size_t i = 0; i < attributes_.size(); ++i) {
    Attributes& from = attributes_[i];
    MixBlockAttributes& to = block.attributes[i];
    DATALAKE_TRY_ASSIGN(const std::uint64_t rows, from.reader->Read(wanted, to.batch));
    from.rows += rows;
    if (rows < wanted) {
      DATALAKE_TRY(EndsEarly(from));
    }
    // In the toolkit a file that ends early silences those behind it as well.
    usable = std::min(usable, rows);
    to.path = from.path;
    to.reader = from.reader;
    to.usable_rows = is_compat() ? usable : rows;
  }
  return {};
}

Status MixShardRun::EndsEarly(Attributes& attributes) {
  std::string message =
      fmt::format("attribute file ends before its documents: {}: {} rows; documents: {}",
                  attributes.path, attributes.rows, input_->documents);
  if (options_.on_missing == OnMissing::kError) {
    return Error{ErrorCode::kCorruption, std::move(message)};
  }
  if (!std::exchange(attributes.has_ended, true)) {
    Warn(std::move(message));
  }
  return {};
}

Status MixShardRun::CheckEnds() {
  for (Attributes& attributes : attributes_) {
    DATALAKE_TRY_ASSIGN(const std::uint64_t more, attributes.reader->Read(1, beyond_));
    if (more == 0) {
      continue;
    }
    std::string message = fmt::format(
        "attribute file has more rows than its documents: {}: more than {} rows; documents: {}",
        attributes.path, attributes.rows, input_->documents);
    if (options_.on_missing == OnMissing::kError) {
      return Error{ErrorCode::kCorruption, std::move(message)};
    }
    Warn(std::move(message));
  }
  return {};
}

Status MixShardRun::Emit(MixBlock& block) {
  Stopwatch watch;
  Status status = EmitBlock(block);
  watch.Lap(block.times[MixStep::kWrite]);
  times_.Add(block.times);
  return status;
}

Status MixShardRun::EmitBlock(MixBlock& block) {
  // A row that is bad comes before what stopped the block behind it.
  DATALAKE_TRY(CountRejects(block));
  DATALAKE_TRY(block.status);
  MixShardFacts before;
  if (outputs_.is_cut()) {
    before = facts_;
    before.next = block.place;
  }
  if (block.place.bytes > block.out.size()) {
    from_ = block.place;
    return NoPlace();
  }
  DATALAKE_TRY(
      outputs_.Write(std::string_view(block.out).substr(block.place.bytes), std::move(before)));
  // Behind the lines, so that a block's rejects are those of one output: where it ends.
  for (const MixReject& reject : block.rejects) {
    DATALAKE_TRY(WriteReject(block, reject));
  }
  facts_.counts.Add(block.counts);
  facts_.counts.rejected += block.rejects.size();
  counts_.AddBlock(shard_.stream, block.counts);
  return {};
}

Status MixShardRun::CountRejects(const MixBlock& block) {
  for (const MixReject& reject : block.rejects) {
    if (counts_.AddRejects(shard_.stream, 1) > options_.max_rejects) {
      Error error = reject.error;
      if (options_.max_rejects > 0) {
        error.message += fmt::format("; more bad rows than max_rejects ({})", options_.max_rejects);
      }
      return error;
    }
  }
  return {};
}

Status MixShardRun::WriteReject(const MixBlock& block, const MixReject& reject) {
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("file");
  writer.String(block.path);
  writer.Key("line");
  writer.Uint(reject.line);
  writer.Key("byte_offset");
  writer.Uint(reject.byte_offset);
  writer.Key("reason");
  writer.String(reject.error.message);
  writer.Key("raw");
  writer.String(text::ReplaceInvalidUtf8(reject.raw));
  writer.EndObject();
  writer.EndLine();
  return outputs_.Reject(line);
}

}  // namespace datalake::curate
