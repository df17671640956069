#pragma once

#include <memory>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/format/document_reader.h"

namespace datalake::format {

/// OpenDocuments for a Parquet file; errors as there.
Result<std::unique_ptr<DocumentReader>> OpenParquetDocuments(io::FileSystem& fs,
                                                             std::string_view path,
                                                             const DocumentReaderOptions& options);

}  // namespace datalake::format
