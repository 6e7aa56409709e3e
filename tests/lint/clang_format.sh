#!/usr/bin/env bash
# clang_format.sh ROOT: every C++ file is formatted as .clang-format says; names those that are not. Exit
# code 77 (skipped) where clang-format 14 is absent: other versions format otherwise.
set -euo pipefail
cd "$1"
for tool in clang-format-14 clang-format none; do
  if [[ $tool == none ]]; then echo "clang-format 14 is not there"; exit 77; fi
  if [[ $("$tool" --version 2>/dev/null) == *"version 14."* ]]; then break; fi
done
mapfile -t files < <(find include src apps tests bench docs fuzz -type f \( -name '*.[ch]pp' -o -name '*.cu' -o -name '*.cuh' \) | sort)
failures=0
for file in "${files[@]}"; do
  if ! "$tool" "$file" | cmp -s - "$file"; then
    echo "not formatted: $file"
    failures=$((failures + 1))
  fi
done
echo "${#files[@]} files, $failures not formatted ($tool -i FILE mends it)"
if ((failures > 0)); then exit 1; fi
