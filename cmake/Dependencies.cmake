# Third-party libraries. Debian's packages by find_package or pkg-config; Arrow, DuckDB and simdjson from .deps
# (made by `make setup`). Only the module named beside a target may link it.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)                                         # fmt::fmt
find_package(spdlog REQUIRED)                                      # base
find_package(OpenSSL REQUIRED)                                     # base (SHA-256), server (TLS)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)        # server (tokens)
find_package(nlohmann_json REQUIRED)                               # json, and .cc files that read configs
find_package(yaml-cpp REQUIRED)                                    # lake, apps
find_package(CLI11 REQUIRED)                                       # apps
find_package(GTest REQUIRED)
find_package(Boost 1.81 REQUIRED)                                  # server (headers: Asio, Beast)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)   # format (tar)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)          # io (S3)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)  # picture
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)             # picture
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp)           # picture
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)           # io, base (CRC-32C)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)           # io
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)     # io
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)       # base
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)                # json (JSONPath), curate
find_library(JQ_LIBRARY jq REQUIRED)
find_path(JQ_INCLUDE_DIR jq.h REQUIRED)

# CLD2; only curate links it. libcld2 has small tables of its own. Those of libcld2_full, the ones that pycld2 has,
# come before it in the order of libraries and so stand for them, although nothing else of it is used.
find_path(CLD2_INCLUDE_DIR cld2/public/compact_lang_det.h REQUIRED)
find_library(CLD2_LIBRARY cld2 REQUIRED)
find_library(CLD2_FULL_LIBRARY cld2_full REQUIRED)
add_library(dl::cld2 INTERFACE IMPORTED GLOBAL)
set_target_properties(dl::cld2 PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${CLD2_INCLUDE_DIR}"
  INTERFACE_LINK_LIBRARIES
    "-Wl,--push-state,--no-as-needed,${CLD2_FULL_LIBRARY},${CLD2_LIBRARY},--pop-state")

set(DATALAKE_DEPS_DIR "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "what make setup fetched")
set(DATALAKE_VENV_DIR "${CMAKE_SOURCE_DIR}/.venv" CACHE PATH "the Python environment of make setup")
get_filename_component(DATALAKE_DEPS_DIR "${DATALAKE_DEPS_DIR}" REALPATH)
get_filename_component(DATALAKE_VENV_DIR "${DATALAKE_VENV_DIR}" REALPATH)
foreach(_file duckdb/libduckdb.so duckdb/duckdb.h simdjson/simdjson.cpp)
  if(NOT EXISTS "${DATALAKE_DEPS_DIR}/${_file}")
    message(FATAL_ERROR "missing ${DATALAKE_DEPS_DIR}/${_file}; run `make setup` first")
  endif()
endforeach()
find_package(ArrowWheel REQUIRED)                                  # dl::arrow, dl::parquet

# libjq has no pkg-config file; only json links it.
add_library(dl::jq SHARED IMPORTED GLOBAL)
set_target_properties(dl::jq PROPERTIES
  IMPORTED_LOCATION "${JQ_LIBRARY}"
  INTERFACE_INCLUDE_DIRECTORIES "${JQ_INCLUDE_DIR}")

# DuckDB's C library; only query links it. Its SONAME is libduckdb.so.
add_library(dl::duckdb SHARED IMPORTED GLOBAL)
set_target_properties(dl::duckdb PROPERTIES
  IMPORTED_LOCATION "${DATALAKE_DEPS_DIR}/duckdb/libduckdb.so"
  IMPORTED_SONAME "libduckdb.so"
  INTERFACE_INCLUDE_DIRECTORIES "${DATALAKE_DEPS_DIR}/duckdb")

# simdjson, compiled by us in a namespace of its own: Arrow's libparquet carries another one.
add_library(dl_simdjson STATIC "${DATALAKE_DEPS_DIR}/simdjson/simdjson.cpp")
target_include_directories(dl_simdjson SYSTEM PUBLIC "${DATALAKE_DEPS_DIR}/simdjson")
target_compile_definitions(dl_simdjson PUBLIC simdjson=dl_simdjson SIMDJSON_EXCEPTIONS=0)
target_compile_options(dl_simdjson PRIVATE -O2 -w)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # Every x86-64-v3 machine has it; without it the header falls back to its scalar implementation.
  target_compile_options(dl_simdjson PUBLIC -mpclmul)
endif()
