# Compiler, warnings, sanitizers, ccache and linker for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1" CACHE STRING "flags of the Dev build type" FORCE)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1" CACHE STRING "flags of the Release build type" FORCE)
# AVX2 without AVX-512: the oldest machines we serve (x86-64-v3); wider kernels dispatch at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-march=x86-64-v3 -mtune=generic)
endif()

option(DATALAKE_BENCHMARKS "build benchmarks/" OFF)
option(DATALAKE_PYTHON_MODULE "build the Python package" OFF)
set(DATALAKE_SANITIZE "" CACHE STRING "sanitizers, as in -fsanitize=")
if(DATALAKE_SANITIZE)
  add_compile_options(-fsanitize=${DATALAKE_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DATALAKE_SANITIZE})
  if(DATALAKE_SANITIZE MATCHES "thread")
    add_compile_options(-Wno-tsan)  # Asio uses atomic_thread_fence, which g++ cannot instrument
  endif()
endif()

option(DATALAKE_FUZZ "link fuzz/ with libFuzzer, which needs clang" OFF)
if(DATALAKE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Relative paths in the cache key, so that clones of the project share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
                                  CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# What our own code is held to; libraries come in as SYSTEM includes and are spared.
add_library(datalake_warnings INTERFACE)
target_compile_options(datalake_warnings INTERFACE -Wall -Wextra -Wshadow -Werror)
