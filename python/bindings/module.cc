// The extension module datalake._core: a thin layer, the Python API is in python/datalake.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "bindings/arrow_stream.h"
#include "bindings/errors.h"
#include "bindings/lake.h"

namespace nb = nanobind;

NB_MODULE(_core, module) {
  module.attr("__version__") = DATALAKE_VERSION;
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const datalake::python::EngineError& failed) {
      const datalake::Error& error = failed.error();
      const std::string code(datalake::FactsOf(error.code).name);
      const nb::object raised =
          nb::module_::import_("datalake.errors").attr("from_code")(code, error.message);
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(raised.ptr())), raised.ptr());
    }
  });
  datalake::python::BindArrowStream(module);
  datalake::python::BindLake(module);
}
