#pragma once

#include <memory>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/curate/attribute_reader.h"

namespace datalake::curate {

/// AttributeReader::Open for a Parquet file; errors as there.
Result<std::unique_ptr<AttributeReader>> OpenParquetAttributes(io::FileSystem& fs,
                                                               std::string_view path);

}  // namespace datalake::curate
