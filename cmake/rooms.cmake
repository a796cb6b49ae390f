# pgkeel_rooms(OUT): the rooms of tools/layers.txt, lowest floor first.
# pgkeel_room(NAME SOURCES ... USES ROOMS ... LIBRARIES ...): a static library per room.
# pgkeel_test(KIND ROOM SOURCES ... USES ROOMS ... LIBRARIES ...): the tests of a room, one binary
# per kind: unit_base, integration_client. The target all_KIND builds every binary of a kind.

function(pgkeel_rooms out)
  set(layers ${CMAKE_SOURCE_DIR}/tools/layers.txt)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${layers})
  file(STRINGS ${layers} floors REGEX "^[0-9]+ ")
  list(SORT floors COMPARE NATURAL)
  set(rooms "")
  foreach(floor IN LISTS floors)
    string(REGEX REPLACE "^[0-9]+ +" "" names "${floor}")
    separate_arguments(names)
    list(APPEND rooms ${names})
  endforeach()
  set(${out} ${rooms} PARENT_SCOPE)
endfunction()

function(pgkeel_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(pgkeel_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(pgkeel_${name} PUBLIC pgkeel_options fmt::fmt)
  foreach(used IN LISTS ROOM_USES)
    target_link_libraries(pgkeel_${name} PUBLIC pgkeel_${used})
  endforeach()
  target_link_libraries(pgkeel_${name} PRIVATE ${ROOM_LIBRARIES})
endfunction()

# Limits, in seconds, after which a hung test binary is ended and counted as failed. Far above what
# a healthy run takes (the whole unit suite is under ten), because sanitizers and a busy machine slow it.
set(PGKEEL_TIMEOUT_unit 120)
set(PGKEEL_TIMEOUT_integration 600)
set(PGKEEL_TIMEOUT_chaos 900)

function(pgkeel_test kind room)
  cmake_parse_arguments(TEST "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  set(target ${kind}_${room})
  add_executable(${target} ${TEST_SOURCES})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/test)
  target_link_libraries(${target} PRIVATE pgkeel_options ${TEST_LIBRARIES}
    GTest::gtest GTest::gmock GTest::gtest_main)
  foreach(used IN LISTS TEST_USES)
    target_link_libraries(${target} PRIVATE pgkeel_${used})
  endforeach()
  if(NOT TARGET all_${kind})
    add_custom_target(all_${kind})
  endif()
  add_dependencies(all_${kind} ${target})
  add_test(NAME ${target} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${target} PROPERTIES LABELS ${kind} TIMEOUT ${PGKEEL_TIMEOUT_${kind}})
endfunction()
