#include "io/row_reader.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "comm/watch/external_call.hpp"
#include "io/chunk_slabs.hpp"
#include "io/geometry.hpp"
#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/injected.hpp"
#include "io/hdf5/open.hpp"
#include "io/io_thread.hpp"
#include "io/read_costs.hpp"
#include "io/transposition.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

hdf5::Space memory_space(const FileRead& read) {
  const std::string what = read.item->name() + " cannot be read";
  if (read.box.count.empty()) return hdf5::Space(hdf5::checked(H5Screate(H5S_SCALAR), what));
  const std::vector<hsize_t> extents(read.box.count.begin(), read.box.count.end());
  return hdf5::Space(hdf5::checked(
      H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), what));
}

void select_in_file(const FileRead& read, hid_t space) {
  const FileBox& box = read.box;
  if (box.count.empty()) {
    hdf5::check(H5Sselect_all(space), read.item->name());
    return;
  }
  const std::vector<hsize_t> start(box.start.begin(), box.start.end());
  const std::vector<hsize_t> stride(box.step.begin(), box.step.end());
  const std::vector<hsize_t> count(box.count.begin(), box.count.end());
  hdf5::check(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), stride.data(), count.data(),
                                  nullptr),
              read.item->name() + " cannot be read");
}

/// The place in the file of element `number` (C order) of a read's slab.
std::vector<std::int64_t> place_in_slab(const FileRead& read, std::int64_t number) {
  const FileBox& box = read.box;
  std::vector<std::int64_t> index(box.count.size());
  for (std::size_t i = index.size(); i-- > 0;) {
    index[i] = box.start[i] + number % box.count[i] * box.step[i];
    number /= box.count[i];
  }
  return index;
}

}  // namespace

RowReader::RowReader(Context ctx, const std::vector<PartMeta>& parts,
                     const std::vector<PartGeometry>& geometry, std::int64_t row_elements)
    : ctx_(std::move(ctx)), parts_(parts), geometry_(geometry), row_elements_(row_elements) {
  const ReadCosts costs =
      estimate_read_costs(parts, geometry, row_elements, ctx_.options().memory_bytes);
  has_wide_slabs_ = costs.has_wide_slabs;
  for (const PartMeta& part : parts)
    for (const ItemMeta& item : part.items) ++selections_[item.source];
  limits_ = {costs.max_piece_bytes, costs.slab_bytes};
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

std::vector<FileRead> RowReader::plan(RowRange rows, Wanted wanted) const {
  std::vector<Transfer> all;
  for (std::size_t i = 0; i < parts_.size(); ++i)
    for (Transfer& transfer : plan_transfers(parts_[i], geometry_[i], rows, row_elements_))
      if (wanted == Wanted::all || !transfer.item->is_filtered) all.push_back(std::move(transfer));
  return plan_file_reads(all, limits_);
}

/// The reads of collective mode: no two ranks read the same elements in one collective call, which
/// Open MPI's ompio answers with zeros. So datasets that have one selection are read as they are
/// selected; the others are not read in collective calls.
std::vector<FileRead> RowReader::plan_collective(RowRange rows) const {
  std::vector<Transfer> alone, shared;
  for (std::size_t i = 0; i < parts_.size(); ++i)
    for (Transfer& transfer : plan_transfers(parts_[i], geometry_[i], rows, row_elements_))
      (is_shared(*transfer.item) ? shared : alone).push_back(std::move(transfer));
  FileReadLimits exact = limits_;
  exact.is_exact = true;
  std::vector<FileRead> reads = plan_file_reads(alone, exact);
  std::vector<FileRead> others = plan_file_reads(shared, limits_);
  reads.insert(reads.end(), std::make_move_iterator(others.begin()),
               std::make_move_iterator(others.end()));
  return reads;
}

bool RowReader::is_shared(const ItemMeta& item) const {
  return selections_.at(item.source) > 1;
}

/// `place_of` gives the place in the file of an element by its number.
template <class F>
void RowReader::decode_elements(const ItemMeta& item, const std::byte* raw, std::byte* result,
                                std::int64_t elements, F&& place_of) const {
  const std::int64_t bad = decode(item.rule, raw, result, elements, *ctx_.backend());
  if (bad < 0) return;
  const std::vector<std::int64_t> place = place_of(bad);
  throw DataError(item.name() + ": the value at " +
                  Shape(std::span<const std::int64_t>(place)).to_string() + " does not fit " +
                  std::string(name(item.rule.result)));
}

std::int64_t RowReader::bytes_of(const FileRead& read) {
  return read.box.elements() * static_cast<std::int64_t>(size_of(read.item->rule.raw));
}

/// Where H5Dread puts the elements: at their final place if they lie there as in the file. Reserves
/// the memory that finish() needs.
std::byte* RowReader::target_of(const FileRead& read, const std::vector<Pick>& picks,
                                std::byte* to) {
  const DecodeRule& rule = read.item->rule;
  const std::size_t result_bytes = size_of(rule.result);
  const bool is_whole = is_whole_slab(read, picks);
  if (is_whole && size_of(rule.raw) == result_bytes)
    return to + picks.front().to_offset * static_cast<std::int64_t>(result_bytes);
  raw_.reserve(ctx_.backend(), static_cast<std::size_t>(bytes_of(read)));
  std::int64_t most = 0;
  bool is_picking = false;
  for (const Pick& pick : picks) {
    most = std::max(most, pick.elements);
    is_picking = is_picking || pick.count != read.box.count;
  }
  if (!is_whole && !rule.is_identity()) {
    if (is_picking)
      picked_.reserve(ctx_.backend(), static_cast<std::size_t>(most) * size_of(rule.raw));
    decoded_.reserve(ctx_.backend(), static_cast<std::size_t>(most) * result_bytes);
  }
  return raw_.data();
}

/// Decodes the elements of a pick, and puts them in their places.
void RowReader::finish_pick(const FileRead& read, const Pick& pick, std::byte* to) {
  const DecodeRule& rule = read.item->rule;
  const std::size_t raw_bytes = size_of(rule.raw);
  const std::size_t result_bytes = size_of(rule.result);
  const std::byte* from = raw_.data() + pick.from_offset * static_cast<std::int64_t>(raw_bytes);
  std::byte* const place = to + pick.to_offset * static_cast<std::int64_t>(result_bytes);
  if (rule.is_identity()) {
    copy_transposed(place, pick.to_strides, from, pick.from_strides, pick.count, raw_bytes);
    return;
  }
  const std::vector<std::int64_t> dense = c_strides(pick.count);
  if (pick.count != read.box.count) {
    copy_transposed(picked_.data(), dense, from, pick.from_strides, pick.count, raw_bytes);
    from = picked_.data();
  }
  decode_elements(*read.item, from, decoded_.data(), pick.elements,
                  [&](std::int64_t number) { return place_in_file(read, pick, number); });
  copy_transposed(place, pick.to_strides, decoded_.data(), dense, pick.count, result_bytes);
}

/// Decodes what H5Dread has left at target_of(), and puts it in its place.
void RowReader::finish(const FileRead& read, const std::vector<Pick>& picks, std::byte* to) {
  if (!is_whole_slab(read, picks)) {
    for (const Pick& pick : picks) finish_pick(read, pick, to);
    return;
  }
  const DecodeRule& rule = read.item->rule;
  if (rule.is_identity()) return;
  std::byte* const place =
      to + picks.front().to_offset * static_cast<std::int64_t>(size_of(rule.result));
  const bool is_in_place = size_of(rule.raw) == size_of(rule.result);
  decode_elements(*read.item, is_in_place ? place : raw_.data(), place, read.box.elements(),
                  [&](std::int64_t number) { return place_in_slab(read, number); });
}

void RowReader::fill_constant(const Transfer& transfer, std::byte* to) {
  alignas(8) std::array<std::byte, 8> value{};
  decode_elements(*transfer.item, transfer.item->constant.data(), value.data(), 1,
                  [&](std::int64_t) { return transfer.begin; });
  const std::size_t element_bytes = size_of(transfer.item->rule.result);
  const std::vector<std::int64_t> nowhere(transfer.count.size(), 0);
  copy_transposed(to + transfer.offset * static_cast<std::int64_t>(element_bytes), transfer.strides,
                  value.data(), nowhere, transfer.count, element_bytes);
}

void RowReader::count(const FileRead& read) {
  const ItemMeta& item = *read.item;
  if (item.is_filtered)
    chunks_.use(read, cache_bytes_of(item, chunk_cache_bytes_) /
                          std::max<std::int64_t>(1, chunk_bytes(item)));
}

void RowReader::execute(const FileRead& read, std::byte* to) {
  if (read.item->is_constant)
    fill_constant(read.users.front(), to);
  else
    read_from(open_.get(*read.item, chunk_cache_bytes_), read, to);
}

/// Reads on this rank alone.
void RowReader::read_from(const OpenItems::Item& item, const FileRead& read, std::byte* to) {
  auto span = ctx_.recorder().span("read", IoThread::of_process().activity());
  span.add_bytes(bytes_of(read));
  count(read);
  const std::vector<Pick> picks = list_picks(read);
  const hdf5::Space memory = memory_space(read);
  select_in_file(read, item.space.id());
  std::byte* const target = target_of(read, picks, to);
  const comm::OwnWork work;
  hdf5::check(hdf5::alone(faults::Kind::read,
                          [&] {
                            return H5Dread(item.dataset.id(), item.memory_type.id(), memory.id(),
                                           item.space.id(), H5P_DEFAULT, target);
                          }),
              read.item->name() + " cannot be read");
  finish(read, picks, to);
}

void RowReader::read(RowRange rows, std::byte* to) {
  const hdf5::Turn turn;
  for (const FileRead& read : plan(rows)) execute(read, to);
}

void RowReader::read_unfiltered(RowRange rows, std::byte* to) {
  const hdf5::Turn turn;
  for (const FileRead& read : plan(rows, Wanted::unfiltered)) execute(read, to);
}

void RowReader::read_blocks(const std::vector<Transfer>& blocks, std::byte* to) {
  const hdf5::Turn turn;
  for (const FileRead& read : plan_file_reads(blocks, limits_)) execute(read, to);
}

void RowReader::try_open(RowRange rows) {
  const hdf5::Turn turn;
  if (rows.is_empty()) return;
  for (const FileRead& read : plan({rows.begin, rows.begin + 1}))
    if (!read.item->is_constant) {
      static_cast<void>(open_.get(*read.item, chunk_cache_bytes_));
      return;
    }
}

void RowReader::read_collective(RowRange rows, std::byte* to) {
  const hdf5::Turn turn;
  const Communicator& comm = ctx_.comm();
  // Every rank enters as many reads of each dataset as the rank that needs most of them.
  std::vector<const ItemMeta*> items;
  for (const PartMeta& part : parts_)
    for (const ItemMeta& item : part.items)
      if (!item.is_constant) items.push_back(&item);
  const auto by_source = [](const ItemMeta* a, const ItemMeta* b) { return a->source < b->source; };
  std::stable_sort(items.begin(), items.end(), by_source);
  items.erase(
      std::unique(items.begin(), items.end(),
                  [](const ItemMeta* a, const ItemMeta* b) { return a->source == b->source; }),
      items.end());
  struct OwnRead {
    FileRead read;
    std::vector<Pick> picks;
  };
  std::vector<std::vector<OwnRead>> wanted(items.size());
  std::vector<std::int64_t> calls(items.size(), 0);
  hdf5::Properties properties;
  agree(comm, [&] {
    properties = hdf5::transfer_properties(true);
    for (FileRead& read : plan_collective(rows)) {
      if (read.item->is_constant) {
        fill_constant(read.users.front(), to);
        continue;
      }
      std::vector<Pick> picks = list_picks(read);
      static_cast<void>(target_of(read, picks, to));  // reserves the scratch memory
      const auto at = static_cast<std::size_t>(
          std::lower_bound(items.begin(), items.end(), read.item, by_source) - items.begin());
      wanted[at].push_back({std::move(read), std::move(picks)});
      ++calls[at];
    }
  });
  comm.allreduce(std::span<std::int64_t>(calls), ReduceOp::max);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (calls[i] == 0) continue;
    const OpenItems::Item& item = open_.get_parallel(ctx_, *items[i], chunk_cache_bytes_);
    if (is_shared(*items[i])) {
      agree(comm, [&] {
        for (const OwnRead& own : wanted[i]) read_from(item, own.read, to);
      });
      continue;
    }
    for (std::int64_t call = 0; call < calls[i]; ++call) {
      auto span = ctx_.recorder().span("read", IoThread::of_process().activity());
      const auto c = static_cast<std::size_t>(call);
      const OwnRead* own = c < wanted[i].size() ? &wanted[i][c] : nullptr;
      hdf5::Space memory;
      std::byte nothing{};
      std::byte* target = &nothing;
      agree(comm, [&] {
        memory = own != nullptr ? memory_space(own->read) : hdf5::Space(H5Scopy(item.space.id()));
        if (own == nullptr) {
          hdf5::check(H5Sselect_none(memory.id()), items[i]->name());
          hdf5::check(H5Sselect_none(item.space.id()), items[i]->name());
          return;
        }
        count(own->read);
        select_in_file(own->read, item.space.id());
        target = target_of(own->read, own->picks, to);
        span.add_bytes(bytes_of(own->read));
      });
      const herr_t status =
          hdf5::together(faults::Kind::read, hdf5::in_collective(comm, "H5Dread", [&] {
                           return H5Dread(item.dataset.id(), item.memory_type.id(), memory.id(),
                                          item.space.id(), properties.id(), target);
                         }));
      const std::string cause = status < 0 ? hdf5::error_cause() : std::string();
      agree(comm, [&] {
        if (status < 0) throw IoError(items[i]->name() + " cannot be read: " + cause);
        if (own != nullptr) finish(own->read, own->picks, to);
      });
    }
  }
}

}  // namespace serried
