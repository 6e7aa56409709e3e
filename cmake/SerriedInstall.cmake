# `cmake --install`: headers, library, programs, the CMake package, the pkg-config file, man pages and completion.
# What is installed may be moved as a whole. Components: runtime (what a program needs to run), development
# (headers and what finds the library), documentation. `cpack` makes a Debian package (SerriedPackage).
include(CMakePackageConfigHelpers)
set(serried_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/serried)

foreach(headers IN ITEMS ${PROJECT_SOURCE_DIR}/include/serried ${CMAKE_BINARY_DIR}/include/serried)
  install(DIRECTORY ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
    FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(TARGETS serried EXPORT serriedTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT serriedTargets NAMESPACE serried:: DESTINATION ${serried_config_dir} COMPONENT development)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT documentation)

# The C libraries without CMake packages of their own are recorded as they were found.
set(SERRIED_FOUND_LIBRARIES ${HDF5_HL_LIBRARIES} ${HDF5_LIBRARIES} ${SLEEF_LIBRARY} ${HWY_LINK_LIBRARIES} ${PNG_LIBRARIES})
list(REMOVE_DUPLICATES SERRIED_FOUND_LIBRARIES)
set(SERRIED_IS_SHARED FALSE)
if(BUILD_SHARED_LIBS)
  set(SERRIED_IS_SHARED TRUE)
endif()
configure_package_config_file(cmake/serriedConfig.cmake.in ${CMAKE_BINARY_DIR}/install_files/serriedConfig.cmake
  INSTALL_DESTINATION ${serried_config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/install_files/serriedConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/install_files/serriedConfig.cmake
  ${CMAKE_BINARY_DIR}/install_files/serriedConfigVersion.cmake
  DESTINATION ${serried_config_dir} COMPONENT development)

# A shared library brings what it is linked with; whoever links the archive names all of that too.
file(RELATIVE_PATH SERRIED_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" SERRIED_PC_PREFIX ${SERRIED_PC_PREFIX})
list(JOIN SERRIED_FOUND_LIBRARIES " " serried_pc_libraries)
list(JOIN MPI_C_LIBRARIES " " serried_pc_mpi)
set(serried_pc_needs "${serried_pc_libraries} ${serried_pc_mpi} -pthread -ldl")
if(SERRIED_IS_SHARED)
  set(SERRIED_PC_REQUIRES "")
  set(SERRIED_PC_LIBS "")
  set(SERRIED_PC_PRIVATE "Libs.private: -lfmt ${serried_pc_needs}\n")
else()
  set(SERRIED_PC_REQUIRES "Requires: fmt\n")
  set(SERRIED_PC_LIBS " ${serried_pc_needs}")
  set(SERRIED_PC_PRIVATE "")
endif()
configure_file(cmake/serried.pc.in ${CMAKE_BINARY_DIR}/serried.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/serried.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# The batch scripts find their functions from the program, at ../share/serried/jobscripts: in the build tree, too.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_DATADIR}/serried)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/jobscripts ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_DATADIR}/serried/jobscripts SYMBOLIC)
install(DIRECTORY jobscripts/ DESTINATION ${CMAKE_INSTALL_DATADIR}/serried/jobscripts COMPONENT runtime
  USE_SOURCE_PERMISSIONS)
