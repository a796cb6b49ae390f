# Compiler, linker and warning settings shared by every target.
add_library(pgkeel_options INTERFACE)
target_compile_options(pgkeel_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror -fno-omit-frame-pointer)
target_include_directories(pgkeel_options INTERFACE
  ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)

# A guard reads bytes that others wrote: out-of-range access ends the process instead of going on.
target_compile_definitions(pgkeel_options INTERFACE _GLIBCXX_ASSERTIONS
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_compile_options(pgkeel_options INTERFACE -fstack-protector-strong)

# -O2 builds a third faster than CMake's -O3, and nothing here is a hot numeric loop.
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC misreads coroutine frames in the first two, and takes a designated initializer that leaves
  # the rest to its defaults for a mistake; clang keeps all three on.
  target_compile_options(pgkeel_options INTERFACE
    -Wno-maybe-uninitialized -Wno-mismatched-new-delete -Wno-missing-field-initializers)
endif()

if(PGKEEL_SANITIZE)
  target_compile_options(pgkeel_options INTERFACE
    -fsanitize=${PGKEEL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(pgkeel_options INTERFACE -fsanitize=${PGKEEL_SANITIZE})
endif()

if(PGKEEL_FUZZ)
  target_compile_options(pgkeel_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(PGKEEL_CCACHE ccache)
if(PGKEEL_CCACHE)
  # What ccache must overlook to keep files that use precompiled headers (its manual).
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${PGKEEL_CCACHE})
endif()

find_program(PGKEEL_LLD NAMES ld.lld-19 ld.lld)
if(PGKEEL_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_link_options(pgkeel_options INTERFACE -fuse-ld=lld)
endif()
