#!/usr/bin/env bash
# Packs programs, tests, benchmarks and the CUDA module with Open MPI, HDF5 and what else they need into a folder
# that runs on another Linux machine, wherever it lies there: no compiler, no MPI, no HDF5 is asked for.
#   scripts/gpu-bundle.sh [--no-build] [--build-tree TREE] [--archive FILE.tar.xz] [FOLDER]
# FOLDER (default build/gpu-bundle) is made anew. There, `FOLDER/run.sh COMMAND...` runs one of the programs and
# `FOLDER/gpu-check.sh` checks a GPU (docs/gpu.md). --no-build takes what the tree (default build/host) holds. The
# C library, the C++ run-time library where it is new enough, and CUDA's driver are the other machine's own.
set -euo pipefail
called_from=$PWD
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

is_building=1
tree=$serried_root/build/host
folder=''
archive=''
absolute() { if [[ $1 == /* ]]; then printf '%s\n' "$1"; else printf '%s\n' "$called_from/$1"; fi; }
while (($#)); do
  case $1 in
    --no-build) is_building=0 ;;
    --build-tree) tree=$(absolute "${2:?--build-tree wants a folder}"); shift ;;
    --archive) archive=$(absolute "${2:?--archive wants a file}"); shift ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' scripts/gpu-bundle.sh; exit 0 ;;
    -*) echo "gpu-bundle.sh: there is no option $1" >&2; exit 2 ;;
    *) folder=$(absolute "$1") ;;
  esac
  shift
done
folder=${folder:-$serried_root/build/gpu-bundle}
folder=${folder%/}

fail() { echo "gpu-bundle.sh: $*" >&2; exit 1; }
if [[ -e $folder && ! -e $folder/MANIFEST && -n $(ls -A "$folder") ]]; then
  fail "$folder is no bundle of this script; it is left alone"
fi
for tool in ompi_info mpirun ldd strip python3; do
  command -v "$tool" >/dev/null || fail "$tool is not there (the bundle is made with Open MPI 4)"
done

# The tests that the device matters for, as "program kind ranks timeout".
tests=$(python3 scripts/gpu_check.py --list-tests tests)
benches=(copy_bandwidth moments kmeans histogram random upload)

if ((is_building)); then
  if [[ $tree != "$serried_root/build/host" ]]; then fail "--build-tree goes with --no-build"; fi
  targets=(serried_program gray_scott_program serried_cuda)
  while read -r program _; do targets+=("$program"); done <<<"$tests"
  for bench in "${benches[@]}"; do targets+=("bench_cuda_$bench"); done
  if [[ -d tests/nccl_stand_in ]] || grep -rqs serried_nccl_stand_in tests --include=CMakeLists.txt; then
    targets+=(serried_nccl_stand_in)
  fi
  serried_build host "${targets[@]}" >&2
fi

[[ -x $tree/bin/serried ]] || fail "$tree/bin/serried is not there: leave out --no-build"
[[ -e $tree/lib/libserried_cuda.so ]] || fail "$tree has no CUDA module (is nvcc there?)"

# A module of another build would be refused where it is too late to build again.
built_from=$("$tree/bin/serried" --version 2>/dev/null | sed -n '1s/.*(\([^)]*\)).*/\1/p')
if [[ -n $built_from ]] && ! grep -qaF "$built_from" "$tree/lib/libserried_cuda.so"; then
  fail "the module in $tree/lib is of another build than the programs ($built_from); build again"
fi

rm -rf "$folder"
mkdir -p "$folder"/{bin,bench,tests,lib/other,lib/compiler,openmpi/bin,openmpi/lib/openmpi,openmpi/share,openmpi/etc}

# take FILE FOLDER...: a stripped copy, links followed.
take() {
  local copy=$2/${3:-$(basename "$1")}
  cp -L "$1" "$copy"
  chmod u+w "$copy"
  strip --strip-unneeded "$copy" 2>/dev/null || true
}

# --- Serried itself
for program in serried gray_scott; do take "$tree/bin/$program" "$folder/bin"; done
take "$tree/lib/libserried_cuda.so" "$folder/lib"
for library in "$tree"/lib/libserried.so.* "$tree/tests/libserried_nccl_stand_in.so"; do
  if [[ -e $library ]]; then take "$library" "$folder/lib"; fi
done
missing=()
while read -r program kind ranks seconds; do
  [[ -n $program ]] || continue
  if [[ -x $tree/tests/$program ]]; then
    take "$tree/tests/$program" "$folder/tests"
    printf '%s %s %s %s\n' "$program" "$kind" "$ranks" "$seconds" >>"$folder/tests/tests.list"
  else missing+=("$program"); fi
done <<<"$tests"
touch "$folder/tests/tests.list"
for bench in "${benches[@]}"; do
  if [[ -x $tree/bin/bench/cuda_$bench ]]; then take "$tree/bin/bench/cuda_$bench" "$folder/bench"
  else missing+=("cuda_$bench"); fi
done
cp bench/cuda_peers.py "$folder/bench/"
cp scripts/gpu-check.sh scripts/gpu_check.py scripts/gpu_steps.py "$folder/"

# --- Open MPI: the launcher, its plugins but those for networks that need more, and its texts
ompi_path() { ompi_info --path "$1" --parsable | sed -n "s/^path:$1://p"; }
for program in orterun orted; do take "$(command -v "$program")" "$folder/openmpi/bin"; done
ln -s orterun "$folder/openmpi/bin/mpirun"
ln -s orterun "$folder/openmpi/bin/mpiexec"
not_wanted='libuc[mpst]\.|libfabric\.|libpsm|libibverbs\.|librdmacm\.|liboshmem\.|libslurm|libnl-|not found'
for plugin in "$(ompi_path pkglibdir)"/mca_*.so; do
  if [[ ! $(ldd "$plugin") =~ $not_wanted ]]; then take "$plugin" "$folder/openmpi/lib/openmpi"; fi
done
cp -r "$(ompi_path pkgdatadir)" "$folder/openmpi/share/openmpi"
find "$folder/openmpi/share/openmpi" -name '*wrapper-data.txt' -delete
cp -L "$(ompi_path sysconfdir)"/openmpi-{mca-params.conf,default-hostfile} "$folder/openmpi/etc/"
pmix=$(ldd "$folder/openmpi/lib/openmpi/"mca_pmix_ext*.so 2>/dev/null |
  sed -n 's/.*libpmix\.so[^ ]* => \([^ ]*\) .*/\1/p' | head -n 1)
mkdir -p "$folder/pmix/lib/pmix" "$folder/pmix/share" "$folder/pmix/etc"
if [[ -n $pmix ]]; then
  pmix=$(dirname "$(readlink -f "$pmix")")
  for plugin in "$pmix"/pmix/*.so; do
    if [[ -e $plugin && ! $(ldd "$plugin") =~ $not_wanted ]]; then take "$plugin" "$folder/pmix/lib/pmix"; fi
  done
  if [[ -d $pmix/../share/pmix ]]; then cp -r "$pmix/../share/pmix" "$folder/pmix/share/"; fi
fi

# --- every library that one of these needs, but the C library and the driver
glibc='^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|anl|mvec|nss_[a-z]*|cuda|nvidia-ml))\.so(\.|$)'
while read -r name path; do
  if [[ $name =~ $glibc ]]; then continue; fi
  case $name in
    libstdc++.so.* | libgcc_s.so.*) take "$path" "$folder/lib/compiler" "$name" ;;
    libserried*) ;;
    libcuda* | libcublas* | libcusolver* | libcusparse* | libnvrtc* | libnvJitLink* | libnccl.*) ;;  # CUDA's own
    *) take "$path" "$folder/lib/other" "$name" ;;
  esac
done < <(find "$folder" -type f \( -perm -u+x -o -name '*.so*' \) ! -name '*.sh' ! -name '*.py' -print0 |
  LD_LIBRARY_PATH="$folder/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" xargs -0 -n 1 ldd 2>/dev/null |
  awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' | sort -u -k 1,1)

cat >"$folder/run.sh" <<'RUN'
#!/usr/bin/env bash
# run.sh COMMAND...: runs a program of this folder (serried, mpirun, a test, a benchmark) with the libraries and
# the Open MPI of this folder.   run.sh mpirun -n 2 serried kmeans DATA --clusters 8 --device cuda --share-gpu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if (($# == 0)); then sed -n '2,3s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; fi
if [[ ${SERRIED_BUNDLE:-} != "$here" ]]; then
  export SERRIED_BUNDLE=$here
  export PATH=$here/bin:$here/tests:$here/bench:$here/openmpi/bin:${PATH:-/usr/local/bin:/usr/bin:/bin}
  libraries=$here/lib:$here/lib/other
  # The compiler's run-time library is the machine's own, unless it is older than what the programs want.
  if LD_LIBRARY_PATH=$libraries ldd "$here/bin/serried" 2>&1 |
    grep -qE '(libstdc\+\+|libgcc_s).*not found|(GLIBCXX|CXXABI|GCC)_[0-9.]+.*not found'; then
    libraries+=:$here/lib/compiler
  fi
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export OPAL_PREFIX=$here/openmpi OPAL_BINDIR=$here/openmpi/bin OPAL_LIBDIR=$here/openmpi/lib
  export OPAL_PKGLIBDIR=$here/openmpi/lib/openmpi OPAL_DATADIR=$here/openmpi/share
  export OPAL_PKGDATADIR=$here/openmpi/share/openmpi OPAL_SYSCONFDIR=$here/openmpi/etc
  export PMIX_PREFIX=$here/pmix PMIX_INSTALL_PREFIX=$here/pmix PMIX_LIBDIR=$here/pmix/lib
  export PMIX_PKGLIBDIR=$here/pmix/lib/pmix PMIX_PKGDATADIR=$here/pmix/share/pmix PMIX_SYSCONFDIR=$here/pmix/etc
  export HWLOC_PLUGINS_PATH=$here/lib/hwloc
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
  export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_vader_single_copy_mechanism=none
  export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
  # All ranks are on this machine, which may have no network but the loopback, and no ssh.
  export OMPI_MCA_btl=self,vader,tcp OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
  export OMPI_MCA_plm=isolated OMPI_MCA_ras=^slurm,gridengine
  export TMPDIR=${TMPDIR:-/tmp} HOME=${HOME:-/tmp}
  # The folder of Open MPI's sockets must have a short name.
  if ((${#TMPDIR} > 40)); then export OMPI_MCA_orte_tmpdir_base=/tmp PMIX_SYSTEM_TMPDIR=/tmp; fi
fi
exec "$@"
RUN
chmod +x "$folder/run.sh" "$folder/gpu-check.sh"

# --- what is in it
cache_value() { sed -n "s/^$1:[^=]*=//p" "$tree/CMakeCache.txt" 2>/dev/null | head -n 1; }
{
  changes=''
  git diff --quiet HEAD 2>/dev/null || changes=' with changes'
  echo "commit $(git rev-parse HEAD 2>/dev/null || echo unknown)$changes"
  echo "serried $("$tree/bin/serried" --version 2>/dev/null | head -n 1)"
  echo "made $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "build $(cache_value CMAKE_BUILD_TYPE)"
  echo "compiler $("$(cache_value CMAKE_CXX_COMPILER)" --version 2>/dev/null | head -n 1)"
  echo "cuda $("$(cache_value CMAKE_CUDA_COMPILER)" --version 2>/dev/null | sed -n 's/.*release //p')"
  echo "architectures $(cache_value SERRIED_CUDA_ARCHITECTURES)"
  echo "mpi $(mpirun --version 2>/dev/null | head -n 1)"
  echo "glibc $(ldd --version | sed -n '1s/.* //p') or newer"
  for library in "$folder"/lib/other/*; do echo "library $(basename "$library")"; done
  for program in "${missing[@]}"; do echo "not-built $program"; done
} >"$folder/MANIFEST"

serried_say "$folder: $(du -sm "$folder" | cut -f 1) MB, $(wc -l <"$folder/tests/tests.list") tests"
if ((${#missing[@]})); then serried_say "not built, and so left out: ${missing[*]}"; fi
if [[ -n $archive ]]; then
  tar -C "$(dirname "$folder")" -cf - "$(basename "$folder")" | xz -T 0 -6 >"$archive.part"
  mv "$archive.part" "$archive"
  serried_say "$archive: $(du -m "$archive" | cut -f 1) MB"
fi
