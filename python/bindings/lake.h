#pragma once

#include <nanobind/nanobind.h>

namespace datalake::python {

/// Adds class Lake to the module. Every call releases the GIL while the engine works.
void BindLake(nanobind::module_& module);

}  // namespace datalake::python
