#!/usr/bin/env bash
# consumer.sh CMAKE BUILD_TREE CXX MPIEXEC SANITIZERS: what is installed is enough, wherever it is moved to:
# find_package and pkg-config both build a program that runs, and so is apps/gray_scott built.
set -euo pipefail
cmake=$1 build_tree=$2 cxx=$3 mpiexec=$4 sanitizers=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build_tree" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/moved"
if grep -rl -e "$work/first" -e "$build_tree" "$work/moved" --include='*.cmake' --include='*.pc' --include='*.hpp'; then
  echo "the files above name the build tree or the first prefix"
  exit 1
fi

flags=-O1
if [[ -n $sanitizers ]]; then flags+=" -fsanitize=$sanitizers"; fi
export CCACHE_DISABLE=1
export CMAKE_GENERATOR=Ninja  # the presets' own; a bare system has no make
"$cmake" -S "$here/consumer" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_CXX_COMPILER="$cxx" \
  -DCMAKE_CXX_FLAGS="$flags" -DGRAY_SCOTT="$here/../../apps/gray_scott" >"$work/log" || { cat "$work/log"; exit 1; }
"$cmake" --build "$work/build" >"$work/log" || { cat "$work/log"; exit 1; }
"$mpiexec" -n 2 "$work/build/consumer"

# The program finds what it starts and what belongs to it where it has been moved to.
seed=$here/../../fuzz/seeds/hdf5/scales.h5
env -u SERRIED_CHECK_PROGRAM "$work/moved/bin/serried" info --untrusted "$seed" >"$work/log" || { cat "$work/log"; exit 1; }
[[ -n $("$work/moved/bin/serried" completion objects "$seed:/") ]] || { echo "no objects are offered"; exit 1; }
for page in man/man1/serried.1 man/man1/serried-kmeans.1 bash-completion/completions/serried; do
  [[ -s $work/moved/share/$page ]] || { echo "share/$page is not installed"; exit 1; }
done

# Another MPI than the one that Serried was built with is refused.
cp -r "$work/moved" "$work/foreign"
sed -i 's|libmpi[a-z]*\.so|libother_mpi.so|' "$(find "$work/foreign" -name serriedConfig.cmake)"
if "$cmake" -S "$here/consumer" -B "$work/refused" -DCMAKE_PREFIX_PATH="$work/foreign" -DCMAKE_CXX_COMPILER="$cxx" \
  -DIS_MPI_FIRST=ON >"$work/log" 2>&1 || ! tr -s ' \n' ' ' <"$work/log" | grep -q "built with the MPI library [^ ]*libother_mpi.so"; then
  cat "$work/log"
  exit 1
fi

PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name serried.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046,SC2086  # lists of flags
"$cxx" -std=c++20 $flags "$here/consumer/main.cpp" -o "$work/by_pkg_config" $(pkg-config --cflags --libs serried) \
  -Wl,-rpath,"$(dirname "$PKG_CONFIG_PATH")"
"$mpiexec" -n 2 "$work/by_pkg_config"

# The batch scripts find their functions from the program.
code=0
SERRIED=$work/moved/bin/serried "$work/moved/share/serried/jobscripts/plain_mpirun.sh" 2>"$work/log" || code=$?
if ((code != 2)) || ! grep -q "arguments are needed" "$work/log"; then
  cat "$work/log"
  exit 1
fi
