#!/usr/bin/env bash
# lifetimes.sh MPIEXEC NUMPROC_FLAG LIFETIMES: destruction in any order neither crashes nor hangs.
set -euo pipefail
mpiexec=$1 flag=$2 program=$3
check() {
  local expected=$1 ranks=$2 got=0
  shift 2
  timeout 60 "$mpiexec" "$flag" "$ranks" "$program" "$@" >/dev/null 2>/tmp/lifetimes.$$ || got=$?
  if ((got != expected)); then
    echo "$* on $ranks ranks: expected code $expected, got $got"
    cat /tmp/lifetimes.$$
    exit 1
  fi
  rm -f /tmp/lifetimes.$$
}
for ranks in 1 2 3; do
  for order in 1 2 3 4; do
    check 0 "$ranks" after_finalize "$order"
    check 0 "$ranks" before_finalize "$order"
  done
  check 0 "$ranks" static 0
  check 3 "$ranks" unwind 1
  check 3 "$ranks" unwind_past_runtime 1
done
