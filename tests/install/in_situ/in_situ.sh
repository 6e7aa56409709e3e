#!/usr/bin/env bash
# in_situ.sh CMAKE BUILD_TREE CXX MPIEXEC SANITIZERS: the examples of docs/in-situ.md and docs/getting-started.md are built
# against what is installed, and say the same at every number of ranks.
set -euo pipefail
cmake=$1 build_tree=$2 cxx=$3 mpiexec=$4 sanitizers=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$here/../../../docs/examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The document shows the example as it is.
while IFS= read -r line; do
  if [[ -n $line ]] && ! grep -qxF -- "$line" "$here/../../../docs/in-situ.md"; then
    echo "docs/in-situ.md lacks the line of docs/examples/in_situ/main.cpp: $line"
    exit 1
  fi
done <"$examples/in_situ/main.cpp"

"$cmake" --install "$build_tree" --prefix "$work/installed" >"$work/log" || { cat "$work/log"; exit 1; }
flags=-O1
if [[ -n $sanitizers ]]; then flags+=" -fsanitize=$sanitizers"; fi
export CCACHE_DISABLE=1
export CMAKE_GENERATOR=Ninja  # the presets' own; a bare system has no make
for example in in_situ mean; do
  "$cmake" -S "$examples/$example" -B "$work/$example" -DCMAKE_PREFIX_PATH="$work/installed" \
    -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS="$flags" >"$work/log" || { cat "$work/log"; exit 1; }
  "$cmake" --build "$work/$example" >"$work/log" || { cat "$work/log"; exit 1; }
done
if command -v make >/dev/null; then
  PKG_CONFIG_PATH=$(dirname "$(find "$work/installed" -name serried.pc)")
  mkdir "$work/by_make"
  cp "$examples/mean/main.cpp" "$examples/mean/Makefile" "$work/by_make"
  PKG_CONFIG_PATH=$PKG_CONFIG_PATH make -C "$work/by_make" CXX="$cxx $flags" >"$work/log" || { cat "$work/log"; exit 1; }
fi

cd "$work"
"$mpiexec" -n 1 installed/bin/gray_scott --size 100x70 --steps 20 --output run.h5 >log || { cat log; exit 1; }
installed/bin/serried stats run.h5:/fields/u --json >stats.json
sed 's/.*"mean": *\([-+.0-9e]*\).*/\1/' stats.json | awk '/^[0-9]/ {printf "mean %.17g\n", $1}' >mean_of_the_command
for ranks in 1 2 3 4; do
  "$mpiexec" -n "$ranks" mean/my_program >mean_at_"$ranks"
  cmp mean_of_the_command mean_at_"$ranks"
  if [[ -e by_make ]]; then "$mpiexec" -n "$ranks" by_make/my_program | cmp mean_of_the_command; fi
  "$mpiexec" -n "$ranks" in_situ/in_situ >at_"$ranks"
  cmp at_1 at_"$ranks"
done
if (($(grep -c '^time [0-9]*: mean 0\.[0-9]*, ' "$work/at_1") != 3)); then
  cat "$work/at_1"
  exit 1
fi
