# serried_add_spmd_test(<room>/<name>_test.cpp): builds the program and registers it at its rank counts.
# The first line of the settings shortens each start: ranks do not look for fast networks, 0.2 s long, to take ob1 after
# all; hwloc does not look for cards and displays; and the ranks get each other's addresses by messages.
set(SERRIED_MPI_ENVIRONMENT
  OMPI_MCA_pml=ob1 HWLOC_PLUGINS_PATH=/nowhere PMIX_MCA_gds=hash
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
  OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_hwloc_base_binding_policy=none
  PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe)
# Sanitizers make programs slow, and want whole stacks to tell Open MPI's leaks from ours. MPI and HDF5 are
# not built for ThreadSanitizer, which sees what they do to memory and locks but not the atomics that order it:
# what is called from libraries that are not built for it is left out, and then needs no suppressions.
set(SERRIED_TIMEOUT_FACTOR ${SERRIED_TEST_TIMEOUT_FACTOR})
if(SERRIED_SANITIZE)
  math(EXPR SERRIED_TIMEOUT_FACTOR "${SERRIED_TIMEOUT_FACTOR} * 5")
  list(APPEND SERRIED_MPI_ENVIRONMENT ASAN_OPTIONS=fast_unwind_on_malloc=0:allocator_may_return_null=1
    LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/scripts/lsan.supp:print_suppressions=0
    TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1:exitcode=66:allocator_may_return_null=1)
endif()

# MPICH's blocking calls, which HDF5 makes in collective transfers and where it makes files, take 8 ms each where
# there are more ranks than cores: there, tests of such files run at 1 and 2 ranks.
set(SERRIED_MOST_FILE_RANKS 1000)
cmake_host_system_information(RESULT serried_cores QUERY NUMBER_OF_LOGICAL_CORES)
if("${MPI_C_LIBRARIES}" MATCHES "mpich" AND serried_cores LESS 4)
  set(SERRIED_MOST_FILE_RANKS 2)
endif()
set(SERRIED_COLLECTIVE_FILES
  "FileWriter|RowsWriter|ColumnsWriter|IoMode::collective|save_kmeans|write_kmeans|CheckpointWriter|write_checkpoint")

function(serried_add_spmd_test source)
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(room ${source} DIRECTORY)
  string(REPLACE "/" "_" target "${room}_${name}")
  file(STRINGS ${source} head LIMIT_COUNT 5)
  set(ranks 1 2 3 4)
  set(timeout 120)
  set(is_serial FALSE)
  foreach(line IN LISTS head)
    if(line MATCHES "^// ranks: (.*)$")
      separate_arguments(ranks UNIX_COMMAND "${CMAKE_MATCH_1}")
    elseif(line MATCHES "^// timeout: ([0-9]+)")
      set(timeout ${CMAKE_MATCH_1})
    elseif(line MATCHES "^// serial")
      set(is_serial TRUE)
    endif()
  endforeach()
  # What may take long begins first, also where ctest has not measured it yet, so that no core idles at the end.
  set(cost "")
  if(timeout GREATER 120)
    set(cost COST 60)
  endif()
  math(EXPR timeout "${timeout} * ${SERRIED_TIMEOUT_FACTOR}")
  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${target} PRIVATE serried_test_support serried_build_flags serried_cpu_check)
  # Tests of the CUDA backend run on an emulated GPU, with the module of tests/cuda.
  set(environment ${SERRIED_MPI_ENVIRONMENT} SERRIED_TEST_DATA=${PROJECT_SOURCE_DIR}/../shared/data
    SERRIED_DOCS=${PROJECT_SOURCE_DIR}/docs)
  if(room STREQUAL "cuda")
    add_dependencies(${target} serried_cuda_emulated)
    list(APPEND environment SERRIED_CUDA_MODULE=$<TARGET_FILE:serried_cuda_emulated>)
  endif()
  if(is_serial)
    set(ranks 1)
  endif()
  file(STRINGS ${source} collective_files REGEX "${SERRIED_COLLECTIVE_FILES}" LIMIT_COUNT 1)
  foreach(count IN LISTS ranks)
    if(collective_files AND count GREATER SERRIED_MOST_FILE_RANKS)
      continue()
    endif()
    if(is_serial)
      set(test_name ${room}/${name})
      add_test(NAME ${test_name} COMMAND ${target})
    else()
      set(test_name ${room}/${name}.np${count})
      add_test(NAME ${test_name}
        COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${count} ${MPIEXEC_PREFLAGS} $<TARGET_FILE:${target}>)
    endif()
    set_tests_properties(${test_name} PROPERTIES TIMEOUT ${timeout} SKIP_RETURN_CODE 77 PROCESSORS ${count}
      ${cost} ENVIRONMENT "${environment}")
  endforeach()
  # Once more with threads and blocks of the emulated GPU in another order: results are the same.
  if(room STREQUAL "cuda" AND is_serial)
    add_test(NAME ${room}/${name}.order COMMAND ${target})
    set_tests_properties(${room}/${name}.order PROPERTIES TIMEOUT ${timeout} SKIP_RETURN_CODE 77
      ${cost} ENVIRONMENT "${environment};SERRIED_EMULATION_SEED=1")
  endif()
endfunction()

# serried_find_test_python(RESULT): the interpreter for tests that are scripts: SERRIED_PYTHON, that of .venv, or any;
# empty where there is none.
set(SERRIED_PYTHON "" CACHE FILEPATH "Python with numpy, h5py, scipy and scikit-learn, for tests")
function(serried_find_test_python result)
  set(python ${SERRIED_PYTHON})
  if(NOT python)
    set(python ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  endif()
  if(NOT EXISTS ${python})
    find_program(SERRIED_PLAIN_PYTHON python3)
    set(python ${SERRIED_PLAIN_PYTHON})
  endif()
  if(NOT python)
    set(python "")
  endif()
  set(${result} ${python} PARENT_SCOPE)
endfunction()

# serried_add_case_test(NAME runner.cpp script.py VARIABLE): a program that calls what a file of cases says, and a script
# that makes the cases and knows what must come out. The script finds the program in the environment variable.
function(serried_add_case_test name source script variable)
  get_filename_component(runner ${source} NAME_WE)
  add_executable(${runner} ${source})
  set_target_properties(${runner} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(${runner} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${runner} PRIVATE serried::serried serried_build_flags serried_cpu_check)
  serried_find_test_python(python)
  if(NOT python)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${python} -B ${CMAKE_CURRENT_SOURCE_DIR}/${script})
  math(EXPR timeout "600 * ${SERRIED_TIMEOUT_FACTOR}")
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} SKIP_RETURN_CODE 77 PROCESSORS 4
    ENVIRONMENT "${SERRIED_MPI_ENVIRONMENT};${variable}=$<TARGET_FILE:${runner}>;MPIEXEC=${MPIEXEC_EXECUTABLE};MPIEXEC_NUMPROC_FLAG=${MPIEXEC_NUMPROC_FLAG}")
endfunction()
