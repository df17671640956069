#include "bindings/lake.h"

#include <memory>
#include <string>
#include <utility>

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/process.h"
#include "datalake/lake/upload.h"

#include "bindings/arrow_stream.h"
#include "bindings/errors.h"

namespace nb = nanobind;

namespace datalake::python {
namespace {

using Fields = std::map<std::string, std::string>;
using Names = std::vector<std::string>;

// A lake with everything it needs to live in this process. Thread-safe, as the engine's parts are.
class PythonLake {
 public:
  PythonLake(const std::string& path, bool create) {
    if (create) {
      static_cast<void>(Unwrap(lake::InitLake(fs_, clock_, random_, path)));
    }
    lake_ = Unwrap(lake::Lake::Open(fs_, clock_, random_, path));
  }

  std::string UploadPath(std::string path, lake::UploadRequest request) {
    request.source_path = std::move(path);
    lake::Uploads uploads(*lake_);
    return UploadInfoJson(Unwrap(uploads.Stage(request, progress_, {})));
  }

  std::string UploadRows(const std::shared_ptr<arrow::RecordBatchReader>& rows,
                         const lake::UploadRequest& request) {
    lake::Uploads uploads(*lake_);
    return UploadInfoJson(Unwrap(uploads.StageRows(request, *rows, progress_, {})));
  }

  std::string Process() {
    return ProcessReportJson(Unwrap(lake::ProcessUploads(*lake_, {}, progress_, {})));
  }

 private:
  io::LocalFileSystem fs_;
  SystemClock clock_;
  SystemRandom random_;
  NullProgress progress_;
  std::unique_ptr<lake::Lake> lake_;
};

}  // namespace
}  // namespace datalake::python
