# The dashboard configuration, read by include(CTest) while configuring (it fills DartConfiguration.tcl in the build
# folder) and by `ctest -S` scripts. Only what CTest honours here is set; no dashboard is submitted to.
set(CTEST_PROJECT_NAME deimos)
set(CTEST_NIGHTLY_START_TIME "01:00:00 UTC")
# Seconds for a test that sets no TIMEOUT of its own. (CTEST_TEST_TIMEOUT would be ignored in this file.)
set(DART_TESTING_TIMEOUT 120)
