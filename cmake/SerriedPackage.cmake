# `cpack --preset deb`, or scripts/package.sh: one Debian package with program, library, headers, CMake package,
# pkg-config file, man pages and completion. What it depends on is read off the binaries by dpkg-shlibdeps.
set(SERRIED_PACKAGE_CONTACT "Serried maintainers <maintainers@serried.example>"
  CACHE STRING "Name and address of who makes a package")
set(CPACK_PACKAGE_NAME serried)
set(CPACK_PACKAGE_VENDOR Serried)
set(CPACK_PACKAGE_CONTACT ${SERRIED_PACKAGE_CONTACT})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "distributed arrays and machine learning for MPI programs")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "Statistics, histograms and clusters of HDF5 and NetCDF-4 data on any number\nof MPI ranks, with the same bits whatever their number. The program serried\nruns alone, under mpirun and under Slurm; the library takes part in MPI\nprograms of one's own.\n.\nThis package has the program, the shared library, and what is needed to\nlink it: headers, a CMake package and a pkg-config file.")
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_SOURCE_GENERATOR TXZ)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
configure_file(packaging/debian/shlibs.in ${CMAKE_BINARY_DIR}/install_files/shlibs @ONLY)
configure_file(packaging/debian/triggers ${CMAKE_BINARY_DIR}/install_files/triggers COPYONLY)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/install_files/shlibs
  ${CMAKE_BINARY_DIR}/install_files/triggers)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Open MPI starts a program of one rank with its own daemon, which is in the launcher's package.
if(MPI_EXECUTABLE_SUFFIX STREQUAL ".mpich")
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "mpich")
else()
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "openmpi-bin")
endif()
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++, cmake, pkg-config, bash-completion")

# What Debian's policy wants of a package, beyond `cmake --install`.
find_program(SERRIED_GZIP gzip)
string(TIMESTAMP serried_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(packaging/debian/changelog.in ${CMAKE_BINARY_DIR}/install_files/changelog @ONLY)
if(SERRIED_GZIP)
  execute_process(COMMAND ${SERRIED_GZIP} -9nf ${CMAKE_BINARY_DIR}/install_files/changelog)
endif()
configure_file(packaging/debian/install.cmake.in ${CMAKE_BINARY_DIR}/install_files/debian_install.cmake @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_BINARY_DIR}/install_files/debian_install.cmake)
include(CPack)
