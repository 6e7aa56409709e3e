#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/decoding.hpp"
#include "io/hdf5/types.hpp"
#include "io/selection.hpp"
#include "io/wire.hpp"
#include "serried/io/address.hpp"
#include "serried/io/dataset.hpp"

namespace serried {

/// A chunk of more is damaged: HDF5 allows 2^32.
inline constexpr std::int64_t most_chunk_elements = std::int64_t{1} << 40;

/// One dataset of one file, as it is known on all ranks.
struct ItemMeta {
  std::string file;
  std::string object;
  hdf5::ElementType type;
  std::int64_t source = 0;              ///< the same for all selections of one dataset
  std::vector<std::int64_t> extents;    ///< in the file
  std::vector<SelectedAxis> axes;       ///< one for each axis of the file
  std::vector<std::int64_t> chunks;     ///< empty: contiguous
  bool is_filtered = false;             ///< chunks are compressed or checked
  bool is_constant = false;             ///< openPMD constant component
  std::array<std::byte, 8> constant{};  ///< its value, of the type's dtype
  DecodeRule rule;

  [[nodiscard]] std::string name() const { return file + ":" + object; }
};

/// What one address names.
struct PartMeta {
  std::string text;  ///< the address
  bool is_series = false;
  std::vector<ItemMeta> items;
  Shape shape;  ///< after selection and stacking
};

/// What Dataset::open learns on rank 0.
struct DatasetMeta {
  std::vector<PartMeta> parts;
  DType dtype = DType::f64;
  std::vector<std::string> warnings;
  /// Files that elements come from besides those that were named: see hdf5::files_behind.
  std::vector<std::string> sources;

  [[nodiscard]] std::string to_bytes() const;
  [[nodiscard]] static DatasetMeta from_bytes(const std::string& bytes);
};

/// Is told of each file before it is opened.
using FileVisitor = std::function<void(const std::string& path)>;

/// Reads the metadata of all addresses.
/// Local.
/// @throws IoError, DataError, InvalidArgument as Dataset::open says.
[[nodiscard]] DatasetMeta read_metadata(const std::vector<Address>& addresses,
                                        const DatasetOptions& options,
                                        const FileVisitor& visit = {});

}  // namespace serried
