# cmake -D PROGRAM=.. -D EXPECTED=.. -P example_test.cmake
# Runs a program: its exit status must be 0, and its output must have, in this order, a line for each line of the file
# EXPECTED, which is a regular expression for the whole line. Other lines may stand between.
cmake_minimum_required(VERSION 3.24)

execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors ECHO_OUTPUT_VARIABLE)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "exit status ${status}\n${errors}")
endif()

file(STRINGS "${EXPECTED}" expectations)
foreach(expectation IN LISTS expectations)
  string(REPLACE ".*" "[^\n]*" expectation "${expectation}")
  string(REGEX MATCH "(^|\n)${expectation}\n" line "${output}")
  if(line STREQUAL "")
    message(FATAL_ERROR "not in the output, or not after the expected lines before it: ${expectation}")
  endif()
  # Goes on behind the line found.
  string(FIND "${output}" "${line}" begin)
  string(LENGTH "${line}" length)
  math(EXPR begin "${begin} + ${length} - 1")
  string(SUBSTRING "${output}" ${begin} -1 output)
endforeach()
