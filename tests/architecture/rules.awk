# The rules of the house, checked line by line. Reads source files below the root; prints one line for
# each breach, `file:line: rule: what`, and the include edges (`edge FILE FILE`, `room ROOM ROOM`) for the
# search for circles.
BEGIN {
  split("base 0 device 1 backend 1 comm 2 context 3 expr 4 array 5 frame 5 io 6 ml 7 report 8 serried 9 apps 9", list, " ")
  for (i = 1; i in list; i += 2) floor_of[list[i]] = list[i + 1]
}

# include/serried/io/address.hpp and src/io/address.cpp -> io; include/serried/context.hpp -> context.
function room_of(path) {
  sub(/^include\/serried\//, "", path)
  sub(/^src\//, "", path)
  sub(/\/.*/, "", path)
  sub(/\.hpp(\.in)?$/, "", path)
  return path
}

function breach(rule, what) { print FILENAME ":" FNR ": " rule ": " what }

function starts_with(text, prefix) { return substr(text, 1, length(prefix)) == prefix }

# Third parties that only the given folders may name.
function check_name(regex, what, allowed,    i, n, folders) {
  if (code !~ regex) return
  n = split(allowed, folders, " ")
  for (i = 1; i <= n; ++i) if (starts_with(FILENAME, folders[i])) return
  breach("third-party", what " is named outside of " allowed)
}

function check_include(target, is_quoted,    to, at) {
  if (FILENAME ~ /^include\// && !(is_quoted && starts_with(target, "serried/")) &&
      !(!is_quoted && target ~ /^[a-z0-9_]+$/))
    breach("public-header", "includes " target ", which is neither the standard library nor serried/")
  if (!is_quoted) return
  if (starts_with(FILENAME, "apps/") && !starts_with(target, "serried/")) {
    if (target in is_private) breach("apps", "includes the private header " target)
    return
  }
  to = target
  sub(/^serried\//, "", to)
  to = room_of(to)
  if (!(to in floor_of)) return
  if (floor_of[to] > floor_of[room])
    breach("floor", room " (floor " floor_of[room] ") includes " target " (floor " floor_of[to] ")")
  at = starts_with(target, "serried/") ? "include/" target : "src/" target
  print "edge " FILENAME " " at
  if (to != room) print "room " room " " to
}

# The first file is the list of private headers, relative to src/.
FILENAME == ARGV[1] { is_private[$1] = 1; next }

FNR == 1 {
  room = room_of(FILENAME)
  if (!(room in floor_of)) breach("floor", "the folder " room " has no floor")
  in_comment = 0
}

FNR == 601 { breach("length", "more than 600 lines") }

{
  code = $0
  if (in_comment) {
    if (code !~ /\*\//) next
    sub(/^.*\*\//, "", code)
    in_comment = 0
  }
  gsub(/\/\*[^*]*\*\//, "", code)
  if (code ~ /^[ \t]*#[ \t]*include[ \t]*[<"]/) {
    target = code
    is_quoted = code ~ /include[ \t]*"/
    sub(/^[^<"]*[<"]/, "", target)
    sub(/[>"].*/, "", target)
    check_include(target, is_quoted)
  } else {
    gsub(/\\"/, "", code)
    gsub(/"[^"]*"/, "\"\"", code)
  }
  sub(/\/\/.*/, "", code)
  if (code ~ /\/\*/) { sub(/\/\*.*/, "", code); in_comment = 1 }

  if (FILENAME ~ /^include\// && code ~ /^namespace serried[ :{]/)
    breach("visibility", "a public header opens `namespace SERRIED_API serried {`")
  if (FILENAME !~ /^include\// && code ~ /^namespace SERRIED_API /)
    breach("visibility", "SERRIED_API is for public headers")

  check_name("(^|[^A-Za-z0-9_])MPI_|[<\"]mpi\\.h", "MPI", "src/comm/ apps/gray_scott/")
  check_name("(^|[^A-Za-z0-9_])(H5[A-Za-z]|hid_t|hsize_t)|[<\"]hdf5\\.h", "HDF5", "src/io/")
  check_name("(^|[^A-Za-z0-9_])(arrow|parquet)(::|/)", "Arrow", "src/io/")
  check_name("(^|[^A-Za-z0-9_])(hwy(::|/)|HWY_)", "Highway", "src/backend/host/")
  check_name("(^|[^A-Za-z0-9_])(Sleef_|sleef\\.h)", "SLEEF", "src/backend/host/")
  check_name("(^|[^A-Za-z0-9_])(Eigen::|Eigen/|fftw)", "Eigen or FFTW", "src/backend/host/")
  check_name("(^|[^A-Za-z0-9_])(cuda[A-Z]|cublas|cusolver|cufft|nccl[A-Z]|nvrtc|cub::|thrust::|cuda\\.h[>\"]|cuda_runtime)", \
             "CUDA", "src/backend/cuda/")
  check_name("(^|[^A-Za-z0-9_])boost(::|/)", "Boost", "src/base/distributions.cpp")
  check_name("(^|[^A-Za-z0-9_])(CLI::|CLI/)", "CLI11", "apps/")
  check_name("(^|[^A-Za-z0-9_])png_|[<\"]png\\.h", "libpng", "src/report/")
}
