#include <memory>
#include <string>
#include <utility>

#include <nanobind/stl/string.h>

#include "datalake/lake/download.h"

#include "bindings/arrow_stream.h"
#include "bindings/errors.h"
#include "bindings/python_lake.h"

namespace nb = nanobind;

namespace datalake::python {
namespace {

nb::dict ToDict(const lake::OutgoingReport& report) {
  nb::list missing;
  for (const lake::MissingFile& file : report.missing) {
    nb::dict entry;
    entry["row"] = file.row;
    entry["column"] = file.column;
    entry["hash"] = file.sha256;
    entry["path"] = file.path;
    entry["reason"] = file.reason;
    missing.append(entry);
  }
  nb::dict result;
  result["rows_in"] = report.rows_in;
  result["rows"] = report.rows_out;
  result["dropped_rows"] = report.dropped_rows;
  result["checked_files"] = report.checked_files;
  result["missing_files"] = report.missing_files;
  result["bad_pictures"] = report.bad_pictures;
  result["missing"] = missing;
  return result;
}

lake::OutgoingOptions ToOptions(const std::string& paths, const std::string& pictures,
                                const std::string& on_missing) {
  return {.paths = paths == "relative" ? lake::PathForm::kRelative : lake::PathForm::kAbsolute,
          .pictures = pictures == "bytes" ? lake::PictureForm::kBytes : lake::PictureForm::kLink,
          .on_missing = Unwrap(lake::ParseOnMissingFile(on_missing))};
}

// Rows on their way out, and what happened to them once they were read.
struct Outgoing {
  std::shared_ptr<lake::OutgoingReport> report;
  ArrowStream rows;
};

// What outgoing rows refer to: their report and the lake.
struct OutgoingOwner {
  std::shared_ptr<lake::OutgoingReport> report;
  PythonLake lake;
};

}  // namespace

void BindDownloads(nb::class_<PythonLake>& lake_class) {
  nb::class_<Outgoing>(lake_class, "Outgoing")
      .def("rows", [](Outgoing& self) { return std::move(self.rows); })
      .def("report", [](const Outgoing& self) { return ToDict(*self.report); });
  lake_class
      .def("open_path",
           [](PythonLake& self, const std::string& path) {
             return self.ToStream(Released([&] { return self.OpenPath(path); }));
           })
      .def("outgoing",
           [](PythonLake& self, nb::handle capsule, const std::string& paths,
              const std::string& pictures, const std::string& on_missing) {
             Rows rows = RowsOfCapsule(capsule);
             const lake::OutgoingOptions options = ToOptions(paths, pictures, on_missing);
             auto report = std::make_shared<lake::OutgoingReport>();
             rows = Released([&] {
               return Unwrap(lake::OutgoingRows(self.lake(), std::move(rows), options, *report));
             });
             auto owner = std::make_shared<OutgoingOwner>(OutgoingOwner{report, self});
             return Outgoing{report, ArrowStream(std::move(rows), std::move(owner))};
           })
      .def("download", [](PythonLake& self, nb::handle capsule, std::string output,
                          const std::string& format, const std::string& paths,
                          const std::string& pictures, const std::string& on_missing) {
        const Rows rows = RowsOfCapsule(capsule);
        const lake::DownloadOptions options{.output = std::move(output),
                                            .format = Unwrap(lake::ParseDownloadFormat(format)),
                                            .rows = ToOptions(paths, pictures, on_missing)};
        const lake::DownloadReport report = Released([&] {
          return Unwrap(lake::Download(self.lake(), rows, options, self.state().progress, {}));
        });
        nb::dict result = ToDict(report.rows);
        result["path"] = report.path;
        result["size_bytes"] = report.size_bytes;
        result["missing_list"] = report.missing_list;
        return result;
      });
}

}  // namespace datalake::python
