# The headers nearly every file includes, compiled once: they are a third of the time of a build.
# Sources still include what they use: the rooms of the dev preset are built without.
# pgkeel_make_precompiled(): the headers; pgkeel_precompiled_for(TARGET rooms|tests): use them there.
set(PGKEEL_COMMON_HEADERS
  <algorithm> <array> <chrono> <cstddef> <cstdint> <expected> <filesystem> <functional> <map> <memory>
  <optional> <span> <string> <string_view> <utility> <variant> <vector> <fmt/format.h>)

function(pgkeel_make_precompiled)
  pgkeel_make_precompiled_of(rooms fmt::fmt)
  if(PGKEEL_TESTS)
    find_package(GTest REQUIRED)
    pgkeel_make_precompiled_of(tests fmt::fmt GTest::gtest GTest::gmock)
  endif()
  if(TARGET pgkeel_precompiled_tests)
    target_precompile_headers(pgkeel_precompiled_tests PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endfunction()

function(pgkeel_make_precompiled_of kind)
  if(NOT (PGKEEL_PRECOMPILE STREQUAL "all" OR PGKEEL_PRECOMPILE STREQUAL kind))
    return()
  endif()
  set(empty ${CMAKE_BINARY_DIR}/precompiled.cpp)
  file(CONFIGURE OUTPUT ${empty} CONTENT "// Only carries the precompiled headers.\n")
  add_library(pgkeel_precompiled_${kind} OBJECT ${empty})
  target_link_libraries(pgkeel_precompiled_${kind} PRIVATE pgkeel_options ${ARGN})
  target_precompile_headers(pgkeel_precompiled_${kind} PRIVATE ${PGKEEL_COMMON_HEADERS})
endfunction()

function(pgkeel_precompiled_for target kind)
  if(TARGET pgkeel_precompiled_${kind})
    target_precompile_headers(${target} REUSE_FROM pgkeel_precompiled_${kind})
  endif()
endfunction()
