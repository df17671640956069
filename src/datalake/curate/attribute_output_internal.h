#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/attribute_output.h"

namespace datalake::curate {

/// AttributeOutput::Make for a Parquet file; errors as there.
Result<std::unique_ptr<AttributeOutput>> MakeParquetAttributes(
    io::FileSystem& fs, std::string_view path, const std::vector<AttributeWriter::Source>& sources,
    ThreadPool& pool);

}  // namespace datalake::curate
