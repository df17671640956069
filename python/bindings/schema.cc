#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "datalake/lake/schema_registry.h"

#include "bindings/errors.h"
#include "bindings/python_lake.h"

namespace nb = nanobind;

namespace datalake::python {

void BindSchema(nb::class_<PythonLake>& lake_class) {
  lake_class
      .def("schema",
           [](PythonLake& self) {
             const lake::SchemaConfig config =
                 Released([&] { return Unwrap(self.lake().schema().Load()); });
             nb::dict providers;
             for (const lake::ProviderInfo& provider : config.providers) {
               nb::dict entry;
               entry["description"] = provider.description;
               providers[provider.name.c_str()] = entry;
             }
             nb::dict tasks;
             for (const lake::TaskInfo& task : config.tasks) {
               nb::dict entry;
               entry["description"] = task.description;
               entry["required_fields"] = nb::cast(task.required_fields);
               entry["allowed_values"] = nb::cast(task.allowed_values);
               tasks[task.name.c_str()] = entry;
             }
             nb::dict result;
             result["providers"] = providers;
             result["tasks"] = tasks;
             return result;
           })
      .def("check_fields",
           [](PythonLake& self, const std::string& task, const Fields& fields) {
             Released([&] { Unwrap(self.lake().schema().CheckFields(task, fields)); });
           })
      .def("add_provider",
           [](PythonLake& self, std::string name, std::string description) {
             Released([&] {
               Unwrap(self.lake().schema().AddProvider({std::move(name), std::move(description)}));
             });
           })
      .def("remove_provider",
           [](PythonLake& self, const std::string& name) {
             Released([&] { Unwrap(self.lake().schema().RemoveProvider(name)); });
           })
      .def("add_task",
           [](PythonLake& self, std::string name, std::string description,
              std::vector<std::string> required_fields,
              std::map<std::string, std::vector<std::string>> allowed_values) {
             Released([&] {
               Unwrap(self.lake().schema().AddTask({std::move(name), std::move(description),
                                                    std::move(required_fields),
                                                    std::move(allowed_values)}));
             });
           })
      .def("remove_task", [](PythonLake& self, const std::string& name) {
        Released([&] { Unwrap(self.lake().schema().RemoveTask(name)); });
      });
}

}  // namespace datalake::python
