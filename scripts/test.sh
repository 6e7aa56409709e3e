#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test; ends in ctest's summary and with its exit code.
#   scripts/test.sh [--sanitize] [CTEST ARGUMENTS...]     e.g.  scripts/test.sh -R kmeans
# --sanitize is scripts/sanitize.sh asan -- CTEST ARGUMENTS: with AddressSanitizer and UndefinedBehaviorSanitizer.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

is_sanitizing=0
arguments=()
for argument in "$@"; do
  case $argument in
    --sanitize) is_sanitizing=1 ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "scripts/test.sh"; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done

if ((is_sanitizing)); then
  exec scripts/sanitize.sh asan ${arguments[@]+-- "${arguments[@]}"}
fi

serried_install_packages build page test extra
serried_make_venv
serried_mpi_environment
# A tree that quickstart.sh has made has neither tests nor benchmarks yet.
serried_cmake_options=(-DSERRIED_BUILD_TESTS=ON -DSERRIED_BUILD_BENCH=ON)
serried_build host
serried_say "testing"
exec ctest --preset host "${arguments[@]}"
