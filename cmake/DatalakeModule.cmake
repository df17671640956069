# datalake_module(NAME n SOURCES ... DEPS ...): the library datalake_<n> of one folder of src/datalake.
#   DEPS may be names of other modules (base, io, ...) or any CMake target.
# datalake_test(NAME n SOURCES ... DEPS ...): a GoogleTest program, one ctest entry a test case.
# datalake_benchmark(NAME n SOURCES ... DEPS ...): a program of benchmarks/.
function(_datalake_link target scope)
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "^[a-z]+$")
      target_link_libraries(${target} ${scope} datalake_${dep})
    else()
      target_link_libraries(${target} ${scope} ${dep})
    endif()
  endforeach()
endfunction()

function(datalake_module)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS;PRIVATE" ${ARGN})
  add_library(datalake_${ARG_NAME} STATIC ${ARG_SOURCES})
  target_include_directories(datalake_${ARG_NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  _datalake_link(datalake_${ARG_NAME} PUBLIC ${ARG_DEPS})
  _datalake_link(datalake_${ARG_NAME} PRIVATE ${ARG_PRIVATE} datalake_warnings)
endfunction()

function(datalake_test)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(${ARG_NAME} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                               ${CMAKE_BINARY_DIR}/tests)
  _datalake_link(${ARG_NAME} PRIVATE ${ARG_DEPS} testing datalake_warnings GTest::gmock_main)
  add_dependencies(datalake_tests ${ARG_NAME})
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} --gtest_color=no)
  set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT 300 ENVIRONMENT
    "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp;LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/lsan.supp")
endfunction()

function(datalake_benchmark)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(${ARG_NAME} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                               ${CMAKE_BINARY_DIR}/benchmarks)
  add_dependencies(datalake_benchmarks ${ARG_NAME})
  _datalake_link(${ARG_NAME} PRIVATE ${ARG_DEPS} datalake_warnings)
endfunction()

add_custom_target(datalake_tests)  # everything that ctest runs: ninja datalake_tests
add_custom_target(datalake_benchmarks)  # every program of benchmarks/
