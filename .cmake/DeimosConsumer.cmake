# Tests that use deimos as others do: installed, and as a subproject.
set(consumer_test "${CMAKE_COMMAND}" -D "SOURCE=${PROJECT_SOURCE_DIR}" -D "BUILD=${PROJECT_BINARY_DIR}"
  -D "CONFIG=$<CONFIG>" -D "COMPILER=${CMAKE_CXX_COMPILER}" -D "LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}"
  -D "SANITIZE=${DEIMOS_SANITIZE}")
set(consumer_script -P "${PROJECT_SOURCE_DIR}/.cmake/consumer_test.cmake")
if(DEIMOS_INSTALL AND DEIMOS_TESTKIT)
  add_test(NAME consumer.package
    COMMAND ${consumer_test} -D HOW=package -D "WORK=${PROJECT_BINARY_DIR}/consumer/package" ${consumer_script})
  set_tests_properties(consumer.package PROPERTIES LABELS consumer TIMEOUT 300)
endif()
# Once is enough: it compiles all libraries.
if(DEIMOS_INSTALL AND DEIMOS_TESTKIT AND CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT "thread" IN_LIST DEIMOS_SANITIZE)
  add_test(NAME consumer.shared
    COMMAND ${consumer_test} -D HOW=shared -D "WORK=${PROJECT_BINARY_DIR}/consumer/shared" ${consumer_script})
  set_tests_properties(consumer.shared PROPERTIES LABELS consumer TIMEOUT 900)
endif()
# Configured only: building it would compile all libraries a second time.
add_test(NAME consumer.subdirectory
  COMMAND ${consumer_test} -D HOW=subdirectory -D "WORK=${PROJECT_BINARY_DIR}/consumer/subdirectory" ${consumer_script})
set_tests_properties(consumer.subdirectory PROPERTIES LABELS consumer TIMEOUT 300)
