#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serried/base/shape.hpp"
#include "serried/context.hpp"

namespace serried {

/// One attribute as text, e.g. {"units", "degC", "string"}.
struct AttributeInfo {
  std::string name;
  std::string value;
  std::string type;
};

/// One group or dataset of a file.
struct ObjectInfo {
  std::string path;
  bool is_group = false;
  std::string type;  ///< "f32", "i16 big-endian", "string", "compound", ...
  Shape shape;
  std::vector<std::int64_t> chunks;  ///< empty: contiguous
  std::vector<std::string> filters;  ///< "shuffle", "deflate 4", ...
  std::int64_t stored_bytes = 0;
  std::vector<AttributeInfo> attributes;
};

struct FileInfo {
  std::string path;
  std::int64_t bytes = 0;
  std::vector<ObjectInfo> objects;  ///< in the order of names, depth first; the root group first
};

/// Lists an HDF5 file: read on rank 0, the same on every rank.
/// Collective.
/// @throws RankError (kind io) if the file is missing, damaged or no HDF5.
[[nodiscard]] FileInfo inspect_file(const Context& ctx, const std::string& path);

}  // namespace serried
