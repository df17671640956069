#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/chat_rows.h"
#include "datalake/lake/chat_training.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// What an export did.
struct FeedExportReport {
  std::uint64_t records = 0;    ///< read
  std::uint64_t skipped = 0;    ///< gave nothing in this form
  std::uint64_t lines = 0;      ///< of a training file
  std::uint64_t files = 0;      ///< written
  std::uint64_t unchanged = 0;  ///< files that were there with the same bytes
  std::uint64_t removed = 0;    ///< files of records that are no longer current
  std::uint64_t bytes = 0;      ///< on disk, of what was written
};

/// How an export is watched and ended.
struct ExportControl {
  ProgressSink& progress;
  std::stop_token stop = {};
};

/// Writes chats (rows with the columns of TrainingColumns that they have) as one file of lines,
/// compressed as its suffix says; it appears whole and durable, or not at all. Memory: a batch.
/// Errors: kAlreadyExists (`path`), kInvalidArgument (no chats), kCancelled, those of `rows`, kIo,
/// kResourceExhausted.
Result<FeedExportReport> ExportTraining(io::FileSystem& fs, arrow::RecordBatchReader& rows,
                                        TrainingFormat format, std::string_view path,
                                        const ExportControl& control);

/// The columns of a feed that training files are made of.
std::vector<std::string> TrainingColumns();

enum class OtherFiles : std::uint8_t {
  kKeep,
  kRemove,  ///< files of chats in the days' folders that are not among the rows
};

/// Writes chats (rows in order of `received`, with the columns of DaysColumns) as the seed's
/// service stored them: `<folder>/data/YYYY_MM_DD/chats/<ingest_id>.parquet`, a row a turn, who and
/// what in the footer (specs: gpt4all §3). A file that has the same bytes already is left alone, so
/// that an export is continued by the same call. Each file appears whole; all are durable at the
/// end. Errors: kInvalidArgument (no chats, a bad id), kCancelled, those of `rows`, kIo,
/// kResourceExhausted.
Result<FeedExportReport> ExportDays(io::FileSystem& fs, arrow::RecordBatchReader& rows,
                                    std::string_view folder, OtherFiles others,
                                    const ExportControl& control);

/// The columns of a feed that the days' files are made of.
std::vector<std::string> DaysColumns();

/// "YYYY_MM_DD/chats/<ingest_id>.parquet". Errors: kInvalidArgument (the id).
Result<std::string> DayFilePath(Timestamp received, std::string_view ingest_id);

/// The bytes of the file of one chat: a function of the row. Errors: kInternal, kResourceExhausted.
Result<std::string> DayFileBytes(const ChatRows& rows, std::int64_t row);

}  // namespace datalake::lake
