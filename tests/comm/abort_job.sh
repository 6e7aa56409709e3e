#!/usr/bin/env bash
# abort_job.sh MPIEXEC NUMPROC_FLAG ABORT_JOB: abort_job ends all ranks at once, with its exit code.
set -euo pipefail
mpiexec=$1 flag=$2 program=$3
for ranks in 1 2 4; do
  for code in 1 5; do
    got=0
    timeout 60 "$mpiexec" "$flag" "$ranks" "$program" $((ranks - 1)) "$code" >/dev/null 2>&1 || got=$?
    if ((got != code)); then
      echo "on $ranks ranks: expected code $code, got $got"
      exit 1
    fi
  done
done
