# Every library we stand on: the system's package where there is one, else fetched at a pinned version.
include(FetchContent)

FetchContent_Declare(httplib
  URL https://github.com/yhirose/cpp-httplib/archive/refs/tags/v0.18.7.tar.gz
  FIND_PACKAGE_ARGS MODULE)
FetchContent_Declare(nlohmann_json
  URL https://github.com/nlohmann/json/releases/download/v3.11.2/json.tar.xz
  FIND_PACKAGE_ARGS 3.10)
FetchContent_Declare(tl-expected
  URL https://github.com/TartanLlama/expected/archive/refs/tags/v1.1.0.tar.gz
  FIND_PACKAGE_ARGS)
set(BOOST_INCLUDE_LIBRARIES context)
FetchContent_Declare(Boost
  URL https://github.com/boostorg/boost/releases/download/boost-1.84.0/boost-1.84.0.tar.xz
  FIND_PACKAGE_ARGS 1.74 COMPONENTS context)
FetchContent_MakeAvailable(httplib nlohmann_json tl-expected Boost)
find_package(Threads REQUIRED)

FetchContent_Declare(CLI11
  URL https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.3.2.tar.gz
  FIND_PACKAGE_ARGS)
FetchContent_MakeAvailable(CLI11)

if(DEIMOS_TESTS)
  FetchContent_Declare(GTest
    URL https://github.com/google/googletest/archive/refs/tags/release-1.12.1.tar.gz
    FIND_PACKAGE_ARGS)
  set(RC_ENABLE_GTEST ON)
  FetchContent_Declare(rapidcheck
    URL https://github.com/emil-e/rapidcheck/archive/08b505820ddd36475f2d51f08c7f6e6d48bc1f36.tar.gz
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(GTest rapidcheck)
endif()
if(DEIMOS_BENCH)
  set(BENCHMARK_ENABLE_TESTING OFF)
  FetchContent_Declare(benchmark
    URL https://github.com/google/benchmark/archive/refs/tags/v1.7.1.tar.gz
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(benchmark)
endif()
