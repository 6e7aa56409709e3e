# Version, commit and configuration, for <serried/base/version.hpp> and for `serried --version`.
find_package(Git QUIET)
set(SERRIED_COMMIT "unknown")
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${CMAKE_CURRENT_SOURCE_DIR} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE serried_head OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE serried_head_code)
  if(serried_head_code EQUAL 0)
    set(SERRIED_COMMIT ${serried_head})
    # A new commit configures again, so that no program names the one before.
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${CMAKE_CURRENT_SOURCE_DIR} rev-parse --git-path logs/HEAD
      OUTPUT_VARIABLE serried_log OUTPUT_STRIP_TRAILING_WHITESPACE)
    get_filename_component(serried_log ${serried_log} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    if(EXISTS ${serried_log})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${serried_log})
    endif()
  endif()
endif()
set(SERRIED_CONFIGURATION "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}, ${CMAKE_BUILD_TYPE}, x86-64-v3")
configure_file(include/serried/base/version.hpp.in ${CMAKE_BINARY_DIR}/include/serried/base/version.hpp @ONLY)
configure_file(src/base/build_info.cpp.in ${CMAKE_BINARY_DIR}/src/base/build_info.cpp @ONLY)
