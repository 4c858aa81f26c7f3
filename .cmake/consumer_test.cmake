# cmake -D HOW=package|subdirectory -D BUILD=.. -D SOURCE=.. -D WORK=.. -D CONFIG=.. -D COMPILER=.. -P consumer_test.cmake
# Does what a user of deimos does: installs the tree that was built (or adds its sources), configures examples/consumer
# against it, builds and runs it. The sources are only configured: that the targets are
# there and bring nothing along (tests, programs) that a subproject should not.
cmake_minimum_required(VERSION 3.24)

function(run)
  string(JOIN " " line ${ARGN})
  message(STATUS "${line}")
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${line}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK}")
set(configure "${CMAKE_COMMAND}" -S "${SOURCE}/examples/consumer" -B "${WORK}/build" -G Ninja
  "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
if(HOW STREQUAL "package")
  run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix" --config "${CONFIG}")
  list(APPEND configure "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
  # A component whose own dependency is missing is refused, and both are named.
  execute_process(COMMAND ${configure} -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
  if(status EQUAL 0 OR NOT errors MATCHES "component 'testkit' needs Boost")
    message(FATAL_ERROR "without Boost the package should refuse the testkit, but said (${status}): ${errors}")
  endif()
  file(REMOVE_RECURSE "${WORK}/build")
else()
  list(APPEND configure "-DDEIMOS_SOURCE=${SOURCE}")
endif()
run(${configure})

if(HOW STREQUAL "subdirectory")
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK}/build" --target help OUTPUT_VARIABLE targets COMMAND_ERROR_IS_FATAL ANY)
  if(NOT targets MATCHES "deimos_testkit" OR targets MATCHES "deimos-fake|gtest_main|_test:|demo")
    message(FATAL_ERROR "a subproject should have the libraries and nothing else:\n${targets}")
  endif()
  return()
endif()
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${WORK}/build/consumer")
