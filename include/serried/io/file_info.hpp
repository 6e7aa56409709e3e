#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/shape.hpp"
#include "serried/context.hpp"
#include "serried/io/file_check.hpp"

namespace SERRIED_API serried {

/// One attribute as text, e.g. {"units", "degC", "string"}. Numbers have round-trip digits; of long
/// lists the first 16 values are shown, and how many there are.
struct AttributeInfo {
  std::string name;
  std::string value;
  std::string type;
};

/// One group, dataset or link of a file.
struct ObjectInfo {
  std::string path;
  bool is_group = false;
  /// Where a soft or external link leads ("soft link to /a", "external link to b.h5:/a", both with
  /// "(dangling)" where nothing is there), and what a second name of an object stands for ("same as
  /// /a"); such entries have nothing else. Empty for the objects themselves.
  std::string link;
  std::string type;                  ///< "f32", "i16 big-endian", "string", "compound", ...
  Shape shape;                       ///< () where `type` says "9 dimensions" or "null dataspace"
  std::vector<std::int64_t> chunks;  ///< empty: contiguous
  std::vector<std::string> filters;  ///< "shuffle", "deflate 4", ...
  std::int64_t stored_bytes = 0;
  std::vector<AttributeInfo> attributes;
};

struct FileInfo {
  std::string path;
  std::int64_t bytes = 0;
  std::vector<ObjectInfo> objects;  ///< depth first, in natural order; the root group first
};

/// Lists an HDF5 file: read on rank 0, the same on every rank. Links are noted and not followed.
/// Collective.
/// @param untrusted the file comes from elsewhere: a process of its own reads it, and no rank does.
/// @throws RankError (kind io) if the file is missing, damaged or no HDF5.
[[nodiscard]] FileInfo inspect_file(const Context& ctx, const std::string& path,
                                    const std::optional<FileCheck>& untrusted = {});

/// The same of a file that no process of this program opens, for those who have no MPI: a process
/// of its own reads it, within limits. Local.
/// @throws IoError as check_table_file; Error (kind internal) if the process cannot be started.
[[nodiscard]] FileInfo list_file_apart(const std::string& path, const FileCheck& check);

}  // namespace serried
