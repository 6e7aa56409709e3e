# shellcheck shell=bash
# Functions that the scripts share. Source it from bash: it sets serried_root and changes to it.
serried_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$serried_root" || exit 1

serried_say() { printf '== %s\n' "$*" >&2; }

# Open MPI refuses root and more ranks than cores unless told; other launchers ignore these. Ranks that
# wait give their core away, so that a test with more ranks than cores does not crawl.
serried_mpi_environment() {
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
  export OMPI_MCA_hwloc_base_binding_policy=none
  # Containers often forbid the system call that vader copies with; it then warns on every start.
  export OMPI_MCA_btl_vader_single_copy_mechanism=none
  export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
}

# The lines of packages.txt whose set is among the arguments.
serried_packages() {
  local set debian spack probe reason
  while read -r set debian spack probe reason; do
    if [[ " $* " == *" $set "* ]]; then printf '%s\n' "$set $debian $spack $probe $reason"; fi
  done < <(grep -v '^#' scripts/packages.txt)
}

# Is what a package brings there, wherever it comes from (Spack, modules, built by hand)?
serried_is_found() {
  local kind=${1%%:*} what=${1#*:} prefix
  if [[ $kind == cmd ]]; then
    command -v "$what" >/dev/null
    return
  fi
  if [[ $kind == py ]]; then
    python3 -c "import $what" 2>/dev/null
    return
  fi
  local -a prefixes
  IFS=: read -r -a prefixes <<<"${CMAKE_PREFIX_PATH:-}:/:/usr:/usr/local"
  for prefix in "${prefixes[@]}"; do
    if [[ -n $prefix && -e $prefix/$what ]]; then return 0; fi
  done
  return 1
}

serried_has_debian_package() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# The command that gives root's rights: nothing for root, sudo where it works without a password or where
# somebody can type it; fails where there is neither.
serried_become_root() {
  if ((EUID == 0)); then echo "env"
  elif ! command -v sudo >/dev/null; then return 1
  elif sudo -n true 2>/dev/null; then echo "sudo -n"
  elif [[ -t 0 ]] && sudo -v; then echo "sudo"
  else return 1
  fi
}

# serried_install_packages SET...: installs with apt exactly what is missing. Where that cannot be done
# and something that is needed is missing indeed, it names every missing package and ends the script with
# code 1.
serried_install_packages() {
  local set debian spack probe reason rights failure="apt-get is not there"
  local -a wanted=() missing=()
  local is_needed=0
  while read -r set debian spack probe reason; do
    if command -v dpkg-query >/dev/null && serried_has_debian_package "$debian"; then continue; fi
    if serried_is_found "$probe"; then continue; fi
    wanted+=("$debian")
    missing+=("$debian|$spack|$reason")
    if [[ $set != extra && $set != page ]]; then is_needed=1; fi
  done < <(serried_packages "$@")
  if ((${#wanted[@]} == 0)); then return 0; fi

  if command -v apt-get >/dev/null; then
    failure="neither root nor sudo"
    if rights=$(serried_become_root); then
      serried_say "installing ${wanted[*]}"
      if serried_apt "$rights" update && serried_apt "$rights" install --no-install-recommends "${wanted[@]}"; then
        return 0
      fi
      failure="apt-get failed"
    fi
  fi
  {
    if ((is_needed)); then echo "Serried needs packages that cannot be installed from here ($failure):"
    else echo "Not there, and not needed ($failure):"; fi
    printf '  %-24s %-20s %s\n' "Debian" "Spack" "for"
    local entry
    for entry in "${missing[@]}"; do
      IFS='|' read -r debian spack reason <<<"$entry"
      printf '  %-24s %-20s %s\n' "$debian" "$spack" "$reason"
    done
  } >&2
  if ((is_needed)); then
    echo "Install them (apt-get install ..., or spack install and spack load ...) and run this again." >&2
    exit 1
  fi
}

# serried_apt RIGHTS ARGUMENTS...: apt-get without questions; its output only where it fails.
serried_apt() {
  local -a rights
  local log
  read -r -a rights <<<"$1"
  shift
  log=$(mktemp)
  if "${rights[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  rm -f "$log"
  return 1
}

# Jobs for the build: the CPUs of this process, but 1.5 GiB of memory for each compiler.
serried_jobs() {
  local cpus memory
  cpus=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo 2>/dev/null || echo "$cpus")
  if ((memory < 1)); then memory=1; fi
  echo $((memory < cpus ? memory : cpus))
}

# serried_build PRESET [TARGET...]: configures and builds; CMake's own words only where it fails.
serried_build() {
  local preset=$1
  shift
  serried_say "building (preset $preset, $(serried_jobs) jobs)"
  local log
  log=$(mktemp)
  if ! cmake --preset "$preset" "${serried_cmake_options[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  cmake --build --preset "$preset" -j "$(serried_jobs)" ${1:+--target "$@"}
}
serried_cmake_options=()

# The Python oracles live in .venv. Without them (no network, say) the tests that ask them are skipped.
serried_make_venv() {
  local list=scripts/oracles.txt stamp=.venv/oracles.txt
  if cmp -s "$list" "$stamp"; then return 0; fi
  serried_say "installing the Python oracles into .venv"
  if python3 -m venv .venv >/dev/null && .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --retries 2 --timeout 30 --only-binary :all: -r "$list" </dev/null; then
    cp "$list" "$stamp"
  else
    serried_say "they cannot be installed: tests against NumPy, h5py, SciPy and scikit-learn are skipped"
  fi
}
