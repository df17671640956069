#include "datalake/lake/collections.h"

#include <string>
#include <utility>
#include <vector>

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/arrow_stream.h"
#include "bindings/errors.h"
#include "bindings/python_lake.h"

namespace nb = nanobind;

namespace datalake::python {
namespace {

using Inputs = std::vector<std::pair<std::string, std::int64_t>>;

nb::dict ToDict(const lake::CollectionInfo& info) {
  nb::dict splits;
  for (const lake::CollectionSplit& split : info.splits) {
    splits[split.name.c_str()] = split.num_samples;
  }
  nb::dict source;
  source["kind"] = info.source.kind;
  source["query"] = info.source.query;
  source["inputs"] = SourceList(info.source.inputs);
  nb::dict result;
  result["name"] = info.name;
  result["version"] = info.version;
  result["description"] = info.description;
  result["created_at"] = FormatTimestamp(info.created_at);
  result["created_by"] = info.created_by;
  result["num_samples"] = info.num_samples;
  result["size_bytes"] = info.size_bytes;
  result["content_sha256"] = info.content_sha256;
  result["source"] = source;
  result["splits"] = splits;
  result["split_key"] = info.split_key;
  result["path"] = info.path;
  return result;
}

nb::dict ToDict(const lake::CollectionVersions& collection) {
  nb::list versions;
  for (const lake::CollectionInfo& info : collection.versions) {
    versions.append(ToDict(info));
  }
  nb::dict entry;
  entry["name"] = collection.name;
  entry["num_versions"] = collection.versions.size();
  entry["versions"] = versions;
  entry["problems"] = nb::cast(collection.problems);
  return entry;
}

// "provider/dataset/task" and version, as SourceList gave them.
std::vector<lake::TableVersion> ToVersions(const Inputs& inputs) {
  std::vector<lake::TableVersion> versions;
  for (const auto& [text, version] : inputs) {
    const std::size_t first = text.find('/');
    const std::size_t last = text.rfind('/');
    if (first == std::string::npos || first == last) {
      throw EngineError(
          {ErrorCode::kInvalidArgument, "not a table, provider/dataset/task: " + text});
    }
    versions.push_back({.table = {.provider = text.substr(0, first),
                                  .dataset = text.substr(first + 1, last - first - 1),
                                  .task = text.substr(last + 1)},
                        .version = version});
  }
  return versions;
}

}  // namespace

void BindCollections(nb::class_<PythonLake>& lake_class) {
  nb::class_<lake::SaveCollectionRequest>(lake_class, "SaveRequest")
      .def("__init__", [](lake::SaveCollectionRequest* made, std::string name, std::string version,
                          std::string description, std::string user, std::string kind,
                          std::string query, const Inputs& inputs, const std::string& splits,
                          const std::string& split_key) {
        new (made)
            lake::SaveCollectionRequest{.name = std::move(name),
                                        .version = std::move(version),
                                        .description = std::move(description),
                                        .created_by = std::move(user),
                                        .source = {.kind = std::move(kind),
                                                   .query = std::move(query),
                                                   .inputs = ToVersions(inputs)},
                                        .splits = Unwrap(lake::ParseSplitPlan(splits, split_key))};
      });
  lake_class
      .def("save_collection_path",
           [](PythonLake& self, const std::string& path,
              const lake::SaveCollectionRequest& request) {
             return ToDict(Released([&] {
               return Unwrap(lake::Collections(self.lake()).Save(*self.OpenPath(path), request));
             }));
           })
      .def("save_collection_rows",
           [](PythonLake& self, nb::handle capsule, const lake::SaveCollectionRequest& request) {
             const Rows rows = RowsOfCapsule(capsule);
             return ToDict(Released(
                 [&] { return Unwrap(lake::Collections(self.lake()).Save(*rows, request)); }));
           })
      .def("collection",
           [](PythonLake& self, const std::string& name, const std::string& version) {
             return ToDict(Released(
                 [&] { return Unwrap(lake::Collections(self.lake()).Find(name, version)); }));
           })
      .def("collection_versions",
           [](PythonLake& self, const std::string& name) {
             return ToDict(
                 Released([&] { return Unwrap(lake::Collections(self.lake()).Versions(name)); }));
           })
      .def("list_collections",
           [](PythonLake& self) {
             nb::list list;
             for (const lake::CollectionVersions& found :
                  Released([&] { return Unwrap(lake::Collections(self.lake()).List()); })) {
               list.append(ToDict(found));
             }
             return list;
           })
      .def("delete_collection",
           [](PythonLake& self, const std::string& name, const std::string& version) {
             return Released(
                 [&] { return Unwrap(lake::Collections(self.lake()).Delete(name, version)); });
           })
      .def("read_collection", [](PythonLake& self, const std::string& name,
                                 const std::string& version, const std::string& split) {
        return self.ToStream(Released(
            [&] { return Unwrap(lake::Collections(self.lake()).Open(name, version, split)); }));
      });
}

}  // namespace datalake::python
