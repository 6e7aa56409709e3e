#!/usr/bin/env bash
# in_situ.sh CMAKE BUILD_TREE CXX MPIEXEC SANITIZERS: the example of docs/in-situ.md is built against what is installed,
# and says the same at every number of ranks.
set -euo pipefail
cmake=$1 build_tree=$2 cxx=$3 mpiexec=$4 sanitizers=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
example=$here/../../../docs/examples/in_situ
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The document shows the example as it is.
while IFS= read -r line; do
  if [[ -n $line ]] && ! grep -qxF -- "$line" "$here/../../../docs/in-situ.md"; then
    echo "docs/in-situ.md lacks the line of docs/examples/in_situ/main.cpp: $line"
    exit 1
  fi
done <"$example/main.cpp"

"$cmake" --install "$build_tree" --prefix "$work/installed" >"$work/log" || { cat "$work/log"; exit 1; }
flags=-O1
if [[ -n $sanitizers ]]; then flags+=" -fsanitize=$sanitizers"; fi
export CCACHE_DISABLE=1
export CMAKE_GENERATOR=Ninja  # the presets' own; a bare system has no make
"$cmake" -S "$example" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_CXX_COMPILER="$cxx" \
  -DCMAKE_CXX_FLAGS="$flags" >"$work/log" || { cat "$work/log"; exit 1; }
"$cmake" --build "$work/build" >"$work/log" || { cat "$work/log"; exit 1; }
for ranks in 1 2 3 4; do
  "$mpiexec" -n "$ranks" "$work/build/in_situ" >"$work/at_$ranks"
  cmp "$work/at_1" "$work/at_$ranks"
done
if (($(grep -c '^time [0-9]*: mean 0\.[0-9]*, ' "$work/at_1") != 3)); then
  cat "$work/at_1"
  exit 1
fi
