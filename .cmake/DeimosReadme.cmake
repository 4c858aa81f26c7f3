# Compiles and runs every ```cpp block of a README, so that what it says stays true.
#
# A block with a main() or with TEST()s stands as it is (durations as 5s are understood). Any other becomes the body of
# a main() that has a fake node running: "http://127.0.0.1:4001" and "deimos://127.0.0.1:4001…" in the block mean that
# node. What such a block takes for granted is written in an HTML comment on the line before it:
# <!-- given: deimos::Client client({...}); -->

set(readme_wrapper [[
#include <chrono>
#include <deimos/fake/clock_driver.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>
@includes@
int main() {
  using namespace std::chrono_literals;
  deimos::fake::SystemClock readme_clock;
  deimos::fake::Node readme_node({.clock = &readme_clock});
  const deimos::fake::ClockDriver readme_driver(readme_node);
  const deimos::fake::HttpServer readme_server(readme_node);
  @given@
  @body@
}
]])

# The source file of one block, and the library it wants beside ours.
function(deimos_readme_source block given source_variable library_variable)
  set(library "")
  if(block MATCHES "(^|\n)(TEST(_F)?|DEIMOS_PROPERTY)\\(")
    set(library GTest::gmock GTest::gtest_main)
    set(source "#include <chrono>\nusing namespace std::chrono_literals;\n${block}")
  elseif(block MATCHES "int main\\(")
    set(source "${block}")
  else()
    string(REGEX MATCHALL "(^|\n)#include [^\n]*" includes "${block}")
    list(JOIN includes "" includes)
    string(REGEX REPLACE "(^|\n)#include [^\n]*" "" body "${block}")
    string(CONFIGURE "${readme_wrapper}" source @ONLY)
    string(REPLACE "\"http://127.0.0.1:4001\"" "readme_server.url()" source "${source}")
    string(REGEX REPLACE "\"deimos://127.0.0.1:4001([^\"]*)\"" "(\"deimos://\" + readme_server.url().substr(7) + \"\\1\")"
      source "${source}")
  endif()
  set(${source_variable} "${source}" PARENT_SCOPE)
  set(${library_variable} ${library} PARENT_SCOPE)
endfunction()

function(deimos_readme_tests)
  foreach(readme IN LISTS ARGN)
    set(path "${PROJECT_SOURCE_DIR}/${readme}")
    if(NOT EXISTS "${path}")
      continue()
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    string(REGEX REPLACE "/?README.md$" "" name "${readme}")
    string(PREPEND name readme_)
    string(REGEX REPLACE "_$" "" name "${name}")
    file(READ "${path}" rest)
    set(number 0)
    while(TRUE)
      string(FIND "${rest}" "```cpp\n" begin)
      if(begin EQUAL -1)
        break()
      endif()
      string(SUBSTRING "${rest}" 0 ${begin} before)
      math(EXPR begin "${begin} + 7")
      string(SUBSTRING "${rest}" ${begin} -1 rest)
      string(FIND "${rest}" "```" end)
      string(SUBSTRING "${rest}" 0 ${end} block)
      math(EXPR end "${end} + 3")
      string(SUBSTRING "${rest}" ${end} -1 rest)
      set(given "")
      if(before MATCHES "<!-- given: ([^\n]*) -->\n$")
        set(given "${CMAKE_MATCH_1}")
      endif()

      math(EXPR number "${number} + 1")
      set(target ${name}_${number})
      deimos_readme_source("${block}" "${given}" source library)
      file(CONFIGURE OUTPUT "readme/${target}.cc" CONTENT "@source@" @ONLY)
      deimos_program(${target} SOURCES "${CMAKE_CURRENT_BINARY_DIR}/readme/${target}.cc"
        LIBRARIES $<TARGET_NAME_IF_EXISTS:deimos::testkit> deimos::fakecluster deimos::client ${library})
      # Written to be read: a result that is not used is no mistake there.
      target_compile_options(${target} PRIVATE -w)
      add_test(NAME readme.${target} COMMAND ${target})
      set_tests_properties(readme.${target} PROPERTIES LABELS examples TIMEOUT 60)
    endwhile()
  endforeach()
endfunction()
