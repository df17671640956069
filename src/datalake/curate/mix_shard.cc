#include "datalake/curate/mix_shard.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/ordered_pipeline.h"
#include "datalake/base/thread_pool.h"
#include "datalake/json/writer.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

constexpr std::int64_t kReportNanos = 250'000'000;

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

void MixRunCounts::Finish(MixReport& report) {
  MutexLock lock(mutex_);
  Report();
  report.streams = streams_;
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
      is_cut_(options.is_sharded && program.stream().size_by != SizeBy::kInputCompressed),
      outputs_(context.fs, pool, program.stream(), shard, is_cut_) {
  for (std::size_t i = OrderedSlots(pool); i > 0; --i) {
    blocks_.push_back(std::make_unique<MixBlock>(program, options.on_missing));
  }
}

Status MixShardRun::Do() {
  if (is_cut_) {
    return Make();
  }
  DATALAKE_TRY(FindDone());
  if (is_done_) {
    return {};
  }
  DATALAKE_TRY(manifest_->Begin(shard_.output));
  Status made = Make();
  if (made) {
    return manifest_->Finish(shard_.output, MixFactsJson(facts_));
  }
  outputs_.Discard();
  manifest_->Abandon(shard_.output);
  return made;
}

// Rejects of an output that is done count as if it was made again.
Status MixShardRun::FindDone() {
  DATALAKE_TRY_ASSIGN(manifest_, MakeMixManifest(context_.fs, options_, shard_));
  DATALAKE_TRY_ASSIGN(const FoundOutput found, manifest_->Find(shard_.output));
  if (options_.ignore_existing || found.state != OutputState::kDone) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(MixShardFacts facts, ReadMixFacts(found.facts));
  const std::uint64_t rejects = std::exchange(facts.counts.rejected, 0);
  counts_.AddBlock(shard_.stream, facts.counts);
  if (rejects > 0 && counts_.AddRejects(shard_.stream, rejects) > options_.max_rejects) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("bad rows: {} of {}, see {}; repair them or raise max_rejects ({})",
                             rejects, shard_.output, shard_.rejects_path, options_.max_rejects)};
  }
  for (std::string& warning : facts.warnings) {
    counts_.Warn(std::move(warning));
  }
  is_done_ = true;
  return {};
}

void MixShardRun::Warn(std::string warning) {
  facts_.warnings.push_back(warning);
  counts_.Warn(std::move(warning));
}

Status MixShardRun::Make() {
  DATALAKE_TRY(outputs_.Open());
  DATALAKE_TRY(RunOrdered(pool_, context_.stop,
                          {.read = [&](std::size_t slot) { return Read(*blocks_[slot]); },
                           .work = [&](std::size_t slot) { blocks_[slot]->Work(context_.stop); },
                           .emit = [&](std::size_t slot) { return Emit(*blocks_[slot]); }}));
  return Publish();
}

Result<bool> MixShardRun::Read(MixBlock& block) {
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
      DATALAKE_TRY(ReadAttributes(block));
      return true;
    }
    DATALAKE_TRY(CheckEnds());
    documents_.reset();
  }
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
  // A row that is bad comes before what stopped the block behind it.
  for (const MixReject& reject : block.rejects) {
    DATALAKE_TRY(EmitReject(block, reject));
  }
  DATALAKE_TRY(block.status);
  DATALAKE_TRY(outputs_.Write(block.out));
  facts_.counts.Add(block.counts);
  counts_.AddBlock(shard_.stream, block.counts);
  return {};
}

Status MixShardRun::EmitReject(const MixBlock& block, const MixReject& reject) {
  ++facts_.counts.rejected;
  if (counts_.AddRejects(shard_.stream, 1) > options_.max_rejects) {
    Error error = reject.error;
    if (options_.max_rejects > 0) {
      error.message += fmt::format("; more bad rows than max_rejects ({})", options_.max_rejects);
    }
    return error;
  }
  if (!rejects_) {
    DATALAKE_TRY_ASSIGN(rejects_, io::AtomicFile::Make(context_.fs, shard_.rejects_path,
                                                       io::PublishMode::kReplace));
  }
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
  return rejects_->Write(std::string_view(line));
}

// Rejects first: an output is never there without the list of what it lacks.
Status MixShardRun::Publish() {
  if (rejects_) {
    DATALAKE_TRY(rejects_->Publish());
  } else if (Status removed = context_.fs.Remove(shard_.rejects_path);
             !removed && removed.error().code != ErrorCode::kNotFound) {
    return removed;  // of an earlier run, when the input was bad
  }
  return outputs_.Publish();
}

}  // namespace datalake::curate
