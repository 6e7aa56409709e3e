#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/hdf5/handle.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/shape.hpp"
#include "serried/io/file_writer.hpp"

namespace serried {

/// Local. @throws InvalidArgument if something of `array_shape` cannot be written so.
/// @param shape the shape in the file.
void check_write_options(const std::string& dataset, const Shape& array_shape, const Shape& shape,
                         const WriteOptions& options);

/// The extents of a chunk of a dataset; empty where it is contiguous. Without chunks in the options
/// a compressed dataset gets some of about WriteOptions::chunk_bytes: whole trailing axes, leading
/// axes cut. Local.
[[nodiscard]] std::vector<std::int64_t> chunks_in_file(const Shape& shape, DType dtype,
                                                       const WriteOptions& options);

/// Local. @throws IoError.
[[nodiscard]] hdf5::Space dataset_space(const Shape& shape);
/// Chunks, filters, fill values. Local. @throws IoError.
[[nodiscard]] hdf5::Properties creation_properties(const Shape& shape, DType dtype,
                                                   const WriteOptions& options);

}  // namespace serried
