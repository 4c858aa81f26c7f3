# cmake -D HOW=package|shared|subdirectory -D BUILD=.. -D SOURCE=.. -D WORK=.. -D CONFIG=.. -D COMPILER=.. [-D SANITIZE=..]
#   -P consumer_test.cmake
# Does what a user of deimos does with examples/project: installs the tree that was built (package), or one of shared
# libraries (shared), builds the project against it and runs its tests. As a subdirectory it is only configured, since
# building would compile all libraries once more: the targets are there and bring nothing along (tests, programs).
cmake_minimum_required(VERSION 3.24)

function(run)
  string(JOIN " " line ${ARGN})
  message(STATUS "${line}")
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${line}")
  endif()
endfunction()

set(project "${SOURCE}/examples/project")
set(common -G Ninja "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
set(configure "${CMAKE_COMMAND}" -S "${project}" -B "${WORK}/build" ${common} "-DCMAKE_PREFIX_PATH=${WORK}/prefix")

# A component whose own dependency is missing is refused, and both are named.
function(expect_boost_to_be_missed)
  execute_process(COMMAND ${configure} -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
  if(status EQUAL 0 OR NOT errors MATCHES "component 'testkit' needs Boost")
    message(FATAL_ERROR "without Boost the package should refuse the testkit, but said (${status}): ${errors}")
  endif()
  file(REMOVE_RECURSE "${WORK}/build")
endfunction()

function(build_with_pkg_config)
  file(GLOB_RECURSE found "${WORK}/prefix/*/deimos-testkit.pc")
  cmake_path(GET found PARENT_PATH folder)
  set(ENV{PKG_CONFIG_PATH} "${folder}")
  execute_process(COMMAND pkg-config --cflags --libs deimos-testkit gtest_main OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  cmake_path(GET folder PARENT_PATH libraries)
  run("${COMPILER}" -std=c++20 "${project}/report.cc" "${project}/report_test.cc" -o "${WORK}/pkg_config_test" ${flags}
    "-Wl,-rpath,${libraries}")
  run("${WORK}/pkg_config_test")
endfunction()

# The component redis, where it was built: refused without hiredis, else linked and run.
function(build_with_redis)
  file(GLOB_RECURSE installed "${WORK}/prefix/*/deimos_redis.cmake")
  if(NOT installed)
    return()
  endif()
  file(WRITE "${WORK}/redis/main.cc" [[
#include <iostream>
#include <deimos/lock_manager.h>
#include <deimos/redis_backend.h>
int main() {
  const auto store = std::make_shared<deimos::RedisBackend>(deimos::RedisOptions{.addresses = {"rediss://localhost"}});
  deimos::LockManager locks(store, store->runtime());
  const auto hold = locks.mutex("reports").acquire();
  if (!hold) std::cout << hold.error().describe() << std::endl;
  return !hold && hold.error().code == deimos::errc::invalid_argument ? 0 : 1;
}
]])
  file(WRITE "${WORK}/redis/CMakeLists.txt" [[
cmake_minimum_required(VERSION 3.24)
project(with_redis LANGUAGES CXX)
find_package(deimos 0.1 REQUIRED COMPONENTS redis)
add_executable(with_redis main.cc)
target_link_libraries(with_redis PRIVATE deimos::redis)
]])
  set(configure "${CMAKE_COMMAND}" -S "${WORK}/redis" -B "${WORK}/redis/build" ${common} "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
  execute_process(COMMAND ${configure} -DCMAKE_DISABLE_FIND_PACKAGE_hiredis=ON RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
  if(status EQUAL 0 OR NOT errors MATCHES "component 'redis' needs hiredis")
    message(FATAL_ERROR "without hiredis the package should refuse redis, but said (${status}): ${errors}")
  endif()
  file(REMOVE_RECURSE "${WORK}/redis/build")
  run(${configure})
  run("${CMAKE_COMMAND}" --build "${WORK}/redis/build")
  run("${WORK}/redis/build/with_redis")
endfunction()

function(expect_libraries_alone)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK}/build" --target help OUTPUT_VARIABLE targets COMMAND_ERROR_IS_FATAL ANY)
  if(NOT targets MATCHES "deimos_testkit" OR targets MATCHES "deimos-fake|unit_test|property_test|readme_|demo")
    message(FATAL_ERROR "a subproject should have the libraries and nothing else:\n${targets}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK}/build" "${WORK}/prefix" "${WORK}/redis")
if(HOW STREQUAL "subdirectory")
  run(${configure} "-DDEIMOS_SOURCE=${SOURCE}")
  expect_libraries_alone()
  return()
endif()
if(HOW STREQUAL "shared")
  # Each source alone, as it is built for users: joined ones (DEIMOS_JOIN_SOURCES) would hide a missing include.
  run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/libraries" ${common} -DBUILD_SHARED_LIBS=ON -DDEIMOS_TESTS=OFF
    -DCMAKE_CXX_FLAGS_DEBUG=-O0
    -DDEIMOS_PROGRAMS=OFF -DDEIMOS_EXAMPLES=OFF)
  run("${CMAKE_COMMAND}" --build "${WORK}/libraries")
  set(BUILD "${WORK}/libraries")
endif()
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix" --config "${CONFIG}")
expect_boost_to_be_missed()
run(${configure})
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${CMAKE_CTEST_COMMAND}" --test-dir "${WORK}/build" --output-on-failure)
build_with_redis()
if(HOW STREQUAL "shared" OR NOT SANITIZE)  # pkg-config says nothing of sanitizers.
  build_with_pkg_config()
endif()
