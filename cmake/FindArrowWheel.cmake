# Arrow C++ and Parquet: headers of the pinned pyarrow wheel, libraries = our copies with foreign symbols renamed
# (tools/privatize.py). Defines dl::arrow and dl::parquet; ARROW_WHEEL_DIR is the wheel's folder.
set(ARROW_LIB_DIR "${DATALAKE_DEPS_DIR}/arrow" CACHE PATH "privatised Arrow libraries")
file(GLOB _wheel "${DATALAKE_VENV_DIR}/lib/python3*/site-packages/pyarrow")
if(NOT _wheel)
  message(FATAL_ERROR "no pyarrow in ${DATALAKE_VENV_DIR}; run `make setup` first")
endif()
list(GET _wheel 0 ARROW_WHEEL_DIR)
file(STRINGS "${ARROW_WHEEL_DIR}/include/arrow/util/config.h" _so REGEX "define ARROW_SO_VERSION")
string(REGEX REPLACE ".*\"([0-9]+)\".*" "\\1" ARROW_SO_VERSION "${_so}")
foreach(_lib arrow parquet)
  set(_file "${ARROW_LIB_DIR}/libdl_${_lib}.so.${ARROW_SO_VERSION}")
  if(NOT EXISTS "${_file}")
    message(FATAL_ERROR "missing ${_file}; run `make setup` first")
  endif()
  add_library(dl::${_lib} SHARED IMPORTED GLOBAL)
  set_target_properties(dl::${_lib} PROPERTIES
    IMPORTED_LOCATION "${_file}"
    IMPORTED_SONAME "libdl_${_lib}.so.${ARROW_SO_VERSION}"
    INTERFACE_INCLUDE_DIRECTORIES "${ARROW_WHEEL_DIR}/include")
endforeach()
set_property(TARGET dl::parquet PROPERTY INTERFACE_LINK_LIBRARIES dl::arrow)
set(ArrowWheel_FOUND TRUE)
