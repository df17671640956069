// One file goes through three steps (base/ordered_pipeline.h): blocks of lines are read in order,
// decoded and tagged on any thread, written in order. Blocks and compressed frames depend on the
// input alone, so the bytes of an output do not depend on threads.
#include "datalake/curate/tag.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/mutex.h"
#include "datalake/base/ordered_pipeline.h"
#include "datalake/curate/attribute_output.h"
#include "datalake/curate/unit_manifest.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/json/document.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

constexpr std::int64_t kReportNanos = 250'000'000;

// Counts of a whole run, and its progress. Thread-safe.
class RunCounts {
 public:
  RunCounts(const Clock& clock, ProgressSink& progress) : clock_(clock), progress_(progress) {}

  void AddBlock(std::uint64_t documents, std::uint64_t bytes) {
    documents_ += documents;
    bytes_ += bytes;
    const std::int64_t now = clock_.SteadyNanos();
    std::int64_t due = due_.load();
    if (now >= due && due_.compare_exchange_strong(due, now + kReportNanos)) {
      Report();
    }
  }

  // The number of bad lines with these.
  std::uint64_t AddRejects(std::uint64_t count) { return rejects_ += count; }

  void Report() {
    progress_.Report(
        {.phase = "tag", .items_done = documents_, .unit = "documents", .bytes_done = bytes_});
  }

 private:
  const Clock& clock_;
  ProgressSink& progress_;
  std::atomic<std::uint64_t> documents_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> rejects_{0};
  std::atomic<std::int64_t> due_{0};
};

// What one thread needs to tag a block; lent out and taken back.
struct Scratch {
  json::DocumentParser parser;
  DocumentView view;
  std::vector<std::unique_ptr<TaggerState>> states;
  std::vector<std::vector<Span>> spans;  // by tagger
  std::vector<AttributeWriter::Values> values;
};

class ScratchStore {
 public:
  explicit ScratchStore(const TagPlan& plan) : plan_(plan) {}

  std::unique_ptr<Scratch> Take() {
    {
      MutexLock lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<Scratch> scratch = std::move(free_.back());
        free_.pop_back();
        return scratch;
      }
    }
    auto scratch = std::make_unique<Scratch>();
    scratch->spans.resize(plan_.taggers.size());
    for (const PlannedTagger& tagger : plan_.taggers) {
      scratch->states.push_back(tagger.tagger->MakeState());
    }
    return scratch;
  }

  void GiveBack(std::unique_ptr<Scratch> scratch) {
    MutexLock lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  const TagPlan& plan_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_ DATALAKE_GUARDED_BY(mutex_);
};

// Steps whose time is taken, as they stand in TagReport::costs: taggers come between parsing and
// rendering.
constexpr std::size_t kRead = 0;
constexpr std::size_t kParse = 1;
constexpr std::size_t kFirstTagger = 2;
constexpr std::uint32_t kTimedDocuments = 8;  // taggers: of so many documents one is timed

std::vector<RunCost> NoCosts(const TagPlan& plan) {
  std::vector<RunCost> costs = {{"read"}, {"parse"}};
  for (const PlannedTagger& tagger : plan.taggers) {
    costs.push_back({tagger.name});
  }
  costs.push_back({"render"});
  costs.push_back({"write"});
  return costs;
}

// A block between the steps.
struct Block {
  format::DocumentBatch batch;
  std::vector<std::unique_ptr<AttributeRows>> rows;  // by output
  std::vector<format::RejectedLine> rejects;
  std::vector<RunCost> costs;
  std::uint64_t spans = 0;
  Status status;
};

class UnitRun {
 public:
  UnitRun(const TagPlan& plan, const TagUnit& unit, const TagContext& context, RunCounts& counts)
      : plan_(plan), unit_(unit), context_(context), counts_(counts), scratch_(plan) {}

  Result<TagReport> Run() {
    Result<TagReport> report = Do();
    if (!report) {
      files_.clear();
      for (std::size_t i = 0; i < manifests_.size(); ++i) {
        manifests_[i].Abandon(outputs_[i]->path);
      }
    }
    return report;
  }

 private:
  Result<TagReport> Do() {
    DATALAKE_TRY(ChooseOutputs());
    if (outputs_.empty()) {
      report_.files_skipped = 1;
      return report_;
    }
    DATALAKE_TRY_ASSIGN(reader_,
                        format::OpenDocuments(context_.fs, unit_.input, {.pool = &context_.pool}));
    DATALAKE_TRY(OpenOutputs());
    DATALAKE_TRY(RunOrdered(context_.pool, context_.stop,
                            {.read = [this](std::size_t slot) { return Read(blocks_[slot]); },
                             .work = [this](std::size_t slot) { Work(blocks_[slot]); },
                             .emit = [this](std::size_t slot) { return Emit(blocks_[slot]); }}));
    Stopwatch watch;
    DATALAKE_TRY(Publish());
    watch.Lap(report_.costs.back().nanos);
    report_.files_tagged = 1;
    return report_;
  }

  // The outputs that are still to be made.
  Status ChooseOutputs() {
    std::uint64_t earlier_rejects = 0;
    for (const TagOutput& output : unit_.outputs) {
      DATALAKE_TRY_ASSIGN(UnitManifest manifest, ManifestOf(output));
      if (plan_.existing == ExistingOutputs::kSkip) {
        DATALAKE_TRY_ASSIGN(const FoundOutput found, manifest.Find(output.path));
        if (found.state == OutputState::kForeign) {
          report_.warnings.push_back(
              fmt::format("kept, though made by another program; ignore_existing makes it anew: {}",
                          output.path));
          continue;
        }
        if (found.state == OutputState::kDone) {
          DATALAKE_TRY_ASSIGN(const std::uint64_t rejects, RejectsOf(found.facts));
          earlier_rejects = std::max(earlier_rejects, rejects);
          continue;
        }
      }
      outputs_.push_back(&output);
      manifests_.push_back(std::move(manifest));
      taggers_.insert(taggers_.end(), output.taggers.begin(), output.taggers.end());
    }
    return outputs_.empty() ? CountEarlier(earlier_rejects) : Status();
  }

  // All that the bytes of an output depend on, beside its own name.
  Result<UnitManifest> ManifestOf(const TagOutput& output) const {
    UnitWork work{.command = "tag", .inputs = {unit_.input}};
    json::Writer writer(work.options);
    writer.BeginObject();
    writer.Key("taggers");
    writer.BeginArray();
    for (const std::size_t i : output.taggers) {
      const PlannedTagger& tagger = plan_.taggers[i];
      writer.BeginArray();
      writer.String(tagger.key_prefix);
      writer.String(tagger.name);
      writer.EndArray();
      if (!tagger.list.empty()) {
        work.inputs.push_back(tagger.list);
      }
    }
    writer.EndArray();
    writer.Key("compat");
    writer.String(plan_.compatibility == Compatibility::kDolma ? "dolma" : "none");
    writer.EndObject();
    return UnitManifest::Make(context_.fs, work);
  }

  static Result<std::uint64_t> RejectsOf(const std::string& facts) {
    DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(facts, "unit manifest"));
    return json::GetUint(value, "rejects", "unit manifest");
  }

  // Bad lines of a file that is done count as if it was read again.
  Status CountEarlier(std::uint64_t rejects) {
    report_.rejects = rejects;
    if (rejects > 0 && counts_.AddRejects(rejects) > plan_.max_rejects) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("bad documents: {} lines of {}, see {}; repair them or raise "
                               "max_rejects ({})",
                               rejects, unit_.input, unit_.rejects_path, plan_.max_rejects)};
    }
    return {};
  }

  Status OpenOutputs() {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const TagOutput* const output = outputs_[i];
      DATALAKE_TRY(manifests_[i].Begin(output->path));
      std::vector<AttributeWriter::Source> sources;
      for (const std::size_t tagger : output->taggers) {
        sources.push_back({*plan_.taggers[tagger].tagger, plan_.taggers[tagger].key_prefix});
      }
      DATALAKE_TRY_ASSIGN(auto file,
                          AttributeOutput::Make(context_.fs, output->path, sources, context_.pool));
      files_.push_back(std::move(file));
    }
    blocks_.resize(OrderedSlots(context_.pool));
    report_.costs = NoCosts(plan_);
    for (Block& block : blocks_) {
      for (const auto& file : files_) {
        block.rows.push_back(file->MakeRows());
      }
    }
    return {};
  }

  Result<bool> Read(Block& block) {
    Stopwatch watch;
    Result<bool> more = reader_->ReadBlock(block.batch);
    watch.Lap(report_.costs[kRead].nanos);
    return more;
  }

  void Work(Block& block) {
    Stopwatch watch;
    block.costs = NoCosts(plan_);
    block.rejects.clear();
    block.spans = 0;
    for (const auto& rows : block.rows) {
      rows->Clear();
    }
    std::unique_ptr<Scratch> scratch = scratch_.Take();
    block.status = reader_->Decode(block.batch, scratch->parser);
    watch.Lap(block.costs[kParse].nanos);
    if (block.status) {
      TagBlock(block, *scratch);
    }
    scratch_.GiveBack(std::move(scratch));
  }

  void TagBlock(Block& block, Scratch& scratch) const {
    auto reject = block.batch.rejects().begin();
    const auto rejects_end = block.batch.rejects().end();
    const auto add_reject = [&](const format::RejectedLine& line) {
      block.rejects.push_back(line);
      for (const auto& rows : block.rows) {
        rows->AppendRejected();
      }
    };
    const auto add_rejects_before = [&](std::uint64_t line) {
      for (; reject != rejects_end && reject->line < line; ++reject) {
        add_reject(*reject);
      }
    };
    std::uint32_t untimed = 0;
    for (const format::Document& document : block.batch.documents()) {
      add_rejects_before(document.line);
      std::optional<Stopwatch> watch;
      if (untimed-- == 0) {
        watch.emplace();
        untimed = kTimedDocuments - 1;
      }
      TagDocument(document, block, scratch, watch);
      if (!scratch.view.reject_reason().empty()) {
        add_reject({document.line, block.batch.ByteOffset(document),
                    std::string(scratch.view.reject_reason()), document.raw_line});
        continue;
      }
      for (std::size_t i = 0; i < outputs_.size(); ++i) {
        scratch.values.clear();
        for (const std::size_t tagger : outputs_[i]->taggers) {
          scratch.values.push_back({scratch.spans[tagger], scratch.states[tagger].get()});
          block.spans += scratch.spans[tagger].size();
        }
        block.rows[i]->Append(document.id, document.source, scratch.values);
      }
      if (watch) {
        watch->Lap(block.costs[block.costs.size() - 2].nanos, kTimedDocuments);
      }
    }
    add_rejects_before(block.batch.num_lines());
  }

  void TagDocument(const format::Document& document, Block& block, Scratch& scratch,
                   std::optional<Stopwatch>& watch) const {
    scratch.view.Reset(document.text, document.metadata_raw);
    for (const std::size_t tagger : taggers_) {
      scratch.spans[tagger].clear();
      plan_.taggers[tagger].tagger->Tag(scratch.view, scratch.states[tagger].get(),
                                        scratch.spans[tagger]);
      if (watch) {
        watch->Lap(block.costs[kFirstTagger + tagger].nanos, kTimedDocuments);
      }
    }
  }

  Status Emit(Block& block) {
    DATALAKE_TRY(block.status);
    Stopwatch watch;
    for (const format::RejectedLine& reject : block.rejects) {
      DATALAKE_TRY(EmitReject(block.batch, reject));
    }
    for (std::size_t i = 0; i < files_.size(); ++i) {
      DATALAKE_TRY(files_[i]->Write(*block.rows[i]));
    }
    const std::uint64_t documents = block.batch.num_lines() - block.rejects.size();
    report_.documents += documents;
    report_.bytes += block.batch.size_bytes();
    report_.spans += block.spans;
    counts_.AddBlock(documents, block.batch.size_bytes());
    AddCosts(block.costs, report_.costs);
    watch.Lap(report_.costs.back().nanos);
    return {};
  }

  Status EmitReject(const format::DocumentBatch& batch, const format::RejectedLine& reject) {
    ++report_.rejects;
    if (counts_.AddRejects(1) > plan_.max_rejects) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("bad document: {}: {}, byte {} of the file; repair it or raise "
                               "max_rejects ({})",
                               reject.reason, batch.Where(reject.line), reject.byte_offset,
                               plan_.max_rejects)};
    }
    if (!rejects_) {
      DATALAKE_TRY_ASSIGN(rejects_, io::AtomicFile::Make(context_.fs, unit_.rejects_path,
                                                         io::PublishMode::kReplace));
    }
    std::string line;
    json::Writer writer(line);
    writer.BeginObject();
    writer.Key("line");
    writer.Uint(batch.first_line() + reject.line);
    writer.Key("byte_offset");
    writer.Uint(reject.byte_offset);
    writer.Key("reason");
    writer.String(reject.reason);
    writer.Key("raw");
    writer.String(text::ReplaceInvalidUtf8(reject.raw_line));
    writer.EndObject();
    writer.EndLine();
    return rejects_->Write(std::string_view(line));
  }

  // Rejects first: attributes are never there without the list of what they lack.
  Status Publish() {
    if (rejects_) {
      DATALAKE_TRY(rejects_->Publish());
    } else if (Status removed = context_.fs.Remove(unit_.rejects_path);
               !removed && removed.error().code != ErrorCode::kNotFound) {
      return removed;  // of an earlier run, when the input was bad
    }
    const std::string facts = fmt::format(R"({{"documents":{},"rejects":{},"bytes":{}}})",
                                          report_.documents, report_.rejects, report_.bytes);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      DATALAKE_TRY(files_[i]->Publish());
      DATALAKE_TRY(manifests_[i].Finish(outputs_[i]->path, facts));
    }
    return {};
  }

  const TagPlan& plan_;
  const TagUnit& unit_;
  const TagContext& context_;
  RunCounts& counts_;
  ScratchStore scratch_;
  TagReport report_;
  std::vector<const TagOutput*> outputs_;
  std::vector<UnitManifest> manifests_;  // of outputs_
  std::vector<std::size_t> taggers_;     // those of outputs_
  std::vector<std::unique_ptr<AttributeOutput>> files_;
  std::unique_ptr<io::AtomicFile> rejects_;
  std::unique_ptr<format::DocumentReader> reader_;
  std::vector<Block> blocks_;
};

}  // namespace

Result<TagReport> RunTagUnit(const TagPlan& plan, const TagUnit& unit, const TagContext& context) {
  RunCounts counts(context.clock, context.progress);
  Result<TagReport> report = UnitRun(plan, unit, context, counts).Run();
  counts.Report();
  return report;
}

Result<TagReport> RunTag(const TagOptions& options, const TaggerRegistry& registry,
                         const TagContext& context) {
  DATALAKE_TRY_ASSIGN(const TagPlan plan, PlanTag(context.fs, options, registry));
  std::vector<std::string> files;
  for (const TagUnit& unit : plan.units) {
    files.push_back(unit.rejects_path);
    for (const TagOutput& output : unit.outputs) {
      files.push_back(output.path);
    }
  }
  RemoveLeftovers(context.fs, files);
  RunCounts counts(context.clock, context.progress);
  TagReport total;
  total.warnings = plan.warnings;
  total.costs = NoCosts(plan);
  Mutex mutex;
  std::map<std::size_t, std::vector<std::string>> warnings;  // by unit
  const Status done =
      ParallelFor(context.pool, plan.units.size(), context.stop, [&](std::size_t i) -> Status {
        DATALAKE_TRY_ASSIGN(const TagReport report,
                            UnitRun(plan, plan.units[i], context, counts).Run());
        MutexLock lock(mutex);
        total.files_tagged += report.files_tagged;
        total.files_skipped += report.files_skipped;
        total.documents += report.documents;
        total.rejects += report.rejects;
        total.bytes += report.bytes;
        total.spans += report.spans;
        AddCosts(report.costs, total.costs);
        if (!report.warnings.empty()) {
          warnings[i] = report.warnings;
        }
        return {};
      });
  counts.Report();
  DATALAKE_TRY(done);
  for (const auto& [unit, of_unit] : warnings) {
    total.warnings.insert(total.warnings.end(), of_unit.begin(), of_unit.end());
  }
  return total;
}

}  // namespace datalake::curate
