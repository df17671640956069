#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// What an output is made from and how: all that its bytes depend on.
struct UnitWork {
  std::string_view command = {};  ///< "tag", "dedupe", "mix"
  std::string options = {};       ///< JSON text; what does not change the bytes stays out of it
  std::vector<std::string> inputs =
      {};  ///< files, in their order; told apart by name, size and time
};

/// What is known of an output before it is made.
enum class OutputState : std::uint8_t {
  kAbsent,   ///< not there
  kDone,     ///< made by the same work from the same inputs
  kStale,    ///< made by other work or from other inputs, changed since, or left by a killed run
  kForeign,  ///< no manifest: made by another program
};

struct FoundOutput {
  OutputState state = OutputState::kAbsent;
  std::string facts;  ///< kDone: what Finish was given
};

/// The record beside an output by which a run that was killed continues, and by which outputs of
/// other options or other inputs are told from done ones: `.datalake/<name>.json` in the folder of
/// the output (docs/formats/unit-manifest.md). Use: Find; then, to make it, Begin, publish the
/// output, Finish. A run that dies anywhere in between leaves kStale or kAbsent. Immutable and
/// thread-safe; two runs must not make the same output at once.
class UnitManifest {
 public:
  /// Looks at the inputs' sizes and times. `fs` must outlive it. Errors: kNotFound (an input), kIo.
  static Result<UnitManifest> Make(io::FileSystem& fs, const UnitWork& work);

  /// Errors: kIo.
  Result<FoundOutput> Find(std::string_view output) const;

  /// Notes durably that `output` is about to be replaced. Errors: kIo, kResourceExhausted.
  Status Begin(std::string_view output) const;

  /// Notes durably that `output`, now published, is done. `facts` is JSON text of the caller's, for
  /// the report of a run that finds the output done. Errors: kIo, kResourceExhausted.
  Status Finish(std::string_view output, std::string_view facts) const;

  /// After an error: takes back the note of Begin where no output is there; else the output stays
  /// stale. What cannot be removed is left.
  void Abandon(std::string_view output) const;

  /// Where the record of an output is.
  static std::string PathOf(std::string_view output);

 private:
  UnitManifest(io::FileSystem& fs, std::string work, std::string fingerprint);

  std::string Render(std::string_view state, std::string_view rest) const;

  io::FileSystem* fs_;
  std::string work_;         // JSON members, for people to read
  std::string fingerprint_;  // of work_
};

/// Removes what dead runs left behind of `files`, which a run is going to make, of their notes and
/// of others in the same folders (io::RemoveDeadTemporaries). Nothing of a living run is touched.
void RemoveLeftovers(io::FileSystem& fs, std::span<const std::string> files);

}  // namespace datalake::curate
