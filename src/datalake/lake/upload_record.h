#pragma once

#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/json/value.h"
#include "datalake/lake/layout.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

// Files of an upload's folder (docs/formats/lake.md, "Uploads").
inline constexpr std::string_view kUploadFile = "upload.json";  ///< written last
inline constexpr std::string_view kRowsFile = "rows.parquet";
inline constexpr std::string_view kErrorFile = "error.json";  ///< of a failed upload
inline constexpr std::string_view kClaimFile = "claim.lock";  ///< locked by who processes it

/// "<dataset>_<task>_<variant>_<8 hex digits>_<YYYYmmddHHMMSS>", long parts cut; a name, sortable
/// by time only within one dataset. Pure but for `random`.
std::string MakeUploadId(const UploadRequest& request, std::string_view variant, Timestamp time,
                         Random& random);

/// What an upload.json, or the request of an upload over HTTP, says of derived columns: members
/// `perceptual_hash` and `thumbnails`, which may be absent. Errors: kInvalidArgument.
Result<DerivedColumns> DerivedColumnsIn(const json::Value& object, std::string_view where);

/// The text of upload.json. Pure.
std::string UploadInfoJson(const UploadInfo& info);

/// Reads it back; `where` names it in messages. Errors: kInvalidArgument, kUnsupported (version).
Result<UploadInfo> ParseUploadInfo(std::string_view text, std::string_view where);

/// Reads the record of one upload folder, with its error when it failed. Names are checked again:
/// the folder may be made by hand. Errors: kNotFound (no upload.json), kCorruption,
/// kInvalidArgument (names), kIo.
Result<UploadInfo> ReadUploadInfo(io::FileSystem& fs, const Layout& layout, UploadState state,
                                  std::string_view id);

/// Durably writes error.json into a folder. Errors: kIo.
Status WriteUploadError(io::FileSystem& fs, std::string_view folder, std::string_view id,
                        const Error& error, Timestamp time);

/// Moves an upload from one state to another; durable. Errors: kNotFound, kIo.
Status MoveUpload(io::FileSystem& fs, const Layout& layout, std::string_view id, UploadState from,
                  UploadState to);

}  // namespace datalake::lake
