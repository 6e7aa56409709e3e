#include "io/row_reader.hpp"

#include <algorithm>
#include <utility>

#include "io/chunk_slabs.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/open.hpp"
#include "io/io_thread.hpp"
#include "io/read_costs.hpp"
#include "io/transposition.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

hdf5::Space memory_space(const Transfer& transfer) {
  const std::string what = transfer.item->name() + " cannot be read";
  if (transfer.count.empty()) return hdf5::Space(hdf5::checked(H5Screate(H5S_SCALAR), what));
  const std::vector<hsize_t> extents(transfer.count.begin(), transfer.count.end());
  return hdf5::Space(hdf5::checked(
      H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), what));
}

void select_in_file(const Transfer& transfer, hid_t space) {
  if (transfer.count.empty()) {
    hdf5::check(H5Sselect_all(space), transfer.item->name());
    return;
  }
  std::vector<hsize_t> start, stride, count;
  for (std::size_t i = 0; i < transfer.count.size(); ++i) {
    const SelectedAxis& axis = transfer.item->axes[i];
    start.push_back(static_cast<hsize_t>(axis.start + transfer.begin[i] * axis.step));
    stride.push_back(static_cast<hsize_t>(axis.step));
    count.push_back(static_cast<hsize_t>(transfer.count[i]));
  }
  hdf5::check(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), stride.data(), count.data(),
                                  nullptr),
              transfer.item->name() + " cannot be read");
}

/// The place in the file of element `number` (C order) of a transfer, e.g. "(3, 0, 5)".
std::string place_of(const Transfer& transfer, std::int64_t number) {
  std::vector<std::int64_t> index(transfer.count.size());
  for (std::size_t i = index.size(); i-- > 0;) {
    const SelectedAxis& axis = transfer.item->axes[i];
    index[i] = axis.start + (transfer.begin[i] + number % transfer.count[i]) * axis.step;
    number /= transfer.count[i];
  }
  return Shape(std::span<const std::int64_t>(index)).to_string();
}

}  // namespace

RowReader::RowReader(Context ctx, const std::vector<PartMeta>& parts,
                     const std::vector<PartGeometry>& geometry, std::int64_t row_elements)
    : ctx_(std::move(ctx)), parts_(parts), geometry_(geometry), row_elements_(row_elements) {
  const ReadCosts costs =
      estimate_read_costs(parts, geometry, row_elements, ctx_.options().memory_bytes);
  has_wide_slabs_ = costs.has_wide_slabs;
  max_piece_bytes_ = costs.max_piece_bytes;
  chunk_cache_bytes_ = costs.chunk_cache_bytes;
  least_batch_bytes_ = costs.least_batch_bytes;
}

RowReader::~RowReader() {
  // Files of collective mode are open only where a plan was left before its last batch.
  if (ctx_.options().io_mode == IoMode::collective && ctx_.size() > 1) open_.release();
}

void RowReader::close() noexcept {
  chunks_.clear();
  open_.close();
}

std::vector<Transfer> RowReader::plan(RowRange rows) const {
  std::vector<Transfer> all;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto transfers = plan_transfers(parts_[i], geometry_[i], rows, row_elements_, max_piece_bytes_);
    all.insert(all.end(), std::make_move_iterator(transfers.begin()),
               std::make_move_iterator(transfers.end()));
  }
  return all;
}

void RowReader::decode_transfer(const Transfer& transfer, const std::byte* raw,
                                std::byte* result) const {
  const DecodeRule& rule = transfer.item->rule;
  const std::int64_t bad = decode(rule, raw, result, transfer.elements, *ctx_.backend());
  if (bad >= 0)
    throw DataError(transfer.item->name() + ": the value at " + place_of(transfer, bad) +
                    " does not fit " + std::string(name(rule.result)));
}

/// Where H5Dread puts the elements: at their final place if they lie there as in the file.
std::byte* RowReader::target_of(const Transfer& transfer, std::byte* to) {
  const DecodeRule& rule = transfer.item->rule;
  const bool is_same_size = size_of(rule.raw) == size_of(rule.result);
  if (transfer.is_contiguous && is_same_size)
    return to + transfer.offset * static_cast<std::int64_t>(size_of(rule.result));
  raw_.reserve(ctx_.backend(), static_cast<std::size_t>(transfer.elements) * size_of(rule.raw));
  if (!is_same_size && !transfer.is_contiguous)
    decoded_.reserve(ctx_.backend(),
                     static_cast<std::size_t>(transfer.elements) * size_of(rule.result));
  return raw_.data();
}

/// Decodes what H5Dread has left at target_of(), and puts it in its place.
void RowReader::finish(const Transfer& transfer, std::byte* to) {
  const DecodeRule& rule = transfer.item->rule;
  const std::size_t element_bytes = size_of(rule.result);
  const bool is_same_size = size_of(rule.raw) == element_bytes;
  std::byte* const place = to + transfer.offset * static_cast<std::int64_t>(element_bytes);
  if (transfer.is_contiguous) {
    if (!rule.is_identity()) decode_transfer(transfer, is_same_size ? place : raw_.data(), place);
    return;
  }
  std::byte* const values = is_same_size ? raw_.data() : decoded_.data();
  if (!rule.is_identity()) decode_transfer(transfer, raw_.data(), values);
  copy_transposed(place, transfer.strides, values, c_strides(transfer.count), transfer.count,
                  element_bytes);
}

void RowReader::fill_constant(const Transfer& transfer, std::byte* to) {
  Transfer one = transfer;
  one.elements = 1;
  alignas(8) std::array<std::byte, 8> value{};
  decode_transfer(one, transfer.item->constant.data(), value.data());
  const std::size_t element_bytes = size_of(transfer.item->rule.result);
  const std::vector<std::int64_t> nowhere(transfer.count.size(), 0);
  copy_transposed(to + transfer.offset * static_cast<std::int64_t>(element_bytes), transfer.strides,
                  value.data(), nowhere, transfer.count, element_bytes);
}

void RowReader::execute(const Transfer& transfer, std::byte* to) {
  if (transfer.item->is_constant) {
    fill_constant(transfer, to);
    return;
  }
  const OpenItems::Item& item = open_.get(*transfer.item, chunk_cache_bytes_);
  const hdf5::Space memory = memory_space(transfer);
  select_in_file(transfer, item.space.id());
  hdf5::check(H5Dread(item.dataset.id(), item.memory_type.id(), memory.id(), item.space.id(),
                      H5P_DEFAULT, target_of(transfer, to)),
              transfer.item->name() + " cannot be read");
  finish(transfer, to);
}

void RowReader::count(const Transfer& transfer) {
  const ItemMeta& item = *transfer.item;
  if (item.is_filtered)
    chunks_.use(transfer, cache_bytes_of(item, chunk_cache_bytes_) /
                              std::max<std::int64_t>(1, chunk_bytes(item)));
}

void RowReader::read_transfer(const Transfer& transfer, std::byte* to) {
  auto span = ctx_.recorder().span("read", IoThread::of_process().activity());
  span.add_bytes(transfer.elements * static_cast<std::int64_t>(size_of(transfer.item->rule.raw)));
  count(transfer);
  execute(transfer, to);
}

void RowReader::read(RowRange rows, std::byte* to) {
  const hdf5::Turn turn;
  for (const Transfer& transfer : plan(rows)) read_transfer(transfer, to);
}

void RowReader::read_unfiltered(RowRange rows, std::byte* to) {
  const hdf5::Turn turn;
  for (const Transfer& transfer : plan(rows))
    if (!transfer.item->is_filtered) read_transfer(transfer, to);
}

void RowReader::read_block(const Transfer& transfer, std::byte* to) {
  const hdf5::Turn turn;
  read_transfer(transfer, to);
}

void RowReader::try_open(RowRange rows) {
  const hdf5::Turn turn;
  if (rows.is_empty()) return;
  for (const Transfer& transfer : plan({rows.begin, rows.begin + 1}))
    if (!transfer.item->is_constant) {
      static_cast<void>(open_.get(*transfer.item, chunk_cache_bytes_));
      return;
    }
}

void RowReader::read_collective(RowRange rows, std::byte* to) {
  const hdf5::Turn turn;
  const Communicator& comm = ctx_.comm();
  // Every rank enters as many transfers of each item as the rank that needs most of them.
  std::vector<const ItemMeta*> items;
  for (const PartMeta& part : parts_)
    for (const ItemMeta& item : part.items)
      if (!item.is_constant) items.push_back(&item);
  std::vector<std::vector<Transfer>> wanted(items.size());
  std::vector<std::int64_t> calls(items.size(), 0);
  hdf5::Properties properties;
  agree(comm, [&] {
    properties = hdf5::transfer_properties(true);
    for (Transfer& transfer : plan(rows)) {
      if (transfer.item->is_constant) {
        fill_constant(transfer, to);
        continue;
      }
      static_cast<void>(target_of(transfer, to));  // reserves the scratch memory
      const auto at = std::find(items.begin(), items.end(), transfer.item) - items.begin();
      wanted[static_cast<std::size_t>(at)].push_back(std::move(transfer));
      ++calls[static_cast<std::size_t>(at)];
    }
  });
  comm.allreduce(std::span<std::int64_t>(calls), ReduceOp::max);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (calls[i] == 0) continue;
    const OpenItems::Item& item = open_.get_parallel(ctx_, *items[i], chunk_cache_bytes_);
    for (std::int64_t call = 0; call < calls[i]; ++call) {
      auto span = ctx_.recorder().span("read", IoThread::of_process().activity());
      const auto c = static_cast<std::size_t>(call);
      const Transfer* transfer = c < wanted[i].size() ? &wanted[i][c] : nullptr;
      hdf5::Space memory;
      std::byte nothing{};
      std::byte* target = &nothing;
      agree(comm, [&] {
        memory =
            transfer != nullptr ? memory_space(*transfer) : hdf5::Space(H5Scopy(item.space.id()));
        if (transfer == nullptr) {
          hdf5::check(H5Sselect_none(memory.id()), items[i]->name());
          hdf5::check(H5Sselect_none(item.space.id()), items[i]->name());
          return;
        }
        count(*transfer);
        select_in_file(*transfer, item.space.id());
        target = target_of(*transfer, to);
        span.add_bytes(transfer->elements *
                       static_cast<std::int64_t>(size_of(transfer->item->rule.raw)));
      });
      const herr_t status = H5Dread(item.dataset.id(), item.memory_type.id(), memory.id(),
                                    item.space.id(), properties.id(), target);
      const std::string cause = status < 0 ? hdf5::error_cause() : std::string();
      agree(comm, [&] {
        if (status < 0) throw IoError(items[i]->name() + " cannot be read: " + cause);
        if (transfer != nullptr) finish(*transfer, to);
      });
    }
  }
}

}  // namespace serried
