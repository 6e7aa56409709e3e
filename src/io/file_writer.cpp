#include "serried/io/file_writer.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "io/element_boxes.hpp"
#include "io/file_access.hpp"
#include "io/hdf5/attributes.hpp"
#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/open.hpp"
#include "io/hdf5/scales.hpp"
#include "io/hdf5/transfer.hpp"
#include "io/hdf5/types.hpp"
#include "io/mpi_io_path.hpp"
#include "io/provenance.hpp"
#include "io/temporary_file.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{1} << 30;
constexpr std::int64_t default_chunk_bytes = std::int64_t{1} << 20;

/// Room for metadata beside `bytes` of values: HDF5 grows a file in steps, and the index of chunks
/// grows with them.
std::int64_t with_metadata(std::int64_t bytes) {
  return bytes + std::clamp<std::int64_t>(bytes, std::int64_t{1} << 15, std::int64_t{1} << 20);
}

/// Chunks of about 1 MiB: whole trailing axes, leading axes cut.
std::vector<std::int64_t> default_chunks(const Shape& shape, std::int64_t element_bytes) {
  std::vector<std::int64_t> chunks(shape.extents().begin(), shape.extents().end());
  std::int64_t bytes = shape.elements() * element_bytes;
  for (std::size_t axis = 0; axis < chunks.size() && bytes > default_chunk_bytes; ++axis) {
    const std::int64_t inner = bytes / chunks[axis];
    chunks[axis] =
        std::max<std::int64_t>(default_chunk_bytes / std::max<std::int64_t>(inner, 1), 1);
    bytes = inner * chunks[axis];
  }
  return chunks;
}

/// The path of an object from the root group.
std::string absolute_name(const std::string& object) {
  return object.starts_with('/') ? object : "/" + object;
}

bool is_same_scale(const Coordinate& a, const Coordinate& b) {
  return a.name == b.name && a.dtype == b.dtype && a.values == b.values && a.bytes == b.bytes &&
         a.text_attributes == b.text_attributes;
}

void check_options(const std::string& dataset, const Shape& array_shape, const Shape& shape,
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
  for (const std::int64_t chunk : options.chunks)
    if (chunk < 1)
      throw InvalidArgument("a chunk's extent is at least 1, not " + std::to_string(chunk));
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
  const bool is_chunkable = shape.dimensions() > 0 && shape.elements() > 0;
  if (!is_chunkable || (options.deflate == 0 && options.chunks.empty())) return properties;
  auto chunks = options.chunks;
  if (chunks.empty()) chunks = default_chunks(shape, static_cast<std::int64_t>(size_of(dtype)));
  std::vector<hsize_t> extents;
  for (int axis = 0; axis < shape.dimensions(); ++axis)
    extents.push_back(
        static_cast<hsize_t>(std::min(chunks[static_cast<std::size_t>(axis)], shape[axis])));
  hdf5::check(H5Pset_chunk(properties.id(), shape.dimensions(), extents.data()), what);
  if (options.deflate > 0) {
    hdf5::check(H5Pset_shuffle(properties.id()), what);
    hdf5::check(H5Pset_deflate(properties.id(), static_cast<unsigned>(options.deflate)), what);
  }
  return properties;
}

}  // namespace

struct FileWriter::Impl {
  Context ctx;
  std::string path;
  std::string temporary;
  hdf5::File file;
  bool is_committed = false;
  std::set<std::string> names;  ///< absolute paths of what is in the file, groups with them

  Impl(const Context& context, std::string name) : ctx(context), path(std::move(name)) {}

  void create();
  /// Collective: all ranks learn before an HDF5 call whether the disk has room.
  void require_space(std::int64_t bytes, const std::string& what) const;
  /// Collective: opens it on all ranks.
  hdf5::Object open_object(const std::string& object) const;
  void write_elements(const std::string& dataset, const Shape& shape, DType dtype,
                      RowRange elements, const std::byte* data, const WriteOptions& options);
  /// Collective.
  void attach(const std::string& dataset, const std::string& scale, int axis) const;
  void write_numbers(const std::string& object, const std::string& attribute, DType dtype,
                     const void* values, std::int64_t count, bool is_scalar) const;
  void require_open() const {
    if (is_committed)
      throw InvalidArgument(path + " has been committed; nothing can be written to it");
  }
};

void FileWriter::Impl::create() {
  const auto span = ctx.recorder().span("make a file", Activity::file);
  const Communicator& comm = ctx.comm();
  temporary = comm.broadcast_text(comm.rank() == 0 ? temporary_name(path) : "", 0);
  agree_on_root(comm, 0, [&] {
    check_output_path(path);
    make_temporary_file(path, temporary);
  });
  // Each rank would open a file of its own, and HDF5's ranks wait for each other.
  const auto inode = comm.broadcast(inode_of(temporary), 0);
  agree(comm, [&] {
    if (inode_of(temporary) != inode)
      throw IoError("cannot write " + path +
                    ": this rank does not see the file that rank 0 has made; the folder must be "
                    "one that all ranks see, and outputs with relative names need one working "
                    "folder");
  });
  file = hdf5::create_parallel(comm, temporary, "cannot write " + path);
  note_file_access(ctx.recorder(), "writing files", describe_parallel_access(file));
}

void FileWriter::Impl::require_space(std::int64_t bytes, const std::string& what) const {
  agree_on_root(ctx.comm(), 0, [&] { check_free_space(temporary, with_metadata(bytes), what); });
}

hdf5::Object FileWriter::Impl::open_object(const std::string& object) const {
  return agree_on(ctx.comm(), [&] {
    return hdf5::Object(
        hdf5::checked(H5Oopen(file.id(), object.c_str(), H5P_DEFAULT), path + " has no " + object));
  });
}

void FileWriter::Impl::write_elements(const std::string& dataset, const Shape& shape, DType dtype,
                                      RowRange elements, const std::byte* data,
                                      const WriteOptions& options) {
  auto span = ctx.recorder().span("write", Activity::file);
  span.add_bytes(elements.size() * static_cast<std::int64_t>(size_of(dtype)));
  const hdf5::Turn turn;
  const Communicator& comm = ctx.comm();
  const std::string of_dataset = " the dataset " + dataset + " in " + path;
  const std::string cannot_make = "cannot make" + of_dataset;
  const std::string cannot_write = "cannot write" + of_dataset;
  const std::string cannot_close = "cannot close" + of_dataset;
  for (std::string name = absolute_name(dataset); !name.empty();
       name.erase(std::min(name.rfind('/'), name.size())))
    names.insert(name);
  require_space(shape.elements() * static_cast<std::int64_t>(size_of(dtype)), cannot_write);
  hdf5::Space space;
  hdf5::Type type;
  hdf5::Properties links;
  hdf5::Properties creation;
  std::vector<ElementBox> boxes;
  agree(comm, [&] {
    space = dataset_space(shape);
    type = hdf5::memory_type(dtype);
    links = hdf5::Properties(hdf5::checked(H5Pcreate(H5P_LINK_CREATE), cannot_make));
    hdf5::check(H5Pset_create_intermediate_group(links.id(), 1), cannot_make);
    creation = creation_properties(shape, dtype, options);
    boxes =
        cut_into_boxes(shape, elements, piece_bytes / static_cast<std::int64_t>(size_of(dtype)));
  });
  hdf5::DatasetId id(H5Dcreate2(file.id(), dataset.c_str(), type.id(), space.id(), links.id(),
                                creation.id(), H5P_DEFAULT));
  hdf5::agree_on_status(comm, id.id(), cannot_make);
  hdf5::write_boxes(comm, id.id(), shape, dtype, boxes, data, cannot_write);
  for (const auto& [name, value] : options.attributes)
    hdf5::write_text_attribute(comm, id.id(), name, value);
  hdf5::agree_on_status(comm, id.reset(), cannot_close);
}

void FileWriter::Impl::attach(const std::string& dataset, const std::string& scale,
                              int axis) const {
  const auto span = ctx.recorder().span("write", Activity::file);
  const hdf5::Turn turn;
  const hdf5::Object target = open_object(dataset);
  const hdf5::Object source = open_object(scale);
  hdf5::attach_scale(ctx.comm(), target.id(), source.id(), axis,
                     scale.substr(scale.rfind('/') + 1));
}

void FileWriter::Impl::write_numbers(const std::string& object, const std::string& attribute,
                                     DType dtype, const void* values, std::int64_t count,
                                     bool is_scalar) const {
  require_open();
  const auto span = ctx.recorder().span("write", Activity::file);
  const hdf5::Turn turn;
  const hdf5::Object target = open_object(object);
  hdf5::write_number_attribute(ctx.comm(), target.id(), attribute, dtype, values, count, is_scalar);
}

void check_output_path(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 && errno == ENAMETOOLONG)
    throw IoError("cannot write " + path + ": " + std::strerror(errno));
  check_mpi_io_path(temporary_name(path), "cannot write " + path);
}

FileWriter::FileWriter(const Context& ctx, std::string path)
    : impl_(std::make_unique<Impl>(ctx, std::move(path))) {
  try {
    impl_->create();
  } catch (...) {
    if (ctx.rank() == 0 && !impl_->temporary.empty()) ::unlink(impl_->temporary.c_str());
    throw;
  }
}

FileWriter::~FileWriter() {
  if (impl_ == nullptr || impl_->is_committed) return;
  // Closing the file is collective, and a destructor must not communicate.
  if (impl_->ctx.rank() == 0) ::unlink(impl_->temporary.c_str());
  hdf5::abandon_parallel(impl_->file);
}

void FileWriter::write(const std::string& dataset, const Array& array,
                       const WriteOptions& options) {
  impl_->require_open();
  const Shape shape = options.shape.dimensions() == 0 && array.shape().dimensions() > 0
                          ? array.shape()
                          : options.shape;
  check_options(dataset, array.shape(), shape, options);
  if (!array.is_replicated() && array.split_axis() != 0) {
    write(dataset, array.with_split_axis(0), options);
    return;
  }
  RowRange elements{0, array.shape().elements()};
  if (array.is_replicated()) {
    if (impl_->ctx.rank() != 0) elements = {0, 0};
  } else {
    const std::int64_t row = array.row_elements();
    elements = {array.local_rows().begin * row, array.local_rows().end * row};
  }
  impl_->write_elements(dataset, shape, array.dtype(), elements, array.local_data(), options);
}

void FileWriter::write(const std::string& dataset, const Shape& shape,
                       std::span<const double> values, const WriteOptions& options) {
  impl_->require_open();
  check_options(dataset, Shape{static_cast<std::int64_t>(values.size())}, shape, options);
  const RowRange elements{0, impl_->ctx.rank() == 0 ? shape.elements() : 0};
  impl_->write_elements(dataset, shape, DType::f64, elements, std::as_bytes(values).data(),
                        options);
}

void FileWriter::write(const std::string& dataset, const Shape& shape,
                       std::span<const std::int64_t> values, const WriteOptions& options) {
  impl_->require_open();
  check_options(dataset, Shape{static_cast<std::int64_t>(values.size())}, shape, options);
  const RowRange elements{0, impl_->ctx.rank() == 0 ? shape.elements() : 0};
  impl_->write_elements(dataset, shape, DType::i64, elements, std::as_bytes(values).data(),
                        options);
}

void FileWriter::set_attribute(const std::string& object, const std::string& attribute,
                               const std::string& value) {
  impl_->require_open();
  // metadata must be the same on all ranks
  const std::string text = impl_->ctx.comm().broadcast_text(value, 0);
  const auto span = impl_->ctx.recorder().span("write", Activity::file);
  const hdf5::Turn turn;
  const hdf5::Object target = impl_->open_object(object);
  hdf5::write_text_attribute(impl_->ctx.comm(), target.id(), attribute, text);
}

void FileWriter::set_attribute(const std::string& object, const std::string& attribute,
                               double value) {
  impl_->write_numbers(object, attribute, DType::f64, &value, 1, true);
}

void FileWriter::set_attribute(const std::string& object, const std::string& attribute,
                               std::int64_t value) {
  impl_->write_numbers(object, attribute, DType::i64, &value, 1, true);
}

void FileWriter::set_attribute(const std::string& object, const std::string& attribute,
                               std::span<const std::int64_t> values) {
  impl_->write_numbers(object, attribute, DType::i64, values.data(),
                       static_cast<std::int64_t>(values.size()), false);
}

void FileWriter::attach_coordinates(const std::string& dataset,
                                    const std::vector<Coordinate>& coordinates) {
  impl_->require_open();
  const std::string path = absolute_name(dataset);
  const std::string group = path.substr(0, path.rfind('/') + 1);
  std::vector<std::string> scales;
  for (const Coordinate& coordinate : coordinates) {
    const auto same = std::find_if(coordinates.begin(), coordinates.end(), [&](const auto& other) {
      return is_same_scale(other, coordinate);
    });
    // `same` may be the coordinate itself, which is not yet written; one with NaN equals none.
    const auto first = static_cast<std::size_t>(same - coordinates.begin());
    if (first < scales.size()) {
      scales.push_back(scales[first]);
      impl_->attach(dataset, scales.back(), coordinate.axis);
      continue;
    }
    std::string scale = group + coordinate.name;
    for (int number = 2; impl_->names.contains(scale); ++number)
      scale = group + coordinate.name + "_" + std::to_string(number);
    scales.push_back(scale);
    WriteOptions options;
    options.attributes = coordinate.text_attributes;
    const Shape shape{static_cast<std::int64_t>(coordinate.values.size())};
    const Array values =
        coordinate.bytes.empty()
            ? Array::replicated(impl_->ctx, shape, DType::f64, coordinate.values.data())
            : Array::replicated(impl_->ctx, shape, coordinate.dtype, coordinate.bytes.data());
    write(scale, is_real(coordinate.dtype) ? values.cast(coordinate.dtype) : values, options);
    impl_->attach(dataset, scale, coordinate.axis);
  }
}

void FileWriter::write_provenance(const Provenance& provenance) {
  for (const auto& [name, value] : provenance_attributes(impl_->ctx, provenance))
    set_attribute("/", name, value);
}

void FileWriter::commit() {
  impl_->require_open();
  const auto span = impl_->ctx.recorder().span("commit a file", Activity::file);
  const Communicator& comm = impl_->ctx.comm();
  const hdf5::Turn turn;
  const std::string cannot_write = "cannot write " + impl_->path;
  const std::string cannot_close = "cannot close " + impl_->path;
  impl_->require_space(0, cannot_write);
  hdf5::agree_on_status(comm, H5Fflush(impl_->file.id(), H5F_SCOPE_GLOBAL), cannot_write);
  agree(comm, [&] {
    // With open objects H5Fclose would fail on this rank, and the others would wait in it.
    const auto count = H5Fget_obj_count(impl_->file.id(), H5F_OBJ_ALL);
    if (count != 1) throw IoError(cannot_close + ": an object in it could not be closed");
  });
  hdf5::agree_on_status(comm, impl_->file.reset(), cannot_close);
  agree_on_root(comm, 0, [&] { publish_file(impl_->temporary, impl_->path); });
  impl_->is_committed = true;
}

}  // namespace serried
