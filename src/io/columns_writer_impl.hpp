#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/hdf5/handle.hpp"
#include "serried/base/shape.hpp"
#include "serried/context.hpp"
#include "serried/io/columns_writer.hpp"

namespace serried {

struct ColumnsWriter::Impl {
  Impl(const Context& context, hdf5::DatasetId dataset, const Shape& shape_in_file,
       std::string what, std::shared_ptr<std::int64_t> open_writers);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Context ctx;
  hdf5::DatasetId id;
  Shape shape;
  std::string name;  ///< "the dataset X in FILE"
  std::shared_ptr<std::int64_t> unfinished;
  std::int64_t reached = 0;  ///< columns that have come
};

}  // namespace serried
