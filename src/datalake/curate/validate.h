#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/curate_context.h"
#include "datalake/curate/validate_findings.h"

namespace datalake::curate {

struct ValidateOptions {
  /// Dataset folders (with documents/ and attributes/<name>/ in them), files or globs.
  std::vector<std::string> paths = {};
  std::uint64_t sample_rows = 0;           ///< only this many rows of each file; 0: all of them
  std::uint64_t max_shown = 5;             ///< findings of a kind that are kept of each file
  std::uint64_t memory_bytes = 256 << 20;  ///< of the table of ids, before it goes to the disk
  std::string spill_folder = "/tmp";       ///< for that; nothing stays there

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// The files of one folder attributes/<name>/.
struct ValidatedAttributes {
  std::uint64_t files = 0;
  std::uint64_t rows = 0;
};

/// What was looked at, and what is wrong with it.
struct ValidateReport {
  std::uint64_t files = 0;      ///< of documents
  std::uint64_t documents = 0;  ///< rows of documents, bad ones included
  std::uint64_t bytes = 0;      ///< uncompressed
  std::map<std::string, std::uint64_t, std::less<>> sources;  ///< documents by source; the first
                                                              ///< 1000 sources of a file at most
  std::map<std::string, ValidatedAttributes, std::less<>> attributes;
  std::vector<FindingGroup> findings;  ///< by path, then kind
  std::uint64_t num_findings = 0;      ///< all of them, shown or not

  bool is_clean() const { return num_findings == 0; }
};

/// Checks data in the format of the Dolma toolkit: the folders, names and compression of files,
/// every row of documents (UTF-8, JSON, required keys and their types, timestamps, one row for each
/// source and id of all that is given), every row of the attributes beside them (same rows, same
/// ids, spans). Lines of JSON, plain or compressed, and Parquet. Bad data is a finding, not an
/// error; reading goes on with the next row or file.
///
/// Files are read in parallel, and blocks within them; the report does not depend on threads.
/// Memory: memory_bytes for the ids (24 bytes a document, as 128-bit hashes; beyond that they go to
/// a file in spill_folder), and a few blocks of 1 MiB a thread with their attributes.
/// Errors: kInvalidArgument (options; nothing matches), kCancelled, kResourceExhausted, kIo.
Result<ValidateReport> RunValidate(const ValidateOptions& options, const CurateContext& context);

}  // namespace datalake::curate
