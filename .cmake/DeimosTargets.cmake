# How every target of this project is built: language level, warnings, sanitizers, where tests get their labels.

set(deimos_warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow)

function(deimos_build_flags target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE ${deimos_warnings} $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wthread-safety>)
  target_compile_definitions(${target} PRIVATE DEIMOS_ASSERTIONS=$<BOOL:${DEIMOS_ASSERTIONS}>)
  if(DEIMOS_SANITIZE)
    list(JOIN DEIMOS_SANITIZE "," sanitizers)
    target_compile_options(${target} PUBLIC -fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
    if("thread" IN_LIST DEIMOS_SANITIZE)
      # Asio has fences, which the sanitizer does not follow; what they order, its mutexes order too.
      target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
    endif()
    if("undefined" IN_LIST DEIMOS_SANITIZE)
      # The first two double the time to compile; a null pointer that is used ends the program anyway. The third opens a
      # descriptor to look at memory (clang's), and reports what is right where a test leaves it none.
      target_compile_options(${target} PUBLIC -fno-sanitize=null,alignment,vptr)
    endif()
  endif()
  if(DEIMOS_FUZZ)
    target_compile_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# deimos_library(name HEADERS ... SOURCES ... PUBLIC libs ... PRIVATE libs ...)
# makes deimos_<name>, known to everybody as deimos::<name>; headers are relative to include/, here or (generated ones)
# in the build folder. Each header is compiled alone, so that none leans on what was included before it.
function(deimos_library name)
  cmake_parse_arguments(ARG "" "" "HEADERS;SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(deimos_${name} ${ARG_SOURCES})
  add_library(deimos::${name} ALIAS deimos_${name})
  set(headers "")
  foreach(header IN LISTS ARG_HEADERS)
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/include/${header}")
      list(APPEND headers "${CMAKE_CURRENT_SOURCE_DIR}/include/${header}")
    else()
      list(APPEND headers "${CMAKE_CURRENT_BINARY_DIR}/include/${header}")
    endif()
  endforeach()
  target_sources(deimos_${name} PUBLIC FILE_SET HEADERS
    BASE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}/include" "${CMAKE_CURRENT_BINARY_DIR}/include"
    FILES ${headers})
  target_include_directories(deimos_${name} PRIVATE src)
  target_link_libraries(deimos_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  set_target_properties(deimos_${name} PROPERTIES
    EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} VERIFY_INTERFACE_HEADER_SETS ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  deimos_build_flags(deimos_${name})
  if(DEIMOS_JOIN_SOURCES)
    # What the sources of a folder include is compiled once for all of them.
    set_target_properties(deimos_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    foreach(source IN LISTS ARG_SOURCES)
      cmake_path(GET source PARENT_PATH folder)
      set_source_files_properties("${source}" PROPERTIES UNITY_GROUP "${folder}")
    endforeach()
    # A class private to a source may have members of a type private to it; gcc takes what is included for a header.
    target_compile_options(deimos_${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# deimos_program(name SOURCES ... LIBRARIES ...): a program in bin/.
function(deimos_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES})
  deimos_build_flags(${name})
endfunction()

# deimos_test(name LABEL unit SOURCES ... LIBRARIES ... [INCLUDES dirs, beside tests/] [TIMEOUT seconds] [ENVIRONMENT NAME=value ...]):
# a GoogleTest program, every test of it known to CTest by name and under one label.
function(deimos_test name)
  if(NOT DEIMOS_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LIBRARIES;INCLUDES;ENVIRONMENT" ${ARGN})
  if(NOT ARG_LABEL MATCHES "^(unit|conformance|property|mutants|integration|examples|consumer)$")
    message(FATAL_ERROR "test ${name}: unknown label '${ARG_LABEL}'")
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  deimos_program(${name} SOURCES ${ARG_SOURCES} LIBRARIES ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/tests" ${ARG_INCLUDES})
  # Most of the time goes into GoogleMock's headers, which several sources share so.
  list(LENGTH ARG_SOURCES count)
  if(DEIMOS_JOIN_SOURCES AND count GREATER 1)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX ${name}.
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${ARG_ENVIRONMENT}")
endfunction()

# deimos_fuzz_target(name SOURCES ... LIBRARIES ...): sources that define LLVMFuzzerTestOneInput.
# With DEIMOS_FUZZ the libFuzzer program bin/fuzz_<name>; otherwise, with DEIMOS_TESTS, the same sources behind a main
# that only replays inputs, and a test that replays fuzz/corpus/<name>/.
function(deimos_fuzz_target name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  set(corpus "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}")
  if(DEIMOS_FUZZ)
    deimos_program(fuzz_${name} SOURCES ${ARG_SOURCES} LIBRARIES ${ARG_LIBRARIES})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  elseif(DEIMOS_TESTS)
    deimos_program(fuzz_${name} SOURCES ${ARG_SOURCES} "${PROJECT_SOURCE_DIR}/fuzz/replay_main.cc" LIBRARIES ${ARG_LIBRARIES})
    add_test(NAME fuzz.${name}.corpus COMMAND fuzz_${name} "${corpus}")
    set_tests_properties(fuzz.${name}.corpus PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

# deimos_bench(name SOURCES ... LIBRARIES ...): the Google Benchmark program bin/bench_<name>, with DEIMOS_BENCH only.
# A main is linked in unless a source brings its own.
function(deimos_bench name)
  if(NOT DEIMOS_BENCH)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  set(main benchmark::benchmark_main)
  foreach(source IN LISTS ARG_SOURCES)
    file(STRINGS "${source}" mains REGEX "BENCHMARK_MAIN\\(|int main\\(")
    if(mains)
      set(main "")
    endif()
  endforeach()
  deimos_program(bench_${name} SOURCES ${ARG_SOURCES} LIBRARIES ${ARG_LIBRARIES} benchmark::benchmark ${main})
endfunction()
