#include "datalake/curate/dedupe_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/dedupe_input.h"
#include "datalake/curate/dedupe_units.h"
#include "datalake/curate/document_paths.h"
#include "datalake/io/file_system.h"
#include "datalake/json/value.h"

namespace datalake::curate {
namespace {

struct Input {
  std::string path;
  std::string output;
  std::string mirrored;
};

// An input of a state.
struct Place {
  std::size_t generation = 0;
  std::size_t number = 0;

  friend auto operator<=>(const Place&, const Place&) = default;
};

std::string FolderName(const DedupeOptions& options) {
  const std::string& folder = options.name.empty() ? options.attribute_name : options.name;
  return options.num_partitions > 1 ? fmt::format("{}_{}", folder, options.partition_index)
                                    : folder;
}

Result<std::vector<Input>> FindInputs(const DedupeOptions& options, io::FileSystem& fs,
                                      std::vector<std::string>& warnings) {
  DATALAKE_TRY_ASSIGN(std::vector<std::string> paths,
                      ExpandDocuments(fs, options.documents, warnings));
  const std::string folder = FolderName(options);
  std::vector<Input> inputs;
  std::set<std::string> outputs;
  for (std::string& path : paths) {
    Input input;
    DATALAKE_TRY_ASSIGN(const std::string mirrored,
                        AttributePath(path, options.document_dir, folder));
    DATALAKE_TRY_ASSIGN(input.mirrored, MirroredPath(path, options.document_dir));
    input.output = LinesPath(mirrored, options.compression);
    input.path = std::move(path);
    if (!outputs.insert(input.output).second) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("two document files for one attribute file, or one matched twice: "
                               "{}: {}",
                               input.path, input.output)};
    }
    const bool is_other =
        options.file_partition &&
        !IsOwnKey(Xxh3Hash128(input.mirrored), options.num_partitions, options.partition_index);
    if (!is_other) {
      inputs.push_back(std::move(input));
    }
  }
  return inputs;
}

// Knows which inputs a state has seen.
class SeenInputs {
 public:
  SeenInputs(io::FileSystem& fs, const StateSummary& state) : fs_(fs), state_(state) {
    for (std::size_t g = 0; g < state.generations.size(); ++g) {
      for (std::size_t i = 0; i < state.generations[g].inputs.size(); ++i) {
        by_name_[state.generations[g].inputs[i].mirrored].push_back({g, i});
      }
    }
  }

  const SeenInput& At(const Place& place) const {
    return state_.generations[place.generation].inputs[place.number];
  }

  // Where the file is in the state, if it is. Errors: kConflict, kIo.
  Result<std::optional<Place>> Find(const Input& input) const {
    const auto found = by_name_.find(input.mirrored);
    if (found == by_name_.end()) {
      return std::optional<Place>();
    }
    bool is_changed = false;
    for (const Place& place : found->second) {
      DATALAKE_TRY_ASSIGN(const bool is_same, IsSame(input.path, At(place)));
      if (is_same) {
        return std::optional(place);
      }
      is_changed = is_changed || At(place).path == input.path;
    }
    if (is_changed) {
      return Error{ErrorCode::kConflict,
                   fmt::format("the file was changed since its keys went into the state, and would "
                               "be compared with itself; remove the state file and run all again, "
                               "or give the new documents another name: {}",
                               input.path)};
    }
    return std::optional<Place>();
  }

  // Whether `path` still is what the state has seen. Copies of a file have another time.
  Result<bool> IsSame(const std::string& path, const SeenInput& seen) const {
    DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs_.Stat(path));
    if (info.size_bytes != seen.size_bytes) {
      return false;
    }
    if (info.modified.time_since_epoch().count() == seen.modified_us && path == seen.path) {
      return true;
    }
    DATALAKE_TRY_ASSIGN(const Hash128 hash, HashFile(fs_, path));
    return hash == seen.hash;
  }

 private:
  io::FileSystem& fs_;
  const StateSummary& state_;
  std::map<std::string, std::vector<Place>, std::less<>> by_name_;
};

// Puts the steps of a run in order.
class Planner {
 public:
  Planner(const DedupeOptions& options, io::FileSystem& fs, const DedupeStateReader& state)
      : options_(options), fs_(fs), state_(state), seen_(fs, state.summary()) {}

  Status Sort(const std::vector<Input>& inputs, DedupePlan& plan) {
    const std::string units = DescribeUnits(options_);
    for (const Input& input : inputs) {
      DATALAKE_TRY_ASSIGN(const std::optional<Place> place, seen_.Find(input));
      if (!place.has_value()) {
        new_.push_back(&input);
        continue;
      }
      if (generation(*place).units != units) {
        return Error{ErrorCode::kConflict,
                     fmt::format("the state has this file already, from a run with other options "
                                 "({}, now {}); use another state file: {}: {}",
                                 generation(*place).units, units, input.path, state_.path())};
      }
      DATALAKE_TRY_ASSIGN(const bool exists, fs_.Exists(input.output));
      (exists ? done_ : missing_)[*place] = &input;
      plan.done_files += exists ? 1 : 0;
    }
    return {};
  }

  Status MakeAgain(DedupePlan& plan) {
    if (!missing_.empty() && state_.summary().kind == SeenKind::kBloom) {
      return Error{ErrorCode::kConflict,
                   fmt::format("the filter has this file already and its marks are gone; a Bloom "
                               "filter cannot make them again: use an exact state, or remove the "
                               "filter and run all again: {}: {}",
                               missing_.begin()->second->path, state_.path())};
    }
    for (std::size_t g = 0; g < state_.summary().generations.size(); ++g) {
      DATALAKE_TRY(MakeAgain(g, plan));
    }
    return {};
  }

  void AddNew(DedupePlan& plan) {
    plan.first_new = plan.files.size();
    plan.adds_generation = !new_.empty();
    for (const Input* input : new_) {
      Add(*input, true, plan);
    }
  }

 private:
  const StateGeneration& generation(const Place& place) const {
    return state_.summary().generations[place.generation];
  }

  Status MakeAgain(std::size_t g, DedupePlan& plan) {
    const auto end = missing_.lower_bound({g + 1, 0});
    if (missing_.lower_bound({g, 0}) == end) {
      loads_.push_back(g);
      return {};
    }
    const std::size_t last = std::prev(end)->first.number;
    for (std::size_t i = 0; i <= last; ++i) {
      DATALAKE_TRY(MakeAgain(Place{g, i}, plan));
    }
    if (last + 1 < state_.summary().generations[g].inputs.size()) {
      loads_.push_back(g);
    }
    return {};
  }

  Status MakeAgain(const Place& place, DedupePlan& plan) {
    if (const auto missing = missing_.find(place); missing != missing_.end()) {
      Add(*missing->second, true, plan);
      return {};
    }
    const auto done = done_.find(place);
    Input input;
    input.path = done != done_.end() ? done->second->path : seen_.At(place).path;
    const Result<bool> is_same = seen_.IsSame(input.path, seen_.At(place));
    if (!is_same || !*is_same) {
      return Error{ErrorCode::kConflict,
                   fmt::format("marks are missing, and to make them again this file is needed as "
                               "it was: {}",
                               input.path)};
    }
    Add(input, false, plan);
    return {};
  }

  void Add(const Input& input, bool is_written, DedupePlan& plan) {
    DedupeFile& file = plan.files.emplace_back();
    file.input = input.path;
    file.output = input.output;
    file.is_written = is_written;
    file.loads = std::exchange(loads_, {});
  }

  const DedupeOptions& options_;
  io::FileSystem& fs_;
  const DedupeStateReader& state_;
  const SeenInputs seen_;
  std::vector<const Input*> new_;
  std::map<Place, const Input*> done_;
  std::map<Place, const Input*> missing_;
  std::vector<std::size_t> loads_;
};

// Every input is read, after all that the state has.
void PlanAll(const std::vector<Input>& inputs, const DedupeStateReader* state, DedupePlan& plan) {
  for (const Input& input : inputs) {
    DedupeFile& file = plan.files.emplace_back();
    file.input = input.path;
    file.output = input.output;
  }
  const std::size_t generations = state == nullptr ? 0 : state->summary().generations.size();
  for (std::size_t g = 0; g < generations && !plan.files.empty(); ++g) {
    plan.files.front().loads.push_back(g);
  }
  plan.adds_generation = !plan.files.empty();
}

}  // namespace

std::string DescribeUnits(const DedupeOptions& options) {
  json::Value out = json::Value::object();
  switch (options.unit) {
    case DedupeUnitKind::kDocuments:
      out["key"] = options.key;
      break;
    case DedupeUnitKind::kNgrams:
      out["ngram_length"] = options.ngram_length;
      out["stride"] = options.stride;
      out["skip_short_paragraphs"] = options.skip_short_paragraphs;
      [[fallthrough]];
    case DedupeUnitKind::kParagraphs:
      out["paragraph_separator"] = options.paragraph_separator;
      break;
  }
  out["min_length"] = options.min_length;
  out["min_words"] = options.min_words;
  out["skip_empty"] = options.skip_empty;
  if (options.num_partitions > 1) {
    out["partition"] = {options.partition_index, options.num_partitions};
    out["file_partition"] = options.file_partition;
  }
  if (options.compatibility == Compatibility::kDolma) {
    out["compat"] = "dolma";
  }
  return json::DumpValue(out);
}

Result<DedupePlan> PlanDedupe(const DedupeOptions& options, io::FileSystem& fs,
                              const DedupeStateReader* state) {
  DedupePlan plan;
  DATALAKE_TRY_ASSIGN(const std::vector<Input> inputs, FindInputs(options, fs, plan.warnings));
  // The toolkit compares every run with all that is in the filter, its own earlier runs too.
  if (state == nullptr || options.is_read_only || options.compatibility == Compatibility::kDolma) {
    PlanAll(inputs, state, plan);
    return plan;
  }
  Planner planner(options, fs, *state);
  DATALAKE_TRY(planner.Sort(inputs, plan));
  DATALAKE_TRY(planner.MakeAgain(plan));
  planner.AddNew(plan);
  return plan;
}

}  // namespace datalake::curate
