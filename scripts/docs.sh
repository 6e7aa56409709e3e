#!/usr/bin/env bash
# Builds the documents as a site for a browser, from docs/*.md and the doc comments of include/serried:
# build/docs/site/index.html. It needs no network and no server to be read. Broken links are errors.
#   scripts/docs.sh
# It installs doxygen, and Sphinx into an environment of its own, build/docs/venv (scripts/docs.txt).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
case ${1:-} in
  '') ;;
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "scripts/docs.sh"; exit 0 ;;
  *) echo "scripts/docs.sh takes no arguments" >&2; exit 2 ;;
esac

serried_install_packages docs
out=build/docs
mkdir -p "$out"
if ! cmp -s scripts/docs.txt "$out/venv/docs.txt"; then
  serried_say "installing Sphinx into $out/venv"
  python3 -m venv --clear "$out/venv"
  "$out/venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 --timeout 30 \
    --only-binary :all: -r scripts/docs.txt </dev/null
  cp scripts/docs.txt "$out/venv/docs.txt"
fi

serried_say "reading the doc comments"
rm -rf "$out/doxygen" "$out/site"
mkdir -p "$out/doxygen"
doxygen docs/site/Doxyfile
python3 docs/site/public_members.py "$out/doxygen/xml"
python3 docs/site/stage.py . "$out/source"
serried_say "building the site"
"$out/venv/bin/sphinx-build" -q -W --keep-going -E -b html -c docs/site -d "$out/doctrees" "$out/source" "$out/site"
python3 docs/site/check.py "$out/site"
echo "$serried_root/$out/site/index.html"
