#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test; ends in ctest's summary and with its exit code.
#   scripts/test.sh [--sanitize|--mpich] [CTEST ARGUMENTS...]     e.g.  scripts/test.sh -R kmeans
# --sanitize is scripts/sanitize.sh asan -- CTEST ARGUMENTS: with AddressSanitizer and UndefinedBehaviorSanitizer.
# --mpich takes Debian's MPICH, which stands beside Open MPI, and the HDF5 for it (preset mpich).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

is_sanitizing=0
preset=host
packages=(build page test extra)
arguments=()
for argument in "$@"; do
  case $argument in
    --sanitize) is_sanitizing=1 ;;
    --mpich)
      preset=mpich
      packages+=(mpich) ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "scripts/test.sh"; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done

if ((is_sanitizing)); then
  if [[ $preset == mpich ]]; then echo "scripts/test.sh: --sanitize goes with Open MPI" >&2; exit 2; fi
  exec scripts/sanitize.sh asan ${arguments[@]+-- "${arguments[@]}"}
fi

serried_install_packages "${packages[@]}"
serried_make_venv
serried_mpi_environment
# A tree that quickstart.sh has made has neither tests nor benchmarks yet.
serried_cmake_options=(-DSERRIED_BUILD_TESTS=ON -DSERRIED_BUILD_BENCH=ON)
if [[ $preset == mpich ]]; then
  # Benchmarks and the CUDA module are the same with any MPI.
  serried_cmake_options=(-DSERRIED_BUILD_TESTS=ON -DSERRIED_BUILD_BENCH=OFF -DSERRIED_CUDA=OFF)
fi
serried_build "$preset"
serried_say "testing (preset $preset)"
# Each test says how many cores it takes.
exec ctest --preset "$preset" --parallel "$(nproc)" "${arguments[@]}"
