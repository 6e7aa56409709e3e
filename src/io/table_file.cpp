#include "serried/io/table_file.hpp"

#include <utility>

#include "io/hdf5/attributes.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/injected.hpp"
#include "io/hdf5/open.hpp"
#include "io/hdf5/types.hpp"
#include "serried/base/error.hpp"

namespace serried {

namespace {

Shape shape_of_opened(hid_t dataset, const std::string& what) {
  const hdf5::Space space(hdf5::checked(H5Dget_space(dataset), what));
  const int dimensions = H5Sget_simple_extent_ndims(space.id());
  if (dimensions < 0 || dimensions > max_dimensions)
    throw DataError(what + ": too many dimensions");
  std::vector<hsize_t> extents(static_cast<std::size_t>(dimensions));
  if (dimensions > 0)
    hdf5::check(H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr), what);
  const std::vector<std::int64_t> shape(extents.begin(), extents.end());
  return Shape(shape);
}

/// Where an object could not be opened: one that is not there, or one that the file cannot give.
[[noreturn]] void throw_not_opened(const std::string& path, hid_t file, const std::string& object) {
  const std::string cause = hdf5::error_cause();
  if (H5Lexists(file, object.c_str(), H5P_DEFAULT) == 0)
    throw DataError(path + " has no " + object);
  if (hdf5::Object(H5Oopen(file, object.c_str(), H5P_DEFAULT)).is_open())
    throw DataError(path + ": " + object + " is no dataset");
  throw IoError(path + " is damaged: " + object + " cannot be opened (" + cause + ")");
}

}  // namespace

struct TableFile::Impl {
  std::string path;
  hdf5::File file;

  hdf5::Object open(const std::string& object) const {
    const hid_t id = H5Oopen(file.id(), object.c_str(), H5P_DEFAULT);
    if (id < 0) throw_not_opened(path, file.id(), object);
    return hdf5::Object(id);
  }

  hdf5::AttributeValue attribute(const std::string& object, const std::string& name) const {
    const hdf5::Object opened = open(object);
    auto value = hdf5::read_attribute(opened.id(), name);
    if (!value) throw DataError(path + ": " + object + " has no attribute '" + name + "'");
    return std::move(*value);
  }

  template <class T>
  Values<T> read(const std::string& dataset) const;
};

template <class T>
TableFile::Values<T> TableFile::Impl::read(const std::string& dataset) const {
  constexpr std::int64_t most_elements = std::int64_t{1} << 31;
  const hdf5::Turn turn;
  const hid_t id = H5Dopen2(file.id(), dataset.c_str(), H5P_DEFAULT);
  if (id < 0) throw_not_opened(path, file.id(), dataset);
  const hdf5::DatasetId opened(id);
  const std::string what = "cannot read " + path + ":" + dataset;
  const hdf5::Type type(hdf5::checked(H5Dget_type(id), what));
  const hdf5::ElementType element = hdf5::describe_type(type.id());
  if (!element.is_number) throw DataError(what + ": " + element.text + " is no number type");
  Values<T> result{shape_of_opened(id, what), {}};
  if (result.shape.elements() > most_elements) throw DataError(what + ": more than 2^31 elements");
  result.values.resize(static_cast<std::size_t>(result.shape.elements()));
  const hdf5::Type memory = hdf5::memory_type(dtype_of<T>);
  if (!result.values.empty())
    hdf5::check(hdf5::alone(faults::Kind::read,
                            [&] {
                              return H5Dread(id, memory.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                             result.values.data());
                            }),
                what);
  return result;
}

TableFile::TableFile(const std::string& path) : impl_(std::make_unique<Impl>()) {
  impl_->path = path;
  const hdf5::Turn turn;
  impl_->file = hdf5::open_serial(path);
}
TableFile::~TableFile() = default;
TableFile::TableFile(TableFile&&) noexcept = default;
TableFile& TableFile::operator=(TableFile&&) noexcept = default;

Shape TableFile::shape_of(const std::string& dataset) const {
  const hdf5::Turn turn;
  const hid_t id = H5Dopen2(impl_->file.id(), dataset.c_str(), H5P_DEFAULT);
  if (id < 0) throw_not_opened(impl_->path, impl_->file.id(), dataset);
  const hdf5::DatasetId opened(id);
  return shape_of_opened(id, "cannot read " + impl_->path + ":" + dataset);
}

TableFile::Values<double> TableFile::read_f64(const std::string& dataset) const {
  return impl_->read<double>(dataset);
}

TableFile::Values<std::int64_t> TableFile::read_i64(const std::string& dataset) const {
  return impl_->read<std::int64_t>(dataset);
}

std::string TableFile::text_attribute(const std::string& object, const std::string& name) const {
  const hdf5::Turn turn;
  const auto value = impl_->attribute(object, name);
  if (!value.is_text || value.texts.size() != 1)
    throw DataError(impl_->path + ": attribute '" + name + "' is no text");
  return value.texts.front();
}

double TableFile::f64_attribute(const std::string& object, const std::string& name) const {
  const hdf5::Turn turn;
  const auto value = impl_->attribute(object, name);
  if (!value.is_number || value.count != 1)
    throw DataError(impl_->path + ": attribute '" + name + "' is no number");
  return value.as<double>();
}

std::vector<std::int64_t> TableFile::i64_attribute(const std::string& object,
                                                   const std::string& name) const {
  const hdf5::Turn turn;
  const auto value = impl_->attribute(object, name);
  if (!value.is_number || value.count < 1)
    throw DataError(impl_->path + ": attribute '" + name + "' holds no numbers");
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < value.count; ++i) numbers.push_back(value.as<std::int64_t>(i));
  return numbers;
}

}  // namespace serried
