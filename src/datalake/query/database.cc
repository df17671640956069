#include <array>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/thread_pool.h"
#include "datalake/query/session_internal.h"
#include "datalake/query/sql_text.h"

namespace datalake::query {
namespace {

constexpr std::uint64_t kLeastMemoryBytes = std::uint64_t{32} << 20;

Status SetOption(duckdb_config config, const char* name, const std::string& value) {
  if (duckdb_set_config(config, name, value.c_str()) == DuckDBError) {
    return Error{ErrorCode::kInternal,
                 fmt::format("the query engine refuses an option: {}={}", name, value)};
  }
  return {};
}

Result<ConfigHandle> MakeConfig(const EngineOptions& options) {
  ConfigHandle config;
  if (duckdb_create_config(config.out()) == DuckDBError) {
    return Error{ErrorCode::kInternal, "cannot configure the query engine"};
  }
  const std::size_t threads = options.threads > 0 ? options.threads : AvailableCores();
  const std::array<std::pair<const char*, std::string>, 7> settings = {{
      {"threads", fmt::format("{}", threads)},
      {"memory_limit", fmt::format("{}B", options.memory_limit_bytes)},
      {"temp_directory", options.temp_folder},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_persistent_secrets", "false"},
  }};
  for (const auto& [name, value] : settings) {
    DATALAKE_TRY(SetOption(config.get(), name, value));
  }
  return config;
}

// After this nothing can be loosened again.
Status ShutIn(duckdb_connection connection, const EngineOptions& options) {
  std::string folders;
  for (const std::string& folder : options.readable_folders) {
    folders += (folders.empty() ? "" : ", ") + QuoteLiteral(folder);
  }
  DATALAKE_TRY(Execute(connection, "SET GLOBAL TimeZone = 'UTC'"));
  DATALAKE_TRY(Execute(connection, "SET GLOBAL parquet_metadata_cache = true"));
  // Bytes of files are in the system's cache already; a second copy would fill the memory limit.
  DATALAKE_TRY(Execute(connection, "SET GLOBAL enable_external_file_cache = false"));
  DATALAKE_TRY(Execute(connection, fmt::format("SET GLOBAL allowed_directories = [{}]", folders)));
  DATALAKE_TRY(Execute(connection, "SET GLOBAL enable_external_access = false"));
  return Execute(connection, "SET GLOBAL lock_configuration = true");
}

// information_schema is not searched for names without a schema.
Result<std::set<std::string>> SystemNames(duckdb_connection connection) {
  ResultHandle result;
  if (duckdb_query(connection,
                   "SELECT lower(view_name) FROM duckdb_views() WHERE internal AND schema_name <> "
                   "'information_schema'",
                   result.get()) == DuckDBError) {
    return DuckdbError(duckdb_result_error(result.get()));
  }
  std::set<std::string> names;
  while (true) {
    const ChunkHandle chunk(duckdb_fetch_chunk(*result.get()));
    if (!chunk) {
      break;
    }
    auto* cells = static_cast<duckdb_string_t*>(
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk.get()); ++row) {
      names.emplace(duckdb_string_t_data(&cells[row]), duckdb_string_t_length(cells[row]));
    }
  }
  if (!names.contains("sqlite_master")) {
    return Error{ErrorCode::kInternal, "the query engine does not list its system views"};
  }
  return names;
}

}  // namespace

Status EngineOptions::Validate() const {
  if (memory_limit_bytes < kLeastMemoryBytes) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("memory_limit_bytes is below {}: {}",
                                                          kLeastMemoryBytes, memory_limit_bytes)};
  }
  DATALAKE_TRY(CheckSqlText("temp_folder", temp_folder));
  for (const std::string& folder : readable_folders) {
    DATALAKE_TRY(CheckSqlText("readable folder", folder));
    if (!folder.starts_with('/')) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a readable folder must be absolute: {}", folder)};
    }
  }
  return {};
}

Result<std::shared_ptr<EngineDatabase>> EngineDatabase::Open(const EngineOptions& options) {
  DATALAKE_TRY(options.Validate());
  DATALAKE_TRY_ASSIGN(const ConfigHandle config, MakeConfig(options));
  std::shared_ptr<EngineDatabase> database(new EngineDatabase());  // NOLINT: private constructor
  char* message = nullptr;
  if (duckdb_open_ext(nullptr, database->handle_.out(), config.get(), &message) == DuckDBError) {
    Error error = DuckdbError(message == nullptr ? "cannot open" : message);
    duckdb_free(message);
    return WithContext(std::move(error), "cannot start the query engine");
  }
  database->batches_.database = database->handle_.get();
  DATALAKE_TRY_ASSIGN(const ConnectionHandle connection, database->Connect());
  DATALAKE_TRY(RegisterBatchFunction(connection.get(), database->batches_));
  DATALAKE_TRY_ASSIGN(database->system_names_, SystemNames(connection.get()));
  DATALAKE_TRY(ShutIn(connection.get(), options));
  return database;
}

Result<ConnectionHandle> EngineDatabase::Connect() {
  ConnectionHandle connection;
  if (duckdb_connect(handle_.get(), connection.out()) == DuckDBError) {
    return Error{ErrorCode::kInternal, "cannot connect to the query engine"};
  }
  return connection;
}

}  // namespace datalake::query
