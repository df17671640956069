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

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/base/random.h"
#include "datalake/format/rows.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/process.h"
#include "datalake/lake/queries.h"
#include "datalake/lake/upload.h"

#include "bindings/arrow_stream.h"
#include "bindings/errors.h"

namespace nb = nanobind;

namespace datalake::python {
namespace {

using Fields = std::map<std::string, std::string>;
using Names = std::vector<std::string>;
using Rows = std::shared_ptr<arrow::RecordBatchReader>;

// A lake with everything it needs to live in this process; readers share it, so it lives as long as
// the last of them.
struct LakeState {
  LakeState(const std::string& path, bool create) {
    if (create) {
      static_cast<void>(Unwrap(lake::InitLake(fs, clock, random, path)));
    }
    lake = Unwrap(lake::Lake::Open(fs, clock, random, path));
    queries = Unwrap(lake::Queries::Open(*lake));
  }

  io::LocalFileSystem fs;
  SystemClock clock;
  SystemRandom random;
  NullProgress progress;
  std::unique_ptr<lake::Lake> lake;
  std::unique_ptr<lake::Queries> queries;
};

// Thread-safe, as the engine's parts are.
class PythonLake {
 public:
  PythonLake(const std::string& path, bool create)
      : state_(std::make_shared<LakeState>(path, create)) {}

  ArrowStream Search(const lake::SearchRequest& request) {
    return ArrowStream(Unwrap(state_->queries->Search(request)).rows, state_);
  }

  ArrowStream Sql(const std::string& query) {
    return ArrowStream(Unwrap(state_->queries->Sql(query)).rows, state_);
  }

  lake::UploadInfo UploadPath(const lake::UploadRequest& request) {
    return Unwrap(lake::Uploads(*state_->lake).Stage(request, state_->progress, {}));
  }

  lake::UploadInfo UploadRows(const Rows& rows, const lake::UploadRequest& request) {
    return Unwrap(lake::Uploads(*state_->lake).StageRows(request, *rows, state_->progress, {}));
  }

  std::string Process() {
    return ProcessReportJson(Unwrap(lake::ProcessUploads(*state_->lake, {}, state_->progress, {})));
  }

  Rows OpenPath(const std::string& path) {
    return Unwrap(format::OpenRows(state_->fs, path)).reader;
  }

  lake::CollectionInfo SaveCollection(const Rows& rows,
                                      const lake::SaveCollectionRequest& request) {
    return Unwrap(lake::Collections(*state_->lake).Save(*rows, request));
  }

  lake::CollectionInfo FindCollection(const std::string& name, const std::string& version) {
    return Unwrap(lake::Collections(*state_->lake).Find(name, version));
  }

  std::vector<lake::CollectionVersions> ListCollections() {
    return Unwrap(lake::Collections(*state_->lake).List());
  }

  std::string DeleteCollection(const std::string& name, const std::string& version) {
    return Unwrap(lake::Collections(*state_->lake).Delete(name, version));
  }

  ArrowStream ReadCollection(const std::string& name, const std::string& version) {
    return ArrowStream(Unwrap(lake::Collections(*state_->lake).Open(name, version)), state_);
  }

 private:
  std::shared_ptr<LakeState> state_;
};

// Runs `work` without the GIL: other Python threads go on meanwhile.
template <typename Work>
auto Released(Work work) {
  const nb::gil_scoped_release release;
  return work();
}

nb::dict ToPython(const lake::UploadInfo& info) {
  nb::dict result;
  result["id"] = info.id;
  result["provider"] = info.table.provider;
  result["dataset"] = info.table.dataset;
  result["task"] = info.table.task;
  result["variant"] = info.variant;
  result["rows"] = info.rows;
  result["problem_rows"] = info.problem_rows;
  return result;
}

nb::dict ToPython(const lake::CollectionInfo& info) {
  nb::dict result;
  result["name"] = info.name;
  result["version"] = info.version;
  result["description"] = info.description;
  result["created_at"] = FormatTimestamp(info.created_at);
  result["created_by"] = info.created_by;
  result["num_samples"] = info.num_samples;
  result["content_sha256"] = info.content_sha256;
  result["path"] = info.path;
  return result;
}

nb::list ToPython(const std::vector<lake::CollectionVersions>& collections) {
  nb::list result;
  for (const lake::CollectionVersions& collection : collections) {
    nb::list versions;
    for (const lake::CollectionInfo& info : collection.versions) {
      versions.append(ToPython(info));
    }
    nb::dict entry;
    entry["name"] = collection.name;
    entry["num_versions"] = collection.versions.size();
    entry["versions"] = versions;
    result.append(entry);
  }
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
             Names columns, const Names& order_by, std::int64_t limit, std::int64_t offset) {
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
            return Released([&] { return self.Search(request); });
          },
          nb::arg("providers"), nb::arg("datasets"), nb::arg("tasks"), nb::arg("variants"),
          nb::arg("text_column"), nb::arg("text"), nb::arg("json_path"), nb::arg("where"),
          nb::arg("columns"), nb::arg("order_by"), nb::arg("limit"), nb::arg("offset"))
      .def("sql", [](PythonLake& self, const std::string& query) {
        return Released([&] { return self.Sql(query); });
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
      .def("__init__", [](lake::UploadRequest* made, std::string provider, std::string dataset,
                          std::string task, std::string variant, Fields fields,
                          std::string description, std::string original_source, std::string user,
                          const std::string& on_bad_asset, bool overwrite) {
        new (made) lake::UploadRequest(MakeUploadRequest(
            std::move(provider), std::move(dataset), std::move(task), std::move(variant),
            std::move(fields), std::move(description), std::move(original_source), std::move(user),
            on_bad_asset, overwrite));
      });
  lake_class
      .def("upload_path",
           [](PythonLake& self, std::string path, lake::UploadRequest request) {
             request.source_path = std::move(path);
             return ToPython(Released([&] { return self.UploadPath(request); }));
           })
      .def("upload_rows",
           [](PythonLake& self, nb::handle capsule, const lake::UploadRequest& request) {
             const Rows rows = RowsOfCapsule(capsule);
             return ToPython(Released([&] { return self.UploadRows(rows, request); }));
           })
      .def("process", [](PythonLake& self) { return Released([&] { return self.Process(); }); });
}

void BindCollections(nb::class_<PythonLake>& lake_class) {
  lake_class
      .def("save_collection_path",
           [](PythonLake& self, const std::string& path, std::string name, std::string version,
              std::string description, std::string user) {
             const lake::SaveCollectionRequest request{.name = std::move(name),
                                                       .version = std::move(version),
                                                       .description = std::move(description),
                                                       .created_by = std::move(user),
                                                       .source = {.kind = "import", .query = path}};
             return ToPython(
                 Released([&] { return self.SaveCollection(self.OpenPath(path), request); }));
           })
      .def("save_collection_rows",
           [](PythonLake& self, nb::handle capsule, std::string name, std::string version,
              std::string description, std::string user) {
             const lake::SaveCollectionRequest request{.name = std::move(name),
                                                       .version = std::move(version),
                                                       .description = std::move(description),
                                                       .created_by = std::move(user),
                                                       .source = {.kind = "rows"}};
             const Rows rows = RowsOfCapsule(capsule);
             return ToPython(Released([&] { return self.SaveCollection(rows, request); }));
           })
      .def("collection",
           [](PythonLake& self, const std::string& name, const std::string& version) {
             return ToPython(Released([&] { return self.FindCollection(name, version); }));
           })
      .def("list_collections",
           [](PythonLake& self) {
             return ToPython(Released([&] { return self.ListCollections(); }));
           })
      .def("delete_collection",
           [](PythonLake& self, const std::string& name, const std::string& version) {
             return Released([&] { return self.DeleteCollection(name, version); });
           })
      .def("read_collection",
           [](PythonLake& self, const std::string& name, const std::string& version) {
             return Released([&] { return self.ReadCollection(name, version); });
           });
}

}  // namespace

void BindLake(nb::module_& module) {
  nb::class_<PythonLake> lake_class(module, "Lake");
  lake_class.def(nb::init<const std::string&, bool>(), nb::call_guard<nb::gil_scoped_release>());
  BindReading(lake_class);
  BindUploads(lake_class);
  BindCollections(lake_class);
}

}  // namespace datalake::python
