#include "serried/io/columns_writer.hpp"

#include <utility>
#include <vector>

#include "io/columns_writer_impl.hpp"
#include "io/element_boxes.hpp"
#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/open.hpp"
#include "io/hdf5/transfer.hpp"

namespace serried {

ColumnsWriter::Impl::Impl(const Context& context, hdf5::DatasetId dataset,
                          const Shape& shape_in_file, std::string what,
                          std::shared_ptr<std::int64_t> open_writers)
    : ctx(context),
      id(std::move(dataset)),
      shape(shape_in_file),
      name(std::move(what)),
      unfinished(std::move(open_writers)) {
  ++*unfinished;
}

ColumnsWriter::Impl::~Impl() {
  // Closing is collective, and a destructor must not communicate; commit() refuses the file.
  static_cast<void>(id.release());
}

ColumnsWriter::ColumnsWriter(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ColumnsWriter::~ColumnsWriter() = default;
ColumnsWriter::ColumnsWriter(ColumnsWriter&& other) noexcept = default;

void ColumnsWriter::append(RowRange columns, std::span<const double> values) {
  Impl& impl = *impl_;
  const std::int64_t rows = impl.shape[0];
  if (columns.begin != impl.reached || columns.end < columns.begin || columns.end > impl.shape[1] ||
      static_cast<std::int64_t>(values.size()) != rows * columns.size())
    throw InvalidArgument(impl.name + " cannot take the columns [" + std::to_string(columns.begin) +
                          ", " + std::to_string(columns.end) + ") from " +
                          std::to_string(values.size()) + " values");
  impl.reached = columns.end;
  const std::int64_t rank = impl.ctx.rank();
  const std::int64_t ranks = impl.ctx.size();
  const RowRange own{rows * rank / ranks, rows * (rank + 1) / ranks};
  std::vector<ElementBox> boxes;
  if (!own.is_empty() && !columns.is_empty()) {
    ElementBox box;
    box.start[0] = own.begin;
    box.extent[0] = own.size();
    box.start[1] = columns.begin;
    box.extent[1] = columns.size();
    box.elements = own.size() * columns.size();
    boxes.push_back(box);
  }
  auto span = impl.ctx.recorder().span("write", Activity::file);
  const std::span<const double> mine =
      values.subspan(static_cast<std::size_t>(own.begin * columns.size()),
                     static_cast<std::size_t>(own.size() * columns.size()));
  span.add_bytes(static_cast<std::int64_t>(mine.size_bytes()));
  const hdf5::Turn turn;
  hdf5::write_boxes(impl.ctx.comm(), impl.id.id(), impl.shape, DType::f64, boxes,
                    std::as_bytes(mine).data(), "cannot write " + impl.name);
}

void ColumnsWriter::finish() {
  Impl& impl = *impl_;
  if (impl.reached != impl.shape[1])
    throw InvalidArgument(impl.name + " is not whole: " + std::to_string(impl.reached) + " of " +
                          std::to_string(impl.shape[1]) + " columns have come");
  const hdf5::Turn turn;
  hdf5::agree_on_status(impl.ctx.comm(), impl.id.reset(), "cannot close " + impl.name);
  --*impl.unfinished;
}

}  // namespace serried
