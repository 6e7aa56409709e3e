#!/usr/bin/env bash
# missing_packages.sh ROOT: without apt-get and sudo, what is needed and missing is named with its Debian and its
# Spack name, and the script ends with code 1; what is there is not named; what is not needed stops nobody.
set -euo pipefail
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/scripts" "$work/bin" "$work/prefix/include"
cp "$root/scripts/lib.sh" "$work/scripts/"
for tool in bash cat dirname grep env id; do ln -s "$(command -v "$tool")" "$work/bin/$tool"; done
touch "$work/prefix/include/present.h"

# expect CODE TEXT PACKAGES: packages.txt holds PACKAGES; TEXT must be printed (nothing if empty).
expect() {
  local code=0 output
  printf '%b' "$3" >"$work/scripts/packages.txt"
  output=$(PATH="$work/bin" CMAKE_PREFIX_PATH="$work/prefix" bash -c \
    "source '$work/scripts/lib.sh'; serried_install_packages build extra" 2>&1) || code=$?
  if ((code != $1)) || [[ $output != *$2* || (-z $2 && -n $output) || $output == *present* ]]; then
    printf 'expected code %s and "%s", got code %s and:\n%s\n' "$1" "$2" "$code" "$output"
    exit 1
  fi
}
here='build libpresent-dev present file:include/present.h found in CMAKE_PREFIX_PATH\nbuild bash bash cmd:bash found\n'
expect 0 "" "$here"
expect 1 "libabsent-dev            absent+mpi           the first reason" \
  "${here}build libabsent-dev absent+mpi file:include/absent.h the first reason\n"
expect 1 "absent-tool" "${here}build absent-tool absent cmd:absent_tool reason\nextra other other cmd:other reason\n"
expect 0 "Not there, and not needed" "${here}extra absent-tool absent cmd:absent_tool reason\n"
expect 0 "" "${here}test absent-tool absent cmd:absent_tool of a set that was not asked for\n"
echo "missing packages are named"
