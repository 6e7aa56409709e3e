#include "io/dataset_creation.hpp"

#include <algorithm>

#include "io/hdf5/errors.hpp"

namespace serried {
namespace {

std::vector<std::int64_t> default_chunks(const Shape& shape, std::int64_t element_bytes,
                                         std::int64_t chunk_bytes) {
  std::vector<std::int64_t> chunks(shape.extents().begin(), shape.extents().end());
  std::int64_t bytes = shape.elements() * element_bytes;
  for (std::size_t axis = 0; axis < chunks.size() && bytes > chunk_bytes; ++axis) {
    const std::int64_t inner = bytes / chunks[axis];
    chunks[axis] = std::max<std::int64_t>(chunk_bytes / std::max<std::int64_t>(inner, 1), 1);
    bytes = inner * chunks[axis];
  }
  return chunks;
}

/// Whether chunks reach beyond the dataset, where nothing is ever written.
bool has_padding(const Shape& shape, const std::vector<std::int64_t>& chunks) {
  for (int axis = 0; axis < shape.dimensions(); ++axis)
    if (shape[axis] % chunks[static_cast<std::size_t>(axis)] != 0) return true;
  return false;
}

}  // namespace

void check_write_options(const std::string& dataset, const Shape& array_shape, const Shape& shape,
                         const WriteOptions& options) {
  if (dataset.empty() || dataset.back() == '/')
    throw InvalidArgument("'" + dataset + "' is no name for a dataset");
  if (shape.elements() != array_shape.elements())
    throw InvalidArgument("an array of shape " + array_shape.to_string() +
                          " cannot be written as " + shape.to_string());
  if (options.deflate < 0 || options.deflate > 9)
    throw InvalidArgument("the deflate level is 0 to 9, not " + std::to_string(options.deflate));
  if (!options.chunks.empty() &&
      options.chunks.size() != static_cast<std::size_t>(shape.dimensions()))
    throw InvalidArgument("chunks of " + std::to_string(options.chunks.size()) +
                          " dimensions for a dataset of " + std::to_string(shape.dimensions()));
  if (options.chunk_bytes < 1)
    throw InvalidArgument("a chunk has at least 1 byte, not " +
                          std::to_string(options.chunk_bytes));
  for (const std::int64_t chunk : options.chunks)
    if (chunk < 1)
      throw InvalidArgument("a chunk's extent is at least 1, not " + std::to_string(chunk));
}

std::vector<std::int64_t> chunks_in_file(const Shape& shape, DType dtype,
                                         const WriteOptions& options) {
  const bool is_chunkable = shape.dimensions() > 0 && shape.elements() > 0;
  if (!is_chunkable || (options.deflate == 0 && options.chunks.empty())) return {};
  auto chunks = options.chunks;
  if (chunks.empty())
    chunks = default_chunks(shape, static_cast<std::int64_t>(size_of(dtype)), options.chunk_bytes);
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    auto& extent = chunks[static_cast<std::size_t>(axis)];
    extent = std::min(extent, shape[axis]);
  }
  return chunks;
}

hdf5::Space dataset_space(const Shape& shape) {
  std::vector<hsize_t> extents;
  for (const std::int64_t extent : shape.extents()) extents.push_back(static_cast<hsize_t>(extent));
  return hdf5::Space(
      hdf5::checked(extents.empty() ? H5Screate(H5S_SCALAR)
                                    : H5Screate_simple(shape.dimensions(), extents.data(), nullptr),
                    "cannot make a space of shape " + shape.to_string()));
}

hdf5::Properties creation_properties(const Shape& shape, DType dtype, const WriteOptions& options) {
  const std::string what = "cannot set how a dataset is stored";
  hdf5::Properties properties(hdf5::checked(H5Pcreate(H5P_DATASET_CREATE), what));
  hdf5::check(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER), what);
  hdf5::check(
      H5Pset_attr_creation_order(properties.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
      what);
  const auto chunks = chunks_in_file(shape, dtype, options);
  if (chunks.empty()) return properties;
  const std::vector<hsize_t> extents(chunks.begin(), chunks.end());
  hdf5::check(H5Pset_chunk(properties.id(), shape.dimensions(), extents.data()), what);
  // Else what stands in the padding is what MPI-IO's buffers held, and differs from one MPI to
  // another. It costs writing the chunks twice.
  if (options.deflate == 0 && has_padding(shape, chunks))
    hdf5::check(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_ALLOC), what);
  if (options.deflate > 0) {
    hdf5::check(H5Pset_shuffle(properties.id()), what);
    hdf5::check(H5Pset_deflate(properties.id(), static_cast<unsigned>(options.deflate)), what);
  }
  return properties;
}

}  // namespace serried
