#!/usr/bin/env bash
# Shows that check.sh can fail: builds a small house that keeps the rules, then breaks each rule once and
# expects exactly that breach.
set -euo pipefail
check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/check.sh
house=$(mktemp -d)
trap 'rm -rf "$house"' EXIT
failures=0

build_house() {
  rm -rf "${house:?}"/*
  mkdir -p "$house"/include/serried/{base,comm,io} "$house"/src/{base,comm,io,backend/host} "$house"/apps/{tool,gray_scott}
  for room in base comm io backend/host; do echo "$room" >"$house/src/$room/README.md"; done
  printf '#pragma once\n#include <vector>\n' >"$house/include/serried/base/shape.hpp"
  printf '#include "serried/base/shape.hpp"\n' >"$house/include/serried/base/dtype.hpp"
  printf '#include "serried/base/shape.hpp"\n// MPI_Send is named in a comment only\n' >"$house/include/serried/context.hpp"
  printf '#include "serried/context.hpp"\n#include "io/file.hpp"\nint x = H5Fopen();\n' >"$house/src/io/file.cpp"
  printf '#include <hdf5.h>\n' >"$house/src/io/file.hpp"
  printf '#include <mpi.h>\nint x = MPI_Send();\n' >"$house/src/comm/send.cpp"
  printf '#include <hwy/highway.h>\n' >"$house/src/backend/host/sum.cpp"
  printf '#include <CLI/CLI.hpp>\n#include "serried/context.hpp"\n' >"$house/apps/tool/main.cpp"
  printf '#include <mpi.h>\n' >"$house/apps/gray_scott/main.cpp"
}

# expect RULE FILE TEXT [LINES]: TEXT added to FILE makes a breach of RULE (none if RULE is empty), told in
# at most LINES lines (default 1).
expect() {
  local rule=$1 file=$2 text=$3 output code=0
  build_house
  if [[ -n $file ]]; then
    mkdir -p "$(dirname "$house/$file")"
    printf '%b' "$text" >>"$house/$file"
  fi
  output=$("$check" "$house") || code=$?
  if [[ -z $rule && $code == 0 ]]; then return; fi
  if [[ -n $rule && $code == 1 && $output == *"$rule: "* && $(wc -l <<<"$output") -le ${4:-1} ]]; then return; fi
  printf 'expected breach "%s" by %s, got code %s and:\n%s\n' "$rule" "$file" "$code" "$output"
  failures=$((failures + 1))
}

expect "" "" ""
expect floor src/base/up.cpp '#include "serried/context.hpp"\n' 3 # it closes a circle, too
expect floor src/comm/up.cpp '#include "io/file.hpp"\n'
expect floor include/serried/comm/up.hpp '#include "serried/io/dataset.hpp"\n'
expect floor src/attic/old.cpp 'int x;\n' 2
expect apps apps/tool/in.cpp '#include "io/file.hpp"\n'
expect circle include/serried/base/shape.hpp '#include "serried/base/dtype.hpp"\n' 2
expect third-party src/io/send.cpp 'int y = MPI_Send();\n'
expect third-party apps/tool/main.cpp 'int y = MPI_Send();\n'
expect third-party include/serried/io/handle.hpp 'using Handle = hid_t;\n'
expect third-party src/comm/file.cpp '#include <hdf5.h>\n'
expect third-party src/io/lanes.cpp 'namespace hn = hwy::HWY_NAMESPACE;\n'
expect third-party src/io/exp.cpp 'double y = Sleef_finz_expd4_u10avx2(x);\n'
expect third-party src/io/factor.cpp '#include <Eigen/Dense>\n'
expect third-party src/backend/host/gpu.cpp 'int y = cudaMalloc();\n'
expect third-party src/io/tail.cpp 'double p = boost::math::cdf(t, 1.);\n'
expect third-party src/io/options.cpp '#include <CLI/CLI.hpp>\n'
expect public-header include/serried/io/text.hpp '#include <fmt/core.h>\n'
expect public-header include/serried/io/own.hpp '#include "io/file.hpp"\n'
expect visibility include/serried/io/seen.hpp 'namespace serried {\n'
expect visibility include/serried/io/seen.hpp 'namespace serried::own {\n'
expect "" include/serried/io/seen.hpp 'namespace SERRIED_API serried {\n'
expect visibility src/io/unseen.hpp 'namespace SERRIED_API serried {\n'
expect length src/base/long.cpp "$(printf 'int x;\\n%.0s' {1..601})"
expect length tests/long_test.cpp "$(printf 'int x;\\n%.0s' {1..601})"
expect readme src/base/sub/new.cpp 'int x;\n'
if ((failures > 0)); then exit 1; fi
echo "every planted breach was found"
