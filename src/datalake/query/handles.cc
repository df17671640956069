#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "datalake/query/handles_internal.h"

namespace datalake::query {
namespace {

struct KindCode {
  std::string_view kind;
  ErrorCode code;
};

// DuckDB writes "<kind> Error: <text>" (exception.cpp, ExceptionTypeToString); all not listed here
// say that the query is wrong.
constexpr std::array kKindCodes = {
    KindCode{"Catalog", ErrorCode::kNotFound},
    KindCode{"IO", ErrorCode::kIo},
    KindCode{"HTTP", ErrorCode::kIo},
    KindCode{"Network", ErrorCode::kIo},
    KindCode{"Permission", ErrorCode::kPermissionDenied},
    KindCode{"Out of Memory", ErrorCode::kResourceExhausted},
    KindCode{"INTERRUPT", ErrorCode::kCancelled},
    KindCode{"Not implemented", ErrorCode::kUnsupported},
    KindCode{"INTERNAL", ErrorCode::kInternal},
    KindCode{"FATAL", ErrorCode::kInternal},
};

ErrorCode CodeOf(std::string_view kind, std::string_view text) {
  // A broken Parquet file comes as "Invalid Input Error: No magic bytes found … 'x.parquet'", or as
  // an "Invalid"/"IO" error of its page reader.
  const bool names_file = text.find(".parquet'") != std::string_view::npos ||
                          text.find("parquet file") != std::string_view::npos ||
                          text.find("Parquet file") != std::string_view::npos;
  if (names_file && (kind == "Invalid Input" || kind == "Invalid" || kind == "Serialization")) {
    return ErrorCode::kCorruption;
  }
  if (kind == "IO" && (text.find("No files found") != std::string_view::npos ||
                       text.find("No such file") != std::string_view::npos)) {
    return ErrorCode::kCorruption;  // a file that a table's log names is gone
  }
  const auto* found =
      std::find_if(kKindCodes.begin(), kKindCodes.end(),
                   [&](const KindCode& candidate) { return candidate.kind == kind; });
  return found == kKindCodes.end() ? ErrorCode::kInvalidArgument : found->code;
}

}  // namespace

Error DuckdbError(std::string_view message) {
  if (const std::size_t quoted = message.find("\n\nLINE "); quoted != std::string_view::npos) {
    message = message.substr(0, quoted);
  }
  constexpr std::string_view kMark = " Error: ";
  std::string_view kind;
  if (const std::size_t mark = message.find(kMark); mark != std::string_view::npos && mark < 40) {
    kind = message.substr(0, mark);
    message = message.substr(mark + kMark.size());
  }
  std::string line;
  for (const char c : message) {
    const bool space = c == '\n' || c == '\t' || c == ' ';
    if (!space || (!line.empty() && line.back() != ' ')) {
      line.push_back(space ? ' ' : c);
    }
  }
  while (!line.empty() && (line.back() == '.' || line.back() == ' ' || line.back() == '!')) {
    line.pop_back();
  }
  return Error{CodeOf(kind, line), fmt::format("query failed: {}", line)};
}

Status CheckErrorData(duckdb_error_data data) {
  const ErrorDataHandle owned(data);
  if (!owned || !duckdb_error_data_has_error(owned.get())) {
    return {};
  }
  return DuckdbError(duckdb_error_data_message(owned.get()));
}

Status Execute(duckdb_connection connection, const std::string& sql) {
  ResultHandle result;
  if (duckdb_query(connection, sql.c_str(), result.get()) == DuckDBError) {
    return DuckdbError(duckdb_result_error(result.get()));
  }
  return {};
}

}  // namespace datalake::query
