#!/usr/bin/env bash
# check.sh ROOT: the floors (who may include whom), circles, who may name a third party, what public
# headers include, the length of files, a README in each folder of src/. Prints every breach; exit code 1
# if there is one. docs/architecture.md tells the reasons.
set -euo pipefail
rules=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/rules.awk
cd "$1"
export LC_ALL=C
found=$(mktemp) private=$(mktemp)
trap 'rm -f "$found" "$private"' EXIT

(cd src && find . -name '*.hpp' | sed 's|^\./||') >"$private"
mapfile -t sources < <(find include src apps -type f \
  \( -name '*.[ch]pp' -o -name '*.[ch]pp.in' -o -name '*.cu' -o -name '*.cuh' -o -name '*.[ch]' \) | sort)
if ((${#sources[@]} == 0)); then
  echo "no sources below $1"
  exit 1
fi
awk -f "$rules" "$private" "${sources[@]}" >"$found"

# tsort names the members of a circle on its standard error.
circles() {
  # shellcheck disable=SC2069  # its standard error is what is wanted
  awk -v kind="$1" '$1 == kind && $2 != $3 {print $2, $3}' "$found" | { tsort 2>&1 >/dev/null || true; }
}
breaches=$(
  grep -v -E '^(edge|room) ' "$found" || true
  circles edge | sed '/input contains a loop/d; s/^tsort: /circle: files: /'
  circles room | sed '/input contains a loop/d; s/^tsort: /circle: folders: /'
  find tests bench cmake fuzz scripts jobscripts -type f 2>/dev/null | sort | while read -r file; do
    if (($(wc -l <"$file") > 600)); then echo "$file:601: length: more than 600 lines"; fi
  done
  find src -mindepth 1 -type d | sort | while read -r folder; do
    if compgen -G "$folder/*.*" >/dev/null && [[ ! -e $folder/README.md ]]; then
      echo "$folder: readme: this folder has no README.md"
    fi
  done
)
if [[ -n $breaches ]]; then
  printf '%s\n' "$breaches"
  exit 1
fi
echo "${#sources[@]} files keep the rules"
