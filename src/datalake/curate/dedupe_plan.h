#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/dedupe.h"

namespace datalake::curate {

/// One file that a run reads.
struct DedupeFile {
  std::string input;
  std::string output;
  bool is_written = true;          ///< false: only its keys are wanted
  std::vector<std::size_t> loads;  ///< generations of the state to load before it
};

/// What a run does, in order.
struct DedupePlan {
  std::vector<DedupeFile> files;
  std::size_t done_files = 0;    ///< inputs that need nothing
  bool adds_generation = false;  ///< there are files that the state has not seen
  std::size_t first_new = 0;     ///< those are files[first_new] and all behind it
  std::vector<std::string> warnings;
};

/// The options that say what a key is, as JSON: what a state must agree with about its inputs.
std::string DescribeUnits(const DedupeOptions& options);

/// Finds the inputs and their outputs, and what of them is done according to the state (null: there
/// is none). Inputs of an earlier generation whose marks are missing are planned at their place in
/// time: behind the generations before theirs and the files read before them.
/// Errors: kInvalidArgument (no documents; paths), kConflict (an input was changed since, or seen
/// under other options; a Bloom filter cannot make marks again), kIo.
Result<DedupePlan> PlanDedupe(const DedupeOptions& options, io::FileSystem& fs,
                              const DedupeStateReader* state);

}  // namespace datalake::curate
