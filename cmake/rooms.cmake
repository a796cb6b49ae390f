# pgkeel_room(NAME SOURCES ... USES ROOMS ... LIBRARIES ...): a static library per room.
# pgkeel_test(ROOM SOURCES ... LIBRARIES ...): unit tests of a room, gathered in one binary per kind.
function(pgkeel_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(pgkeel_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(pgkeel_${name} PUBLIC pgkeel_options fmt::fmt)
  foreach(used IN LISTS ROOM_USES)
    target_link_libraries(pgkeel_${name} PUBLIC pgkeel_${used})
  endforeach()
  target_link_libraries(pgkeel_${name} PRIVATE ${ROOM_LIBRARIES})
endfunction()

# One GoogleTest binary per room and kind: unit_base, integration_client, ...
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
  add_test(NAME ${target} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${target} PROPERTIES LABELS ${kind})
endfunction()
