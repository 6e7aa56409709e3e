# `cmake --install`: headers, library, programs, the CMake package and the pkg-config file. What is
# installed may be moved as a whole.
include(CMakePackageConfigHelpers)
set(serried_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/serried)

foreach(headers IN ITEMS ${PROJECT_SOURCE_DIR}/include/serried ${CMAKE_BINARY_DIR}/include/serried)
  install(DIRECTORY ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(TARGETS serried EXPORT serriedTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT serriedTargets NAMESPACE serried:: DESTINATION ${serried_config_dir})
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The C libraries without CMake packages of their own are recorded as they were found.
set(SERRIED_FOUND_LIBRARIES ${HDF5_HL_LIBRARIES} ${HDF5_LIBRARIES} ${SLEEF_LIBRARY} ${HWY_LINK_LIBRARIES} ${PNG_LIBRARIES})
configure_package_config_file(cmake/serriedConfig.cmake.in ${CMAKE_BINARY_DIR}/install_files/serriedConfig.cmake
  INSTALL_DESTINATION ${serried_config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/install_files/serriedConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/install_files/serriedConfig.cmake ${CMAKE_BINARY_DIR}/install_files/serriedConfigVersion.cmake
  DESTINATION ${serried_config_dir})

file(RELATIVE_PATH SERRIED_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" SERRIED_PC_PREFIX ${SERRIED_PC_PREFIX})
list(JOIN SERRIED_FOUND_LIBRARIES " " SERRIED_PC_LIBRARIES)
list(JOIN MPI_C_LIBRARIES " " SERRIED_PC_MPI)
configure_file(cmake/serried.pc.in ${CMAKE_BINARY_DIR}/serried.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/serried.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The batch scripts find their functions from the program, at ../share/serried/jobscripts: in the build tree, too.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_DATADIR}/serried)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/jobscripts ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_DATADIR}/serried/jobscripts SYMBOLIC)
install(DIRECTORY jobscripts/ DESTINATION ${CMAKE_INSTALL_DATADIR}/serried/jobscripts COMPONENT runtime
  USE_SOURCE_PERMISSIONS)
