#!/usr/bin/env bash
# Builds and runs the tests under the sanitizers, first AddressSanitizer with UndefinedBehaviorSanitizer (preset
# asan), then ThreadSanitizer (preset tsan); ends with code 0 where no test failed under either.
#   scripts/sanitize.sh [asan|tsan]... [-- CTEST ARGUMENTS...]     e.g.  scripts/sanitize.sh tsan -- -R '^comm/'
# Without arguments for ctest asan runs the whole suite, and tsan what has threads in it: the watchdog and its
# collectives, the thread that reads and writes files, the pool of a rank's threads, and the fits on top of them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Rooms whose programs have more than one thread that touches Serried's memory.
threaded='^(base|comm|device|array|io|ml)/'

presets=()
while (($#)); do
  case $1 in
    asan | tsan) presets+=("$1") ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' scripts/sanitize.sh; exit 0 ;;
    --) shift; break ;;
    *) echo "scripts/sanitize.sh: '$1' is neither asan nor tsan; arguments for ctest come behind --" >&2; exit 2 ;;
  esac
  shift
done
if ((${#presets[@]} == 0)); then presets=(asan tsan); fi

serried_install_packages build page test extra
serried_make_venv
serried_mpi_environment
serried_cmake_options=(-DSERRIED_BUILD_TESTS=ON)
failed=()
for preset in "${presets[@]}"; do
  arguments=("$@")
  if [[ $preset == tsan ]] && (($# == 0)); then arguments=(-R "$threaded"); fi
  serried_build "$preset"
  serried_say "testing (preset $preset)"
  ctest --preset "$preset" "${arguments[@]}" || failed+=("$preset")
done
if ((${#failed[@]})); then
  serried_say "failed: ${failed[*]}"
  exit 1
fi
