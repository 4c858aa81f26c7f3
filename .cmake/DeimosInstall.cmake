# What `cmake --install` writes: libraries with their headers, programs, and a package for
# find_package(deimos COMPONENTS client fakecluster testkit). One file of targets for each component, so that a user of
# the client alone needs nothing of what the others stand on.
include(CMakePackageConfigHelpers)

set(deimos_components client fakecluster)
if(TARGET deimos_testkit)
  list(APPEND deimos_components testkit)
endif()
set(deimos_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/deimos")

foreach(component IN LISTS deimos_components)
  install(TARGETS deimos_${component} EXPORT deimos_${component}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT deimos_${component} FILE deimos_${component}.cmake NAMESPACE deimos:: DESTINATION "${deimos_package_dir}")
endforeach()
foreach(program deimos-fake deimos-check)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  endif()
endforeach()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/deimosConfig.cmake.in" "${PROJECT_BINARY_DIR}/deimosConfig.cmake"
  INSTALL_DESTINATION "${deimos_package_dir}" NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/deimosConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/deimosConfig.cmake"
  "${PROJECT_BINARY_DIR}/deimosConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/Findhttplib.cmake"
  DESTINATION "${deimos_package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
