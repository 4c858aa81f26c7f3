# cmake -D PROGRAM=.. -D PROMTOOL=.. -P promtool_test.cmake
# Runs a program whose output is a page of metrics, and has Prometheus' own checker read it.
cmake_minimum_required(VERSION 3.24)

if(NOT PROMTOOL)
  message(FATAL_ERROR "there was no promtool when this build was configured; `./dev test` fetches it")
endif()
execute_process(COMMAND "${PROGRAM}" COMMAND "${PROMTOOL}" check metrics
  RESULTS_VARIABLE statuses OUTPUT_VARIABLE output ERROR_VARIABLE errors)
if(NOT statuses STREQUAL "0;0")
  message(FATAL_ERROR "exit statuses of the program and of promtool: ${statuses}\n${output}${errors}")
endif()
