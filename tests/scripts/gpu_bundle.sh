#!/usr/bin/env bash
# gpu_bundle.sh ROOT BUILD_TREE: the bundle of scripts/gpu-bundle.sh runs after it was moved, without any
# environment, and loads nothing but the C and C++ libraries from outside; where this user may, also with the
# machine's own Open MPI out of sight. Its benchmarks run, and its check of a card reports. Exit code 77 (skipped)
# where the tree has no CUDA module.
set -euo pipefail
root=$1 tree=$2
if [[ ! -e $tree/lib/libserried_cuda.so ]]; then echo "this build has no CUDA module"; exit 77; fi
for tool in ompi_info python3; do
  if ! command -v "$tool" >/dev/null; then echo "$tool is not there"; exit 77; fi
done
work=$(mktemp -d /tmp/gpu-bundle-XXXXXX)
trap 'rm -rf "$work"' EXIT

"$root/scripts/gpu-bundle.sh" --no-build --build-tree "$tree" "$work/first" >"$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
mkdir "$work/a folder"
mv "$work/first" "$work/a folder/moved"
bundle="$work/a folder/moved"
cd "$work"
fail() { echo "$*"; exit 1; }

for key in commit serried cuda mpi glibc; do
  grep -q "^$key ..*" "$bundle/MANIFEST" || fail "the manifest does not tell $key"
done
megabytes=$(du -sm "$bundle" | cut -f 1)
# its programs have much in common: packed it is a sixth of that
((megabytes < 300)) || fail "the bundle has $megabytes MB"

# run COMMAND...: in the bundle, with nothing in the environment; what each process loads goes to loads.*
run() {
  env -i LD_DEBUG=libs LD_DEBUG_OUTPUT="$work/loads" "$bundle/run.sh" "$@" >"$work/output" 2>"$work/errors" ||
    { cat "$work/output" "$work/errors"; fail "code $? of $*"; }
}

run mpirun -n 2 gray_scott --size 48 --steps 20 --output "$work/gs.h5"
run mpirun -n 2 serried info "$work/gs.h5" --device host
grep -q fields/u "$work/output" || fail "serried info says: $(cat "$work/output")"
run mpirun -n 2 serried kmeans "$work/gs.h5:/fields/u" --sample-axes all --clusters 3 --json --quiet --device host
python3 -c 'import json, sys; assert len(json.load(sys.stdin)["centers"]) == 3' <"$work/output" || fail "no centres"
program=$(awk '$3 != "serial" && $2 == "spmd" {print $1; exit}' "$bundle/tests/tests.list")
if [[ -n $program ]]; then
  run mpirun -n 2 "$program"
  grep -q PASSED "$work/output" || fail "$program says: $(cat "$work/output")"
fi

# The benchmarks, and the check of a card: on a machine without one it still ends in a report of what failed.
for program in "$bundle"/bench/cuda_*; do
  if [[ $program == *.py ]]; then continue; fi
  run "$(basename "$program")" --device host --elements 2000 --repeats 1
  python3 -c 'import json, sys; assert all(json.loads(line)["seconds"] >= 0 for line in sys.stdin)' <"$work/output" ||
    fail "$program prints no JSON: $(cat "$work/output")"
done
code=0
env -i PATH="$PATH" "$bundle/gpu-check.sh" --only bench --elements 1000 --budget 60 --out "$work/check" \
  >"$work/output" 2>&1 || code=$?
python3 - "$code" "$work"/check/*.json <<'CHECK' || { cat "$work/output"; fail "the report of gpu-check.sh is wrong"; }
import json, sys
report = json.load(open(sys.argv[2]))
failed = [step for step in report["steps"] if step["result"] not in ("passed", "skipped")]
assert len(failed) == int(sys.argv[1]), (len(failed), sys.argv[1])
assert report["steps"] and all(step["result"] != "not run" for step in report["steps"])
assert report["machine"]["manifest"]["commit"] and report["machine"]["serried"]
CHECK

# Programs of the system (env, bash, ldd, grep) run here too: only what MPI programs load counts. (Bash becomes
# mpirun, hence libtinfo.)
mapfile -t logs < <(grep -lE 'calling init: .*/libopen-pal' "$work"/loads.*)
((${#logs[@]} >= 6)) || fail "only ${#logs[@]} processes of Open MPI were seen"
grep -hE 'calling init: /' "${logs[@]}" | sed 's/.*calling init: //' | sort -u >"$work/loaded"
for name in libmpi.so libhdf5_openmpi.so libhwloc.so mca_btl_vader.so mca_pml_ob1.so; do
  grep -qF "$bundle/" <(grep -F "/$name" "$work/loaded") || fail "$name does not come from the bundle"
done
system='/(ld-linux[^/]*|lib(c|m|dl|rt|pthread|resolv|tinfo|stdc\+\+|gcc_s)|libnss_[a-z]*)\.so[^/]*$'
if grep -vF "$bundle/" "$work/loaded" | grep -vE "$system"; then fail "the libraries above come from outside"; fi

# With the machine's Open MPI hidden: in a mount namespace of this user's own, where that is allowed.
places=()
for kind in pkglibdir pkgdatadir sysconfdir; do
  places+=("$(ompi_info --path $kind --parsable | sed -n "s/^path:$kind://p")")
done
mkdir "$work/empty"
# shellcheck disable=SC2016  # expanded inside
hide='empty=$1 bundle=$2; shift 2
  while [[ $1 != -- ]]; do mount --bind "$empty" "$1" || exit 99; shift; done; shift
  exec env -i "$bundle/run.sh" "$@"'
code=0
unshare -rm bash -c "$hide" hide "$work/empty" "$bundle" "${places[@]}" -- \
  mpirun -n 2 serried kmeans "$work/gs.h5:/fields/u" --clusters 3 --json --quiet --device host \
  >"$work/output" 2>"$work/errors" || code=$?
if ((code == 0)); then
  grep -q centers "$work/output" || fail "with Open MPI hidden: $(cat "$work/output")"
  hidden=", also with Open MPI hidden"
elif ((code == 99)) || grep -qE '^unshare:' "$work/errors"; then hidden=""
else cat "$work/output" "$work/errors"; fail "code $code with Open MPI hidden"; fi
echo "a bundle of $megabytes MB runs where it was moved to$hidden"
