#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test; ends in ctest's summary and with its exit code.
#   scripts/test.sh [--sanitize] [CTEST ARGUMENTS...]     e.g.  scripts/test.sh -R kmeans
# --sanitize builds with AddressSanitizer and UndefinedBehaviorSanitizer (preset asan).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

preset=host
arguments=()
for argument in "$@"; do
  case $argument in
    --sanitize) preset=asan ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "scripts/test.sh"; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done

serried_install_packages build test extra
serried_make_venv
serried_mpi_environment
# A tree that quickstart.sh has made has neither tests nor benchmarks yet.
serried_cmake_options=(-DSERRIED_BUILD_TESTS=ON)
if [[ $preset == host ]]; then serried_cmake_options+=(-DSERRIED_BUILD_BENCH=ON); fi
serried_build "$preset"
serried_say "testing"
exec ctest --preset "$preset" "${arguments[@]}"
