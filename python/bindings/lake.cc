#include "bindings/lake.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "datalake/format/hf_dataset.h"
#include "datalake/format/rows.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/process.h"
#include "datalake/lake/queries.h"
#include "datalake/lake/upload.h"

#include "bindings/arrow_stream.h"
#include "bindings/errors.h"
#include "bindings/python_lake.h"

namespace nb = nanobind;

namespace datalake::python {

LakeState::LakeState(const std::string& path, bool create) {
  if (create) {
    static_cast<void>(Unwrap(lake::InitLake(fs, clock, random, path)));
  }
  lake = Unwrap(lake::Lake::Open(fs, clock, random, path));
  queries = Unwrap(lake::Queries::Open(*lake));
}

Rows PythonLake::OpenPath(const std::string& path) {
  const auto splits = Unwrap(format::HfDatasetSplits(state_->fs, path));
  return splits.empty() ? Unwrap(format::OpenRows(state_->fs, path)).reader
                        : Unwrap(format::OpenHfSplits(state_->fs, path, splits));
}

nb::list SourceList(const std::vector<lake::TableVersion>& sources) {
  nb::list list;
  for (const lake::TableVersion& source : sources) {
    list.append(nb::make_tuple(lake::ToString(source.table), source.version));
  }
  return list;
}

namespace {

nb::dict ToPython(const lake::UploadInfo& info) {
  nb::dict result;
  result["id"] = info.id;
  result["provider"] = info.table.provider;
  result["dataset"] = info.table.dataset;
  result["task"] = info.table.task;
  result["variant"] = info.variant;
  result["rows"] = info.rows;
  result["problem_rows"] = info.problem_rows;
  result["known_assets"] = info.known_assets;
  nb::list bad_files;
  for (const lake::BadFile& file : info.bad_files) {
    nb::dict bad;
    bad["file"] = file.path;
    bad["problem"] = file.problem;
    bad_files.append(bad);
  }
  result["bad_files"] = bad_files;
  return result;
}

std::vector<query::SortKey> SortKeys(const Names& names) {
  std::vector<query::SortKey> keys;
  for (const std::string& name : names) {
    keys.push_back(Unwrap(query::ParseSortKey(name)));
  }
  return keys;
}

void BindReading(nb::class_<PythonLake>& lake_class) {
  lake_class
      .def(
          "search",
          [](PythonLake& self, Names providers, Names datasets, Names tasks, Names variants,
             std::string text_column, std::string text, std::string json_path, std::string where,
             Names columns, const Names& order_by, std::int64_t limit, std::int64_t offset,
             std::int64_t version) {
            lake::SearchRequest request{.providers = std::move(providers),
                                        .datasets = std::move(datasets),
                                        .tasks = std::move(tasks),
                                        .variants = std::move(variants)};
            if (!text_column.empty()) {
              request.filter.text = query::TextSearch{.column = std::move(text_column),
                                                      .text = std::move(text),
                                                      .json_path = std::move(json_path)};
            }
            request.filter.where = std::move(where);
            request.filter.columns = std::move(columns);
            request.filter.order_by = SortKeys(order_by);
            request.filter.limit = limit < 0 ? std::nullopt : std::optional(limit);
            request.filter.offset = offset;
            request.version = version < 0 ? std::nullopt : std::optional(version);
            lake::QueryAnswer answer =
                Released([&] { return Unwrap(self.state().queries->Search(request)); });
            return nb::make_tuple(self.ToStream(std::move(answer.rows)),
                                  lake::SearchRequestJson(request), SourceList(answer.sources));
          },
          nb::arg("providers"), nb::arg("datasets"), nb::arg("tasks"), nb::arg("variants"),
          nb::arg("text_column"), nb::arg("text"), nb::arg("json_path"), nb::arg("where"),
          nb::arg("columns"), nb::arg("order_by"), nb::arg("limit"), nb::arg("offset"),
          nb::arg("version"))
      .def("sql", [](PythonLake& self, const std::string& query) {
        lake::QueryAnswer answer =
            Released([&] { return Unwrap(self.state().queries->Sql(query)); });
        return self.ToStream(std::move(answer.rows));
      });
}

lake::UploadRequest MakeUploadRequest(std::string provider, std::string dataset, std::string task,
                                      std::string variant, Fields fields, std::string description,
                                      std::string original_source, std::string user,
                                      const std::string& on_bad_asset, bool overwrite) {
  return {.provider = std::move(provider),
          .dataset = std::move(dataset),
          .task = std::move(task),
          .variant = std::move(variant),
          .source_path = {},
          .fields = std::move(fields),
          .description = std::move(description),
          .original_source = std::move(original_source),
          .user = std::move(user),
          .on_bad_asset = Unwrap(lake::ParseOnBadAsset(on_bad_asset)),
          .overwrite = overwrite};
}

void BindUploads(nb::class_<PythonLake>& lake_class) {
  nb::class_<lake::UploadRequest>(lake_class, "UploadRequest")
      .def("__init__",
           [](lake::UploadRequest* made, std::string provider, std::string dataset,
              std::string task, std::string variant, Fields fields, std::string description,
              std::string original_source, std::string user, const std::string& on_bad_asset,
              bool overwrite) {
             new (made) lake::UploadRequest(MakeUploadRequest(
                 std::move(provider), std::move(dataset), std::move(task), std::move(variant),
                 std::move(fields), std::move(description), std::move(original_source),
                 std::move(user), on_bad_asset, overwrite));
           })
      .def("set_columns",
           [](lake::UploadRequest& request, std::vector<std::string> image_columns,
              std::vector<std::string> file_columns, const std::string& nested, bool strict_files) {
             request.image_columns = std::move(image_columns);
             request.file_columns = std::move(file_columns);
             request.nested = Unwrap(lake::ParseNestedValues(nested));
             request.strict_files = strict_files;
           })
      .def("set_derived",
           [](lake::UploadRequest& request, bool perceptual_hash, std::int32_t thumbnails) {
             request.derived = {.perceptual_hash = perceptual_hash, .thumbnail_side = thumbnails};
           });
  lake_class
      .def("upload_path",
           [](PythonLake& self, std::string path, lake::UploadRequest request) {
             request.source_path = std::move(path);
             return ToPython(Released([&] {
               return Unwrap(lake::Uploads(self.lake()).Stage(request, self.state().progress, {}));
             }));
           })
      .def("upload_rows",
           [](PythonLake& self, nb::handle capsule, const lake::UploadRequest& request) {
             const Rows rows = RowsOfCapsule(capsule);
             return ToPython(Released([&] {
               return Unwrap(
                   lake::Uploads(self.lake()).StageRows(request, *rows, self.state().progress, {}));
             }));
           })
      .def("process", [](PythonLake& self) {
        return Released([&] {
          return ProcessReportJson(
              Unwrap(lake::ProcessUploads(self.lake(), {}, self.state().progress, {})));
        });
      });
}

}  // namespace

void BindLake(nb::module_& module) {
  nb::class_<PythonLake> lake_class(module, "Lake");
  lake_class.def(nb::init<const std::string&, bool>(), nb::call_guard<nb::gil_scoped_release>());
  BindReading(lake_class);
  BindUploads(lake_class);
  BindCatalog(lake_class);
  BindCollections(lake_class);
  BindDownloads(lake_class);
  BindSchema(lake_class);
}

}  // namespace datalake::python
