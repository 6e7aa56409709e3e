#!/usr/bin/env bash
# shell_scripts.sh ROOT: shellcheck finds nothing in any shell script. Exit code 77 (skipped) where it is absent.
set -euo pipefail
cd "$1"
if ! command -v shellcheck >/dev/null; then
  echo "shellcheck is not there"
  exit 77
fi
mapfile -t files < <(find scripts jobscripts tests fuzz bench cmake -type f -name '*.sh' | sort)
shellcheck --external-sources --source-path=SCRIPTDIR "${files[@]}" .ci/run
echo "${#files[@]} scripts"
