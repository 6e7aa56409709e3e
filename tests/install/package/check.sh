#!/usr/bin/env bash
# check.sh DEB FOLDER: run as root on a bare Debian 12, by scripts/package.sh --check. The package installs with all that
# it needs; its program, its pages and its library work; the same unpacked elsewhere, when it is not installed any more.
# FOLDER holds this folder's sources. Changes the system that it runs on.
set -euo pipefail
deb=$1 sources=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
say() { printf '== %s\n' "$*"; }
fail() { printf 'check.sh: %s\n' "$*" >&2; exit 1; }
quietly() { "$@" >"$work/log" 2>&1 </dev/null || { tail -n 30 "$work/log"; fail "$*"; }; }

# check_program PREFIX: what runs without a compiler.
check_program() {
  local bin=$1/bin
  "$bin/serried" --version | head -n 1
  (cd "$work" && "$bin/gray_scott" --size 32 --steps 20 --every 20 --output gs.h5 >/dev/null)
  field=$(compgen -G "$work/gs_*20.h5" | head -n 1):/fields/u
  "$bin/serried" stats "$field" --json | grep -q '"mean"' || fail "stats"
  "$bin/serried" stats "$field" --untrusted --json | grep -q '"mean"' || fail "stats --untrusted"
  [[ $("$bin/serried" completion objects "${field%/*}/") == *"/fields/u"* ]] || fail "completion of objects"
  [[ -s $1/share/man/man1/serried-kmeans.1.gz && -s $1/share/man/man1/serried.1.gz ]] || fail "manual pages"
  bash -nu "$1/share/bash-completion/completions/serried" || fail "completion of bash"
}

# check_library PREFIX: a CMake project and a Makefile.
check_library() {
  rm -rf "$work/sources" && cp -r "$sources" "$work/sources"
  local pkgconfig
  pkgconfig=$(dirname "$(find "$1/lib" -name serried.pc)")
  local -a cmake_options=() make_options=()
  if [[ $1 != /usr ]]; then
    cmake_options=(-DCMAKE_PREFIX_PATH="$1")
    make_options=(LDFLAGS="-Wl,-rpath,$(dirname "$pkgconfig")")
    export PKG_CONFIG_PATH=$pkgconfig
  fi
  quietly cmake -S "$work/sources" -B "$work/sources/build" "${cmake_options[@]}"
  quietly cmake --build "$work/sources/build"
  quietly make -C "$work/sources" by_make "${make_options[@]}"
  for program in build/by_cmake by_make; do
    "$work/sources/$program" "$field" >"$work/alone" || fail "$program"
    mpirun -n 2 "$work/sources/$program" "$field" >"$work/two" || fail "$program on 2 ranks"
    cmp "$work/alone" "$work/two"
    grep -q '^1024 values, mean 0\.' "$work/alone" || fail "$program says $(cat "$work/alone")"
  done
  library=$(ldd "$work/sources/by_make" | awk '$1 == "libserried.so.0.1" {print $3}')
  [[ $(realpath "$library") == "$1"/lib/* ]] || fail "by_make runs with another library: $library"
}

quietly apt-get -q update
say "apt installs the package, and what it depends on"
quietly apt-get -y -q install --no-install-recommends "$deb"
check_program /usr
say "a compiler, CMake, make and pkg-config beside it: no header of MPI or HDF5"
quietly apt-get -y -q install --no-install-recommends g++ cmake make pkg-config
[[ ! -e /usr/lib/x86_64-linux-gnu/openmpi/include/mpi.h && ! -e /usr/include/hdf5 ]] || fail "the system is not bare"
check_library /usr

say "the same tree elsewhere, the package removed"
mkdir -p /opt/elsewhere && dpkg -x "$deb" /opt/elsewhere
dpkg-query -W -f='${Package}\n' 'lib*' openmpi-bin 2>/dev/null | xargs apt-mark -q manual >/dev/null 2>&1
quietly apt-get -y -q purge serried
if compgen -G '/usr/lib/*/libserried*' >/dev/null || [[ -e /usr/bin/serried ]]; then fail "purge leaves files"; fi
mv /opt/elsewhere/usr /opt/moved
check_program /opt/moved
check_library /opt/moved
say "the package works"
