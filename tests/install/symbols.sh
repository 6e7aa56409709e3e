#!/usr/bin/env bash
# symbols.sh NM LIBRARY SONAME: the shared library shows what the public headers declare, and nothing of the inside.
set -euo pipefail
nm=$1 library=$2 soname=$3
symbols=$("$nm" -DC --defined-only "$library")
readelf -d "$library" | grep -qF "soname: [$soname]" || { echo "the SONAME is not $soname"; exit 1; }
# Nothing but Serried's API, and what templates of the standard library leave behind (weak symbols).
strange=$(grep -vE '^[0-9a-f]+ [A-Za-z] .*serried::' <<<"$symbols" | grep -vE '^[0-9a-f]+ [VWu] .*\bstd::' |
  grep -vE ' serried_|^[0-9a-f]+ [VWu] .*__gnu' || true)
# (GCC shows full specialisations of function templates whatever it is told; nm writes their types in front.)
inside=$(grep -E '^[0-9a-f]+ [A-TX-Z] serried::(\(anonymous namespace\)|app|cluster_scores|cuda|guard|hdf5|host|kmeans|page|picture)::' <<<"$symbols" || true)
if [[ -n $strange$inside ]]; then
  printf 'shown, but no API:\n%s\n%s\n' "$strange" "$inside"
  exit 1
fi
for name in 'serried::Dataset::open(' 'serried::compute_statistics(' 'serried::fit_kmeans(' 'typeinfo for serried::IoError' \
  'serried::Runtime::Runtime(' 'serried::faults::'; do
  grep -qF "$name" <<<"$symbols" || { echo "not shown: $name"; exit 1; }
done
echo "$(wc -l <<<"$symbols") symbols"
