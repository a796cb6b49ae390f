# Compiler, linker and warning settings shared by every target.
add_library(pgkeel_options INTERFACE)
target_compile_options(pgkeel_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror -fno-omit-frame-pointer)
target_include_directories(pgkeel_options INTERFACE
  ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC misreads coroutine frames in these two; clang keeps them on.
  target_compile_options(pgkeel_options INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
endif()

if(PGKEEL_SANITIZE)
  target_compile_options(pgkeel_options INTERFACE
    -fsanitize=${PGKEEL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(pgkeel_options INTERFACE -fsanitize=${PGKEEL_SANITIZE})
endif()

find_program(PGKEEL_CCACHE ccache)
if(PGKEEL_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PGKEEL_CCACHE})
endif()

find_program(PGKEEL_LLD NAMES ld.lld-19 ld.lld)
if(PGKEEL_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_link_options(pgkeel_options INTERFACE -fuse-ld=lld)
endif()
