# What `cmake --install` writes: libraries with their headers, programs, and a package for
# find_package(deimos COMPONENTS client fakecluster testkit redis). One file of targets for each component, so that a user of
# the client alone needs nothing of what the others stand on.
include(CMakePackageConfigHelpers)

set(deimos_components client fakecluster)
if(TARGET deimos_testkit)
  list(APPEND deimos_components testkit)
endif()
if(TARGET deimos_redis)
  list(APPEND deimos_components redis)
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
# For users of pkg-config: deimos-client, deimos-fakecluster, deimos-testkit, deimos-redis.
set(deimos_client_description "Client for Deimos, with distributed locks")
set(deimos_client_needs libssl libcrypto)
if(HTTPLIB_FOUND)  # By pkg-config; else it is headers alone.
  list(APPEND deimos_client_needs cpp-httplib)
endif()
set(deimos_client_needs_libraries -pthread)
set(deimos_fakecluster_description "Fake cluster of Deimos, in the process or over HTTP")
set(deimos_fakecluster_requires deimos-client)
set(deimos_testkit_description "Simulated processes, network and time for services that use Deimos")
set(deimos_testkit_requires deimos-fakecluster)
set(deimos_testkit_needs_libraries -lboost_context)
set(deimos_redis_description "Locks of deimos in a Redis server")
set(deimos_redis_requires deimos-client)
set(deimos_redis_needs hiredis)
file(RELATIVE_PATH deimos_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
# What a shared library needs it finds itself; who links a static one must link that too.
set(deimos_pc_scope "")
if(BUILD_SHARED_LIBS)
  set(deimos_pc_scope private_)
endif()
foreach(component IN LISTS deimos_components)
  set(deimos_pc_description "${deimos_${component}_description}")
  set(deimos_pc_requires "${deimos_${component}_requires}")
  set(deimos_pc_libraries "")
  list(JOIN deimos_${component}_needs " " needs)
  string(APPEND deimos_pc_${deimos_pc_scope}requires " ${needs}")
  string(APPEND deimos_pc_${deimos_pc_scope}libraries " ${deimos_${component}_needs_libraries}")
  configure_file("${CMAKE_CURRENT_LIST_DIR}/deimos.pc.in" "${PROJECT_BINARY_DIR}/deimos-${component}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/deimos-${component}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  unset(deimos_pc_private_requires)
  unset(deimos_pc_private_libraries)
endforeach()

foreach(program deimos-fake deimos-check)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  endif()
endforeach()

if(TARGET deimos-fake)
  install(FILES "${PROJECT_SOURCE_DIR}/fakecluster/python/deimos_fake.py" DESTINATION "${CMAKE_INSTALL_DATADIR}/deimos/python")
endif()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/deimosConfig.cmake.in" "${PROJECT_BINARY_DIR}/deimosConfig.cmake"
  INSTALL_DESTINATION "${deimos_package_dir}" NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/deimosConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/deimosConfig.cmake"
  "${PROJECT_BINARY_DIR}/deimosConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/Findhiredis.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/Findhttplib.cmake"
  DESTINATION "${deimos_package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
