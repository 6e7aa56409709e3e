# serried_add_program(NAME SOURCES...): a program of apps/, target NAME_program (`serried` is the library),
# file bin/NAME. It is linked with serried and with the check that says clearly where the CPU lacks AVX2
# and FMA; it lands in bin/ of the build tree and is installed.
# Object libraries do not travel through other libraries: whoever makes a program without this function
# links serried_cpu_check to it directly.
add_library(serried_cpu_check OBJECT ${PROJECT_SOURCE_DIR}/apps/support/cpu_check.cpp)
target_compile_options(serried_cpu_check PRIVATE -march=x86-64 -mtune=generic -fno-sanitize=all
  -Wall -Wextra $<$<BOOL:${SERRIED_WARNINGS_AS_ERRORS}>:-Werror>)

# The programs alone, without tests and benchmarks.
add_custom_target(programs)

# serried_find_library_from(TARGET FOLDER): an installed program finds the shared library from where it lies itself.
function(serried_find_library_from target folder)
  file(RELATIVE_PATH to_library /${folder} /${CMAKE_INSTALL_LIBDIR})
  if(BUILD_SHARED_LIBS)
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/${to_library}")
  endif()
endfunction()

function(serried_add_program name)
  set(target ${name}_program)
  add_executable(${target} ${ARGN})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
  target_link_libraries(${target} PRIVATE serried::serried serried_build_flags serried_cpu_check)
  install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
  serried_find_library_from(${target} ${CMAKE_INSTALL_BINDIR})
  add_dependencies(programs ${target})
endfunction()
