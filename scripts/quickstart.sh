#!/usr/bin/env bash
# Installs what is needed, builds, runs a small simulation on 2 ranks and clusters what it wrote.
#   scripts/quickstart.sh        RANKS=4 scripts/quickstart.sh       OUTPUT=folder scripts/quickstart.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ranks=${RANKS:-2}
output=${OUTPUT:-$serried_root/build/quickstart}

serried_install_packages build page
serried_mpi_environment
serried_cmake_options=(-DSERRIED_BUILD_TESTS=OFF -DSERRIED_BUILD_BENCH=OFF)
if [[ -e build/host/CMakeCache.txt ]]; then serried_cmake_options=(); fi
serried_build host programs

mkdir -p "$output"
cd "$output"
rm -f gs_*.h5 model.h5 labels.h5 quickstart-report.html
# Prints a command as one would type it, and runs it.
show() {
  local word line=''
  for word in "$@"; do
    word=${word#"$bin/"}
    if [[ $word == *[\[*?]* ]]; then word="'$word'"; fi
    line+=" $word"
  done
  printf '\n$%s\n' "$line" >&2
  "$@"
}
bin=$serried_root/build/host/bin
run=(mpirun -n "$ranks")

serried_say "a simulation on $ranks ranks: two substances that react and diffuse"
show "${run[@]}" "$bin/gray_scott" --size 256 --steps 4000 --every 1000 --output gs.h5
serried_say "what it has written"
show "$bin/serried" info gs_004000.h5
serried_say "statistics of u and v in the last two snapshots, which are read as one array"
show "${run[@]}" "$bin/serried" stats 'gs_00[34]000.h5:/fields/u' 'gs_00[34]000.h5:/fields/v'
serried_say "clusters of their cells, by u and v"
show "${run[@]}" "$bin/serried" kmeans 'gs_00[34]000.h5:/fields/u' 'gs_00[34]000.h5:/fields/v' \
  --sample-axes all --clusters 4 --model model.h5 --labels labels.h5 --report quickstart-report.html

cat <<END

Look at   $output/quickstart-report.html: the clusters beside the field, and where the time went.
There is  labels.h5, dataset /labels: the cluster of each cell; model.h5: the centres, for 'serried predict'.
Try next  --clusters 2:8 instead of 4, --picture map.png, --trace trace.json, or a file of your own: serried info FILE
END
