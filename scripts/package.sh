#!/usr/bin/env bash
# Builds the Debian package of Serried: build/package/serried_VERSION_amd64.deb.
#   scripts/package.sh [--no-build] [--lint] [--check [ROOT]]
# --lint has lintian look at it. --check installs and tries it on a bare Debian 12: in a copy of the system below the
# folder ROOT, or in one that debootstrap makes from this machine's package sources. --check needs root.
# --no-build takes the package that is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

is_building=1 is_linting=0 is_checking=0 base=''
while (($#)); do
  case $1 in
    --no-build) is_building=0 ;;
    --lint) is_linting=1 ;;
    --check)
      is_checking=1
      if [[ ${2:-} == /* ]]; then base=$2; shift; fi ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' scripts/package.sh; exit 0 ;;
    *) echo "scripts/package.sh: there is no option $1" >&2; exit 2 ;;
  esac
  shift
done

if ((is_building)); then
  serried_install_packages build page package
  serried_build package
  rm -f build/package/*.deb
  log=$(mktemp)
  cpack --preset deb >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; exit 1; }
  rm -f "$log"
fi
deb=$(compgen -G "$serried_root/build/package/serried_*.deb" || true)
if [[ ! -f $deb ]]; then echo "scripts/package.sh: there is no package in build/package" >&2; exit 1; fi
serried_say "${deb#"$serried_root/"}: $(du -k "$deb" | cut -f 1) KiB"

if ((is_linting)); then
  serried_install_packages lint
  serried_say "lintian"
  lintian --fail-on error,warning "$deb"
fi

if ((is_checking)); then
  if ((EUID != 0)); then echo "scripts/package.sh: --check needs root" >&2; exit 1; fi
  folder=$(mktemp -d "${TMPDIR:-/var/tmp}/serried-debian.XXXXXX")
  root=$folder/root
  finish() {
    umount -l "$root/dev/shm" "$root/dev" "$root/sys" "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$folder"
  }
  trap finish EXIT
  if [[ -n $base ]]; then
    cp -a "$base" "$root"
  else
    serried_install_packages bare
    mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' \
      /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
    serried_say "debootstrap"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" >"$folder/log" 2>&1 ||
      { tail -n 5 "$folder/log" >&2; exit 1; }
    for settings in sources.list.d/debian.sources sources.list apt.conf.d; do
      if [[ -e /etc/apt/$settings ]]; then cp -rT "/etc/apt/$settings" "$root/etc/apt/$settings"; fi
    done
    cp -rLT /etc/ssl/certs "$root/etc/ssl/certs"
  fi
  cp -fL /etc/resolv.conf /etc/hosts "$root/etc/"
  mount --bind /proc "$root/proc"
  mount --bind /sys "$root/sys"
  mount --bind /dev "$root/dev"
  mount --bind /dev/shm "$root/dev/shm"
  mkdir "$root/srv/check"
  cp -r "$deb" tests/install/package "$root/srv/check/"
  chmod -R a+rX "$root/srv/check"
  keep=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb)
  while IFS= read -r variable; do keep+=("$variable"); done \
    < <(env | grep -iE '^(https?_proxy|no_proxy|SSL_CERT_FILE)=' || true)
  env -i "${keep[@]}" chroot "$root" /srv/check/package/check.sh "/srv/check/$(basename "$deb")" /srv/check/package
fi
