#!/usr/bin/env bash
# Checks Serried on this machine's GPU: the CUDA tests, the tests of arrays and k-means on the card at 1 to 4 ranks,
# compute-sanitizer, the benchmarks and PyTorch beside them; one table, and one JSON file in OUT.
#   scripts/gpu-check.sh [--quick] [--only tests|sanitizer|bench]... [--out OUT] [--timeout S] [--budget S] ...
# Runs in the build tree or in a folder made by gpu-bundle.sh; --help names the other options. The exit code is the
# number of failed steps, 100 at most. docs/gpu.md tells how to read the report.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "gpu-check.sh needs python3 (or PYTHON=...)" >&2
  exit 100
fi
exec "$python" -u "$here/gpu_check.py" "$@"
