#!/usr/bin/env bash
# snapshots.sh MPIEXEC GRAY_SCOTT SAME_FIELDS: the program's files hold the same bits at every number of ranks;
# its errors have their exit codes and leave no file.
set -euo pipefail
mpiexec=$1 gray_scott=$2 same_fields=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# same_at SIZE RANKS...: two snapshots of one rank against those of each number of ranks.
same_at() {
  local size=$1 ranks
  shift
  for ranks in 1 "$@"; do
    "$mpiexec" -n "$ranks" "$gray_scott" --size "$size" --steps 30 --every 20 --output "at_$ranks.h5" >log
    grep -q "step 20: at_${ranks}_000020.h5" log
  done
  "$same_fields" at_1_000020.h5 at_[!1]_000020.h5
  "$same_fields" at_1_000030.h5 at_[!1]_000030.h5
  # Two states of one run do differ.
  if "$same_fields" at_1_000020.h5 at_1_000030.h5 >log; then
    echo "same_fields cannot tell two states apart"
    exit 1
  fi
  rm -f ./*.h5
}
same_at 37x29 2 3 4 7
same_at 13x8x9 3
same_at 3x40 4

expect_failure() {
  local code=0 expected=$1 text=$2
  shift 2
  "$mpiexec" -n 2 "$gray_scott" "$@" >log 2>&1 || code=$?
  if ((code != expected)) || (($(grep -c "^gray_scott: .*$text" log) != 1)); then
    echo "expected code $expected and \"$text\" once from $*, got code $code and:"
    cat log
    exit 1
  fi
  if [[ -n $(find . -name '*.h5*') ]]; then
    echo "a file is left after $*:"
    find . -name '*.h5*'
    exit 1
  fi
}
expect_failure 2 "size" --size 0
expect_failure 2 "output" --output 'a%sb.h5'
expect_failure 3 "diverged" --size 16 --dt 50 --steps 200
expect_failure 4 "nowhere" --size 16 --steps 1 --output nowhere/out.h5

# A second run with the same output ends; what a run that was killed leaves is removed by the next one.
"$mpiexec" -n 2 "$gray_scott" --size 64 --steps 1000000000 --output own.h5 >log 2>&1 &
first=$!
for ((i = 0; i < 500; ++i)); do
  if compgen -G '.own.h5.tmp.*' >claims && [[ -r $(<claims) ]]; then break; fi
  sleep 0.02
done
code=0
"$mpiexec" -n 2 "$gray_scott" --size 16 --steps 1 --output own.h5 >second 2>&1 || code=$?
if ((code != 4)) || ! grep -q "^gray_scott: .*another run (process" second; then
  echo "expected code 4 and the other process, got code $code and:"
  cat second
  exit 1
fi
kill -KILL "$(sed 's/.*\.\([0-9]*\)\.[0-9a-f]*$/\1/' claims)" # rank 0
wait "$first" && exit 1
"$mpiexec" -n 2 "$gray_scott" --size 16 --steps 1 --output own.h5 >log
if [[ $(find . -name '*own*' | sort | xargs) != "./own.h5 ./own.xmf" ]]; then
  echo "more than own.h5 and own.xmf is left:"
  find . -name '*own*'
  exit 1
fi
echo "the same bits at 1, 2, 3, 4 and 7 ranks"
