#include "datalake/curate/attribute_output.h"

#include <string>
#include <utility>

#include "datalake/base/thread_pool.h"
#include "datalake/curate/attribute_output_internal.h"
#include "datalake/curate/output_file.h"

namespace datalake::curate {
namespace {

class LineRows final : public AttributeRows {
 public:
  // `writer` outlives the rows.
  explicit LineRows(const AttributeWriter& writer) : writer_(writer) {}

  void Clear() override { lines_.clear(); }

  void Append(std::string_view id, std::string_view source,
              std::span<const AttributeWriter::Values> values) override {
    writer_.AppendLine(id, source, values, lines_);
  }

  void AppendRejected() override { AttributeWriter::AppendRejectedLine(lines_); }

  std::string_view lines() const { return lines_; }

 private:
  const AttributeWriter& writer_;
  std::string lines_;
};

class LineOutput final : public AttributeOutput {
 public:
  LineOutput(OutputFile file, const std::vector<AttributeWriter::Source>& sources)
      : writer_(sources), file_(std::move(file)) {}

  std::unique_ptr<AttributeRows> MakeRows() const override {
    return std::make_unique<LineRows>(writer_);
  }

  Status Write(const AttributeRows& rows) override {
    return file_.Write(static_cast<const LineRows&>(rows).lines());
  }

  Status Publish() override { return file_.Publish(); }

 private:
  const AttributeWriter writer_;
  OutputFile file_;
};

}  // namespace

Result<std::unique_ptr<AttributeOutput>> AttributeOutput::Make(
    io::FileSystem& fs, std::string_view path, const std::vector<AttributeWriter::Source>& sources,
    ThreadPool& pool) {
  if (path.ends_with(".parquet")) {
    return MakeParquetAttributes(fs, path, sources, pool);
  }
  DATALAKE_TRY_ASSIGN(OutputFile file, OutputFile::Make(fs, path, {.pool = &pool}));
  return std::make_unique<LineOutput>(std::move(file), sources);
}

}  // namespace datalake::curate
