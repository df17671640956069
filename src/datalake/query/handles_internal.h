#pragma once

#include <string_view>
#include <utility>

#include <duckdb.h>

#include "datalake/base/result.h"

namespace datalake::query {

/// Owns one object of DuckDB's C API, whose destroy function takes a pointer to the handle.
template <typename T, void (*Destroy)(T*)>
class Handle {
 public:
  Handle() = default;

  explicit Handle(T value) : value_(value) {}

  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}

  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }

  ~Handle() {
    if (value_ != nullptr) {
      Destroy(&value_);
    }
  }

  T get() const { return value_; }

  explicit operator bool() const { return value_ != nullptr; }

  /// For functions that fill the handle; call on an empty one.
  T* out() { return &value_; }

 private:
  T value_ = nullptr;
};

using ConfigHandle = Handle<duckdb_config, duckdb_destroy_config>;
using DatabaseHandle = Handle<duckdb_database, duckdb_close>;
using ConnectionHandle = Handle<duckdb_connection, duckdb_disconnect>;
using PreparedHandle = Handle<duckdb_prepared_statement, duckdb_destroy_prepare>;
using PendingHandle = Handle<duckdb_pending_result, duckdb_destroy_pending>;
using ExtractedHandle = Handle<duckdb_extracted_statements, duckdb_destroy_extracted>;
using ChunkHandle = Handle<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using LogicalTypeHandle = Handle<duckdb_logical_type, duckdb_destroy_logical_type>;
using ValueHandle = Handle<duckdb_value, duckdb_destroy_value>;
using ErrorDataHandle = Handle<duckdb_error_data, duckdb_destroy_error_data>;
using ArrowOptionsHandle = Handle<duckdb_arrow_options, duckdb_destroy_arrow_options>;
using ArrowSchemaHandle =
    Handle<duckdb_arrow_converted_schema, duckdb_destroy_arrow_converted_schema>;
using TableFunctionHandle = Handle<duckdb_table_function, duckdb_destroy_table_function>;

/// A result, whose handle is a struct.
class ResultHandle {
 public:
  ResultHandle() = default;
  ResultHandle(const ResultHandle&) = delete;
  ResultHandle& operator=(const ResultHandle&) = delete;

  ~ResultHandle() { duckdb_destroy_result(&value_); }

  duckdb_result* get() { return &value_; }

 private:
  duckdb_result value_{};
};

/// The Error of a message of DuckDB ("Binder Error: Referenced column …"): the code by its kind,
/// the text on one line without the quoted query.
Error DuckdbError(std::string_view message);

/// Ok, or the error in `data`, which is consumed.
Status CheckErrorData(duckdb_error_data data);

/// Runs a statement of ours that gives no rows.
Status Execute(duckdb_connection connection, const std::string& sql);

}  // namespace datalake::query
