#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/mix_manifest.h"
#include "datalake/curate/mix_row.h"
#include "datalake/format/document_batch.h"
#include "datalake/format/document_reader.h"
#include "datalake/json/document.h"

namespace datalake::curate {

/// A row that cannot be mixed.
struct MixReject {
  std::uint64_t line = 0;         ///< 1-based
  std::uint64_t byte_offset = 0;  ///< of the line, in the uncompressed file
  Error error;
  std::string_view raw;
};

/// The same rows of an attribute file as of the block of documents.
struct MixBlockAttributes {
  std::string_view path;
  std::shared_ptr<const AttributeReader> reader;
  AttributeBatch batch;
  std::uint64_t usable_rows = 0;  ///< those behind are taken for missing
};

/// A block of documents with its attributes, and what becomes of them. Filled, worked on and
/// emitted by one thread at a time; reused for the next block.
class MixBlock {
 public:
  MixBlock(const MixProgram& program, OnMissing on_missing)
      : on_missing_(on_missing), mixer_(program) {}

  // Before Work.
  format::DocumentBatch documents;
  std::shared_ptr<const format::DocumentReader> reader;  ///< of documents
  std::string_view path;                                 ///< of documents
  std::vector<MixBlockAttributes> attributes;
  bool lacks_file = false;  ///< an attribute file is not there at all
  MixPlace place = {};      ///< of what is to be written

  /// Decodes and mixes the rows. What goes wrong with a row is a reject, all else is in `status`.
  void Work(const std::stop_token& stop);

  // After it.
  std::string out;
  MixCounts counts;
  MixTimes times;  ///< of the steps so far
  std::vector<MixReject> rejects;
  Status status;

 private:
  Status Mix(const std::stop_token& stop);
  Status ReadLines();
  Status MakeLines();
  Status MixRowAt(std::uint64_t index);
  bool AddAttributes(std::uint64_t index);
  std::string_view ReasonOf(std::uint64_t index) const;
  MixReject RejectAt(std::uint64_t index, Error error) const;

  OnMissing on_missing_;
  RowMixer mixer_;
  MixRow row_;
  json::DocumentParser parser_;
  std::vector<std::string_view> lines_;
  std::string made_;  // lines of documents that are no lines
};

}  // namespace datalake::curate
