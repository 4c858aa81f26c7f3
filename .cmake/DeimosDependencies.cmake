# Every library we stand on: the system's package where there is one, else fetched at a pinned version.
include(FetchContent)

# Somebody else's code is neither checked by our warnings nor tested by us, and listens to the options set here even
# where it is older than the policies that make it so.
set(deimos_werror "${CMAKE_COMPILE_WARNING_AS_ERROR}")
set(CMAKE_COMPILE_WARNING_AS_ERROR OFF)
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
set(CMAKE_POLICY_VERSION_MINIMUM 3.5)
set(deimos_system "")
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.25)
  set(deimos_system SYSTEM)
endif()

# Those that a client and a fake cluster need.
set(HTTPLIB_INSTALL ${DEIMOS_INSTALL})
FetchContent_Declare(httplib
  URL https://github.com/yhirose/cpp-httplib/archive/refs/tags/v0.18.7.tar.gz ${deimos_system}
  FIND_PACKAGE_ARGS MODULE)
set(JSON_BuildTests OFF)
set(JSON_Install ${DEIMOS_INSTALL})
FetchContent_Declare(nlohmann_json
  URL https://github.com/nlohmann/json/releases/download/v3.11.2/json.tar.xz ${deimos_system}
  FIND_PACKAGE_ARGS 3.10)
set(EXPECTED_BUILD_TESTS OFF)
set(EXPECTED_BUILD_PACKAGE OFF)
FetchContent_Declare(tl-expected
  URL https://github.com/TartanLlama/expected/archive/refs/tags/v1.1.0.tar.gz ${deimos_system}
  FIND_PACKAGE_ARGS)
FetchContent_MakeAvailable(httplib nlohmann_json tl-expected)
# Asio and Beast are headers; the test kit needs a library too.
set(BOOST_INCLUDE_LIBRARIES asio beast)
set(deimos_boost_components "")
if(DEIMOS_TESTKIT)
  list(APPEND BOOST_INCLUDE_LIBRARIES context)
  set(deimos_boost_components COMPONENTS context)
endif()
if(DEIMOS_INSTALL)
  set(BOOST_SKIP_INSTALL_RULES OFF)
endif()
FetchContent_Declare(Boost
  URL https://github.com/boostorg/boost/releases/download/boost-1.84.0/boost-1.84.0.tar.xz ${deimos_system}
  FIND_PACKAGE_ARGS 1.74 ${deimos_boost_components})
FetchContent_MakeAvailable(Boost)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS SSL Crypto)

# Optional: who wants no Redis needs nothing for it.
set(DEIMOS_REDIS_FOUND OFF)
if(DEIMOS_REDIS)
  find_package(hiredis MODULE QUIET)
  set(DEIMOS_REDIS_FOUND ${hiredis_FOUND})
  if(NOT hiredis_FOUND AND NOT DEIMOS_REDIS STREQUAL "AUTO")
    message(FATAL_ERROR "DEIMOS_REDIS is ${DEIMOS_REDIS}, but hiredis was not found (Debian: libhiredis-dev)")
  endif()
endif()

if(DEIMOS_PROGRAMS)
  FetchContent_Declare(CLI11
    URL https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.3.2.tar.gz ${deimos_system}
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(CLI11)
endif()

if(DEIMOS_TESTS OR DEIMOS_TESTKIT)
  set(INSTALL_GTEST ${DEIMOS_INSTALL})
  FetchContent_Declare(GTest
    URL https://github.com/google/googletest/archive/refs/tags/release-1.12.1.tar.gz ${deimos_system}
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(GTest)
endif()

if(DEIMOS_TESTS)
  set(RC_ENABLE_GTEST ON)
  FetchContent_Declare(rapidcheck
    URL https://github.com/emil-e/rapidcheck/archive/08b5058.tar.gz ${deimos_system}
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(rapidcheck)
endif()

if(DEIMOS_BENCH)
  set(BENCHMARK_ENABLE_TESTING OFF)
  FetchContent_Declare(benchmark
    URL https://github.com/google/benchmark/archive/refs/tags/v1.7.1.tar.gz ${deimos_system}
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(benchmark)
endif()

set(CMAKE_COMPILE_WARNING_AS_ERROR "${deimos_werror}")
