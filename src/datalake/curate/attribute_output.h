#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/attribute_writer.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// Attributes of a block of documents, in the form of the output that made it. Reused for the next
/// block. Thread-compatible.
class AttributeRows {
 public:
  virtual ~AttributeRows() = default;

  /// Forgets rows, keeps memory.
  virtual void Clear() = 0;

  /// Appends a row. `values` has those of each source, in their order.
  virtual void Append(std::string_view id, std::string_view source,
                      std::span<const AttributeWriter::Values> values) = 0;

  /// Appends the row that stands for a rejected line, so that row numbers keep agreeing.
  virtual void AppendRejected() = 0;
};

/// A file of attributes (docs/formats/attributes.md) that appears whole under its name when it is
/// published, replacing what was there. Its bytes depend on the rows alone. Parquet of learned
/// types (Tagger::has_learned_types) is written twice, as its columns are known at the end.
/// Single-threaded, but for the rows it makes, which are filled on any thread.
class AttributeOutput {
 public:
  /// Parquet when `path` ends with .parquet, else lines of JSON, compressed as the name says.
  /// `sources`, `fs` and `pool`, whose free threads encode, must outlive the output; the caller may
  /// be a task of the pool. Errors: kIo, kPermissionDenied, kResourceExhausted.
  static Result<std::unique_ptr<AttributeOutput>> Make(
      io::FileSystem& fs, std::string_view path,
      const std::vector<AttributeWriter::Source>& sources, ThreadPool& pool);

  virtual ~AttributeOutput() = default;

  virtual std::unique_ptr<AttributeRows> MakeRows() const = 0;

  /// Appends rows that MakeRows of this output made. Errors: kIo, kResourceExhausted, also of rows
  /// written before.
  virtual Status Write(const AttributeRows& rows) = 0;

  /// Ends the file, makes it durable and gives it its name. Errors: as Write.
  virtual Status Publish() = 0;
};

}  // namespace datalake::curate
