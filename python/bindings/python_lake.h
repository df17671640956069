#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include <nanobind/nanobind.h>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/process.h"
#include "datalake/lake/queries.h"
#include "datalake/lake/upload.h"

#include "bindings/arrow_stream.h"

namespace datalake::python {

using Fields = std::map<std::string, std::string>;
using Names = std::vector<std::string>;
using Rows = std::shared_ptr<arrow::RecordBatchReader>;

/// A lake with everything it needs to live in this process; readers share it, so it lives as long
/// as the last of them. Thread-safe, as the engine's parts are.
struct LakeState {
  /// Throws EngineError.
  LakeState(const std::string& path, bool create);

  io::LocalFileSystem fs;
  SystemClock clock;
  SystemRandom random;
  NullProgress progress;
  std::unique_ptr<lake::Lake> lake;
  std::unique_ptr<lake::Queries> queries;
};

/// The class `_core.Lake`. Its functions throw EngineError. Thread-safe.
class PythonLake {
 public:
  PythonLake(const std::string& path, bool create)
      : state_(std::make_shared<LakeState>(path, create)) {}

  LakeState& state() { return *state_; }

  lake::Lake& lake() { return *state_->lake; }

  /// `rows` for Python; they keep the lake alive.
  ArrowStream ToStream(Rows rows) { return ArrowStream(std::move(rows), state_); }

  /// Rows of a file or folder. A DatasetDict gives the rows of all its splits.
  Rows OpenPath(const std::string& path);

 private:
  std::shared_ptr<LakeState> state_;
};

/// Runs `work` without the GIL: other Python threads go on meanwhile.
template <typename Work>
auto Released(Work work) {
  const nanobind::gil_scoped_release release;
  return work();
}

/// The versions of tables behind an answer: a list of (table, version).
nanobind::list SourceList(const std::vector<lake::TableVersion>& sources);

void BindCatalog(nanobind::class_<PythonLake>& lake_class);
void BindCollections(nanobind::class_<PythonLake>& lake_class);
void BindDownloads(nanobind::class_<PythonLake>& lake_class);
void BindSchema(nanobind::class_<PythonLake>& lake_class);

}  // namespace datalake::python
