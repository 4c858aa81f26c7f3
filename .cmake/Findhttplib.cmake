# Finds cpp-httplib as httplib::httplib, also for users of the installed package (this file is installed beside it).
# Debian ships it as a shared library described by pkg-config only; its compile flags change the size of its classes, so
# they must reach every file that includes httplib.h: the imported target carries them. Others ship a CMake package.
include(FindPackageHandleStandardArgs)
find_package(httplib CONFIG QUIET)
if(httplib_FOUND)
  find_package_handle_standard_args(httplib CONFIG_MODE)
  return()
endif()
find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(HTTPLIB QUIET IMPORTED_TARGET cpp-httplib)
endif()
find_package_handle_standard_args(httplib REQUIRED_VARS HTTPLIB_LINK_LIBRARIES VERSION_VAR HTTPLIB_VERSION)
if(httplib_FOUND AND NOT TARGET httplib::httplib)
  add_library(httplib::httplib INTERFACE IMPORTED)
  target_link_libraries(httplib::httplib INTERFACE PkgConfig::HTTPLIB)
  # Its headers show OpenSSL's types to whoever extends its secure client.
  find_package(OpenSSL REQUIRED)
  target_link_libraries(httplib::httplib INTERFACE OpenSSL::SSL)
endif()
