#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/io/stream.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_record.h"

namespace datalake::lake {

/// A stretch of a feed's log: the records of a segment file up to one of them. The file is held
/// open, so it may be removed meanwhile.
struct LogStretch {
  std::shared_ptr<const io::RandomAccessFile> file;
  std::string path;  ///< for messages
  std::uint64_t last_sequence = 0;
};

/// Which records of a log become rows, and of which form.
struct FeedRowSource {
  std::vector<LogStretch> stretches;
  /// Called for each record, in the reader's thread.
  std::function<bool(std::uint64_t sequence, const FeedRecord& record)> wants;
  std::function<std::unique_ptr<FeedBatchBuilder>()> make_builder;
  /// Of the rows: what the builder makes, with or without its last column, `day`.
  std::shared_ptr<arrow::Schema> schema;
};

/// Visits the entries of a stretch in order. Errors: kIo, kCorruption, those of `visit`.
Status VisitLogStretch(const LogStretch& stretch,
                       const std::function<Status(std::uint64_t, const FeedEntry&)>& visit);

/// Reads rows from the log as they are asked for, some 2 MB of bodies at a time, in the order of
/// the log. Memory: about 10 MB, whatever the log's size. The reader is Single-threaded.
std::shared_ptr<arrow::RecordBatchReader> ReadFeedRows(FeedRowSource source);

}  // namespace datalake::lake
