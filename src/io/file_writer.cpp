#include "serried/io/file_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "io/columns_writer_impl.hpp"
#include "io/dataset_creation.hpp"
#include "io/element_boxes.hpp"
#include "io/file_access.hpp"
#include "io/file_space.hpp"
#include "io/hdf5/attributes.hpp"
#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/open.hpp"
#include "io/hdf5/scales.hpp"
#include "io/hdf5/transfer.hpp"
#include "io/hdf5/types.hpp"
#include "io/mpi_io_path.hpp"
#include "io/output_claim_impl.hpp"
#include "io/provenance.hpp"
#include "io/rows_writer_impl.hpp"
#include "io/temporary_name.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{1} << 30;
/// Of an array that is compressed, on each rank.
constexpr std::int64_t least_rounds = 64;
constexpr std::int64_t most_round_bytes = std::int64_t{16} << 20;
/// Of a file with one dataset: superblock, two headers, a group's index.
constexpr std::int64_t least_metadata_bytes = 2048;

/// Only compressed chunks have to be written at once.
WriteSlabs slabs_of(const Shape& shape, DType dtype, const WriteOptions& options) {
  using Chunks = std::vector<std::int64_t>;
  return {shape, options.deflate > 0 ? chunks_in_file(shape, dtype, options) : Chunks()};
}

/// The path of an object from the root group.
std::string absolute_name(const std::string& object) {
  return object.starts_with('/') ? object : "/" + object;
}

bool is_same_scale(const Coordinate& a, const Coordinate& b) {
  return a.name == b.name && a.dtype == b.dtype && a.values == b.values && a.bytes == b.bytes &&
         a.text_attributes == b.text_attributes;
}

}  // namespace

struct FileWriter::Impl {
  Context ctx;
  std::string path;
  std::shared_ptr<OutputClaim::Impl> claim;
  hdf5::File file;
  std::shared_ptr<const FileSpace> space;
  bool is_writing = false;  ///< the claim is this object's
  bool is_committed = false;
  std::shared_ptr<std::int64_t> unfinished = std::make_shared<std::int64_t>(0);  ///< RowsWriters
  std::set<std::string> names;  ///< absolute paths of what is in the file, groups with them

  Impl(const Context& context, std::string name) : ctx(context), path(std::move(name)) {}

  void create();
  /// Local: for one that is not committed.
  void give_up() noexcept;
  /// Collective: before HDF5 adds something small, and `bytes` of text, to the file.
  void require_space(std::size_t bytes, const std::string& what) const {
    space->require(ctx.comm(), static_cast<std::int64_t>(bytes), what);
  }
  /// Collective: opens it on all ranks.
  hdf5::Object open_object(const std::string& object) const;
  /// Collective: makes a dataset with its attributes and leaves it open.
  hdf5::DatasetId create_dataset(const std::string& dataset, const Shape& shape, DType dtype,
                                 const WriteOptions& options);
  void write_elements(const std::string& dataset, const Shape& shape, DType dtype,
                      RowRange elements, const std::byte* data, const WriteOptions& options);
  /// Collective.
  void write_in_rounds(const Array& array, RowsWriter& writer) const;
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
  const std::string cannot_write = "cannot write " + path;
  claim = OutputClaim::Impl::of(ctx, path);
  agree(ctx.comm(), [&] {
    if (claim->is_written)
      throw IoError(cannot_write + ": this program is writing it already, elsewhere");
  });
  claim->is_written = true;
  is_writing = true;
  claim->make(ctx);
  file = hdf5::create_parallel(ctx.comm(), claim->temporary, cannot_write);
  const hdf5::Turn turn;
  space = agree_on(ctx.comm(),
                   [&] { return std::make_shared<const FileSpace>(claim->temporary, file.id()); });
  note_file_access(ctx.recorder(), "writing files", describe_parallel_access(file));
}

void FileWriter::Impl::give_up() noexcept {
  // Closing the file is collective, and a destructor must not communicate.
  hdf5::abandon_parallel(file);
  if (!is_writing) return;
  claim->is_written = false;
  claim->remove();
}

hdf5::Object FileWriter::Impl::open_object(const std::string& object) const {
  return agree_on(ctx.comm(), [&] {
    return hdf5::Object(
        hdf5::checked(H5Oopen(file.id(), object.c_str(), H5P_DEFAULT), path + " has no " + object));
  });
}

hdf5::DatasetId FileWriter::Impl::create_dataset(const std::string& dataset, const Shape& shape,
                                                 DType dtype, const WriteOptions& options) {
  const Communicator& comm = ctx.comm();
  const std::string of_dataset = " the dataset " + dataset + " in " + path;
  const std::string cannot_make = "cannot make" + of_dataset;
  for (std::string name = absolute_name(dataset); !name.empty();
       name.erase(std::min(name.rfind('/'), name.size())))
    names.insert(name);
  std::int64_t bytes = stored_bytes(shape, dtype, options).at_creation;
  // a group, which may be missing, has 1 to 2 KiB; attributes are in the header
  bytes += std::count(dataset.begin(), dataset.end(), '/') * 2048;
  for (const auto& [name, value] : options.attributes)
    bytes += static_cast<std::int64_t>(2 * (name.size() + value.size()));
  space->require(comm, bytes, "cannot write" + of_dataset);
  hdf5::Space extent;
  hdf5::Type type;
  hdf5::Properties links;
  hdf5::Properties creation;
  agree(comm, [&] {
    extent = dataset_space(shape);
    type = hdf5::memory_type(dtype);
    links = hdf5::Properties(hdf5::checked(H5Pcreate(H5P_LINK_CREATE), cannot_make));
    hdf5::check(H5Pset_create_intermediate_group(links.id(), 1), cannot_make);
    creation = creation_properties(shape, dtype, options);
  });
  hdf5::DatasetId id(H5Dcreate2(file.id(), dataset.c_str(), type.id(), extent.id(), links.id(),
                                creation.id(), H5P_DEFAULT));
  hdf5::agree_on_status(comm, id.id(), cannot_make);
  for (const auto& [name, value] : options.attributes)
    hdf5::write_text_attribute(comm, id.id(), name, value, dataset + " in " + path);
  return id;
}

void FileWriter::Impl::write_elements(const std::string& dataset, const Shape& shape, DType dtype,
                                      RowRange elements, const std::byte* data,
                                      const WriteOptions& options) {
  auto span = ctx.recorder().span("write", Activity::file);
  span.add_bytes(elements.size() * static_cast<std::int64_t>(size_of(dtype)));
  const hdf5::Turn turn;
  const std::string of_dataset = " the dataset " + dataset + " in " + path;
  hdf5::DatasetId id = create_dataset(dataset, shape, dtype, options);
  const std::int64_t to_write = stored_bytes(shape, dtype, options).at_write;
  if (to_write > 0) space->require(ctx.comm(), to_write, "cannot write" + of_dataset);
  const auto boxes = agree_on(ctx.comm(), [&] {
    return cut_into_boxes(shape, elements, piece_bytes / static_cast<std::int64_t>(size_of(dtype)));
  });
  hdf5::write_boxes(ctx.comm(), id.id(), shape, dtype, boxes, data, "cannot write" + of_dataset);
  hdf5::agree_on_status(ctx.comm(), id.reset(), "cannot close" + of_dataset);
}

void FileWriter::Impl::write_in_rounds(const Array& array, RowsWriter& writer) const {
  const RowRange own = array.local_rows();
  // What rows take when they are compressed is known after a round alone; until then there must be
  // room for all of them. So rounds are small beside the array, and not too many.
  const std::int64_t row_bytes = std::max<std::int64_t>(1, array.row_bytes());
  const std::int64_t rows = std::max(
      writer.rows_between(), std::min(own.size() / least_rounds, most_round_bytes / row_bytes));
  const std::int64_t rounds = ctx.comm().allreduce((own.size() + rows - 1) / rows, ReduceOp::max);
  for (std::int64_t round = 0; round < rounds; ++round) {
    const std::int64_t begin = std::min(own.end, own.begin + round * rows);
    const RowRange part{begin, std::min(own.end, begin + rows)};
    const std::byte* data = array.local_data() + (begin - own.begin) * array.row_bytes();
    writer.append(part, {data, static_cast<std::size_t>(part.size() * array.row_bytes())});
    if (round + 1 < rounds) writer.advance();
  }
  writer.finish();
}

void FileWriter::Impl::attach(const std::string& dataset, const std::string& scale,
                              int axis) const {
  const auto span = ctx.recorder().span("write", Activity::file);
  const hdf5::Turn turn;
  require_space(dataset.size() + scale.size(), "cannot write the scale " + scale + " in " + path);
  const hdf5::Object target = open_object(dataset);
  const hdf5::Object source = open_object(scale);
  hdf5::attach_scale(ctx.comm(), target.id(), source.id(), axis, scale.substr(scale.rfind('/') + 1),
                     dataset + " in " + path);
}

void FileWriter::Impl::write_numbers(const std::string& object, const std::string& attribute,
                                     DType dtype, const void* values, std::int64_t count,
                                     bool is_scalar) const {
  require_open();
  const auto span = ctx.recorder().span("write", Activity::file);
  const hdf5::Turn turn;
  require_space(attribute.size() + static_cast<std::size_t>(count) * size_of(dtype),
                "cannot write the attribute " + attribute + " in " + path);
  const hdf5::Object target = open_object(object);
  hdf5::write_number_attribute(ctx.comm(), target.id(), attribute, dtype, values, count, is_scalar,
                               object + " in " + path);
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
    impl_->give_up();
    throw;
  }
}

FileWriter::~FileWriter() {
  if (impl_ != nullptr && !impl_->is_committed) impl_->give_up();
}

void FileWriter::write(const std::string& dataset, const Array& array,
                       const WriteOptions& options) {
  impl_->require_open();
  const Shape shape = options.shape.dimensions() == 0 && array.shape().dimensions() > 0
                          ? array.shape()
                          : options.shape;
  check_write_options(dataset, array.shape(), shape, options);
  if (!array.is_replicated() && array.split_axis() != 0) {
    write(dataset, array.with_split_axis(0), options);
    return;
  }
  if (options.deflate > 0 && !array.is_replicated()) {
    WriteOptions in_file = options;
    in_file.shape = shape;
    RowsWriter writer = open_rows(dataset, array.rows(), array.row_shape(), array.dtype(), in_file);
    impl_->write_in_rounds(array, writer);
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

RowsWriter FileWriter::open_rows(const std::string& dataset, std::int64_t rows,
                                 const Shape& row_shape, DType dtype, const WriteOptions& options) {
  impl_->require_open();
  const Shape whole = row_shape.with_inserted(0, rows);
  const Shape shape = options.shape.dimensions() == 0 ? whole : options.shape;
  check_write_options(dataset, whole, shape, options);
  const auto phase = impl_->ctx.recorder().phase("write");
  const auto span = impl_->ctx.recorder().span("write", Activity::file);
  const hdf5::Turn turn;
  RowsTarget target{.id = impl_->create_dataset(dataset, shape, dtype, options),
                    .shape = shape,
                    .dtype = dtype,
                    .slabs = slabs_of(shape, dtype, options),
                    .slab_bytes = stored_bytes(shape, dtype, options).of_slab,
                    .space = impl_->space,
                    .rows = rows,
                    .row_elements = row_shape.elements(),
                    .name = "the dataset " + dataset + " in " + impl_->path,
                    .unfinished = impl_->unfinished};
  return RowsWriter(std::make_unique<RowsWriter::Impl>(impl_->ctx, std::move(target)));
}

ColumnsWriter FileWriter::open_columns(const std::string& dataset, std::int64_t rows,
                                       std::int64_t columns) {
  impl_->require_open();
  const Shape shape{rows, columns};
  const auto span = impl_->ctx.recorder().span("write", Activity::file);
  const hdf5::Turn turn;
  return ColumnsWriter(std::make_unique<ColumnsWriter::Impl>(
      impl_->ctx, impl_->create_dataset(dataset, shape, DType::f64, {}), shape,
      "the dataset " + dataset + " in " + impl_->path, impl_->unfinished));
}

std::int64_t FileWriter::memory_of_rows(std::int64_t rows, const Shape& row_shape, DType dtype,
                                        const WriteOptions& options, std::int64_t most_rows,
                                        std::int64_t batch_rows) {
  const Shape whole = row_shape.with_inserted(0, rows);
  const Shape shape = options.shape.dimensions() == 0 ? whole : options.shape;
  const auto element_bytes = static_cast<std::int64_t>(size_of(dtype));
  const WriteSlabs slabs = slabs_of(shape, dtype, options);
  const std::int64_t slab = slabs.longest() * element_bytes;
  const std::int64_t row_bytes = row_shape.elements() * element_bytes;
  const std::int64_t round =
      std::max(bytes_between_rounds(slabs, element_bytes), batch_rows * row_bytes) + slab;
  const std::int64_t all = most_rows * row_bytes;
  // a round that comes and one that is written, in HDF5 once more; pieces of slabs of two ranks
  return std::min(all, 2 * round) + (options.deflate > 0 ? std::min(all, round) + 2 * slab : 0);
}

std::int64_t FileWriter::least_bytes(const Shape& shape, DType dtype, const WriteOptions& options) {
  return stored_bytes(shape, dtype, options).least + least_metadata_bytes;
}

void FileWriter::write(const std::string& dataset, const TileSource& rows,
                       const WriteOptions& options) {
  if (const auto* array = dynamic_cast<const Array*>(&rows)) return write(dataset, *array, options);
  RowsWriter writer = open_rows(dataset, rows.rows(), rows.row_shape(), rows.dtype(), options);
  const std::int64_t round_bytes = writer.rows_between() * rows.row_bytes();
  const ReadPlan plan =
      rows.plan(Leaves::single_tiles(rows.layout()),
                std::max(impl_->ctx.options().batch_bytes, round_bytes), impl_->ctx.rank());
  Buffer scratch;
  rows.prepare(plan, scratch);
  const auto count = static_cast<std::int64_t>(plan.batches.size());
  for (std::int64_t batch = 0; batch < count; ++batch) {
    const TileView view = rows.read(plan, batch, scratch);
    if (batch + 1 < count) rows.prefetch(plan, batch + 1);
    writer.append(view.rows,
                  {view.data, static_cast<std::size_t>(view.rows.size() * rows.row_bytes())});
    writer.advance();
    if (count > 1) impl_->ctx.recorder().progress("write", batch + 1, count);
  }
  writer.finish();
}

void FileWriter::write(const std::string& dataset, const Shape& shape,
                       std::span<const double> values, const WriteOptions& options) {
  impl_->require_open();
  check_write_options(dataset, Shape{static_cast<std::int64_t>(values.size())}, shape, options);
  const RowRange elements{0, impl_->ctx.rank() == 0 ? shape.elements() : 0};
  impl_->write_elements(dataset, shape, DType::f64, elements, std::as_bytes(values).data(),
                        options);
}

void FileWriter::write(const std::string& dataset, const Shape& shape,
                       std::span<const std::int64_t> values, const WriteOptions& options) {
  impl_->require_open();
  check_write_options(dataset, Shape{static_cast<std::int64_t>(values.size())}, shape, options);
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
  impl_->require_space(2 * (attribute.size() + text.size()),
                       "cannot write the attribute " + attribute + " in " + impl_->path);
  const hdf5::Object target = impl_->open_object(object);
  hdf5::write_text_attribute(impl_->ctx.comm(), target.id(), attribute, text,
                             object + " in " + impl_->path);
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
  if (*impl_->unfinished > 0)
    throw InvalidArgument(impl_->path + " has datasets whose rows were not finished");
  const auto span = impl_->ctx.recorder().span("commit a file", Activity::file);
  const Communicator& comm = impl_->ctx.comm();
  const hdf5::Turn turn;
  const std::string cannot_write = "cannot write " + impl_->path;
  const std::string cannot_close = "cannot close " + impl_->path;
  impl_->require_space(0, cannot_write);
  const herr_t flushed = hdf5::in_collective(
      comm, "H5Fflush", [&] { return H5Fflush(impl_->file.id(), H5F_SCOPE_GLOBAL); });
  hdf5::agree_on_status(comm, flushed, cannot_write);
  agree(comm, [&] {
    // With open objects H5Fclose would fail on this rank, and the others would wait in it.
    const auto count = H5Fget_obj_count(impl_->file.id(), H5F_OBJ_ALL);
    if (count != 1) throw IoError(cannot_close + ": an object in it could not be closed");
  });
  const auto closed = hdf5::in_collective(comm, "H5Fclose", [&] { return impl_->file.reset(); });
  hdf5::agree_on_status(comm, closed, cannot_close);
  // What ranks that disagree have written must not get its name.
  comm.compare_calls();
  impl_->claim->complete(impl_->ctx);
  impl_->claim->is_written = false;
  impl_->is_committed = true;
}

}  // namespace serried
