#include "backend/host/program/folds.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace serried::host {
namespace {

// A block is folded while it is in the first caches; rows that are shorter lie whole in blocks.
constexpr std::int64_t block_elements = 2048;
// Of longer rows so many make a block, as a state costs something each time it is met.
constexpr std::int64_t rows_of_longer = 8;
constexpr std::int64_t longest_of_several = 4096;

/// Axes that lie next to each other and are all kept or all folded.
struct Group {
  std::int64_t extent = 1;
  bool is_kept = false;
  std::int64_t slot_stride = 0;  ///< of kept axes
};

/// How the elements of a domain meet the states of one fold.
class Pattern {
 public:
  Pattern(const ProgramFold& fold, const Shape& shape) : fold_(fold), shape_(shape) {
    std::int64_t slots = 1;
    for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
      const bool is_kept = (fold.kept >> axis & 1u) != 0;
      const std::int64_t extent = shape[axis];
      if (groups_.empty() || groups_.back().is_kept != is_kept)
        groups_.push_back({.extent = 1, .is_kept = is_kept, .slot_stride = is_kept ? slots : 0});
      groups_.back().extent *= extent;
      if (is_kept) slots *= extent;
    }
    if (groups_.empty()) groups_.push_back({});
    columns_ = groups_.front().is_kept ? groups_.front().extent : 1;
    run_ = groups_.front().extent;
  }

  /// Calls `use(slot, offset, rows, columns, has_columns)` for the elements [begin, end): those
  /// from `offset` on are `rows` runs of `columns` elements, folded into the states from `slot` on.
  template <class Use>
  void visit(std::int64_t begin, std::int64_t end, Use use) const {
    for (std::int64_t at = begin; at < end;) {
      const std::int64_t in_run = at % run_;
      if (!groups_.front().is_kept) {
        const std::int64_t count = std::min(run_ - in_run, end - at);
        use(slot_of(at / run_), at - begin, 1, count, false);
        at += count;
        continue;
      }
      if (in_run != 0 || end - at < run_) {
        const std::int64_t count = std::min(run_ - in_run, end - at);
        use(slot_of(at / run_) + in_run, at - begin, 1, count, true);
        at += count;
        continue;
      }
      // runs that meet the same states
      const std::int64_t run = at / run_;
      std::int64_t runs = (end - at) / run_;
      if (groups_.size() > 1) runs = std::min(runs, groups_[1].extent - run % groups_[1].extent);
      use(slot_of(run), at - begin, runs, run_, true);
      at += runs * run_;
    }
  }

  /// The index of an element, and what a step to the next one, and to the next run, adds to it.
  [[nodiscard]] std::int64_t index_of(std::int64_t element, std::int64_t first_row) const {
    std::int64_t index = 0;
    for (int axis = shape_.dimensions() - 1; axis >= 0; --axis) {
      const std::int64_t extent = axis == 0 ? INT64_MAX : shape_[axis];
      const std::int64_t position = element % extent + (axis == 0 ? first_row : 0);
      index += position * fold_.index_strides[static_cast<std::size_t>(axis)];
      element /= extent;
    }
    return index;
  }

 private:
  [[nodiscard]] std::int64_t slot_of(std::int64_t run) const {
    std::int64_t slot = 0;
    for (std::size_t g = 1; g < groups_.size(); ++g) {
      const bool is_last = g + 1 == groups_.size();
      const std::int64_t position = is_last ? run : run % groups_[g].extent;
      slot += position * groups_[g].slot_stride;
      run /= groups_[g].extent;
    }
    return slot;
  }

  const ProgramFold& fold_;
  const Shape& shape_;
  std::vector<Group> groups_;  ///< from the inside
  std::int64_t columns_ = 1;
  std::int64_t run_ = 1;
};

/// Whether the indices of a run are equidistant: all folded axes of the run have strides that
/// continue each other. Where they are not, extrema are taken element by element.
class Folder {
 public:
  Folder(const CompiledProgram& program, const ProgramDomain& domain, const ProgramFold& fold,
         std::byte* states)
      : fold_(fold),
        domain_(domain),
        pattern_(fold, domain.shape),
        states_(states),
        type_(program.program()
                  .registers[program.program().outputs[static_cast<std::size_t>(fold.value)].from]),
        value_bytes_(static_cast<std::int64_t>(size_of(type_))),
        state_bytes_(static_cast<std::int64_t>(size_of_state(fold.op, type_))),
        has_index_(fold.op == FoldOp::minimum || fold.op == FoldOp::maximum) {}

  /// The elements [begin, end), whose outputs are `outputs`; slots of kept rows begin at
  /// `slot_shift`.
  void take(std::int64_t begin, std::int64_t end, std::span<const std::byte* const> outputs,
            std::int64_t slot_shift) const {
    pattern_.visit(
        begin, end,
        [&](std::int64_t slot, std::int64_t offset, std::int64_t rows, std::int64_t columns,
            bool has_columns) {
          FoldBlock block{.rows = rows, .columns = columns};
          const auto output = [&](int number) {
            return number < 0 ? nullptr : outputs[static_cast<std::size_t>(number)];
          };
          block.value = output(fold_.value) + offset * value_bytes_;
          if (fold_.second >= 0) block.second = output(fold_.second) + offset * value_bytes_;
          if (fold_.mask >= 0)
            block.mask = reinterpret_cast<const std::uint8_t*>(output(fold_.mask)) + offset;
          if (fold_.weight >= 0)
            block.weight = reinterpret_cast<const double*>(output(fold_.weight)) + offset;
          std::byte* const state = states_ + (slot - slot_shift) * state_bytes_;
          if (has_index_) return take_extrema(begin + offset, block, has_columns, state);
          if (has_columns)
            fold_columns(fold_.op, type_, block, state);
          else
            fold_into_one(fold_.op, type_, block, state);
        });
  }

 private:
  /// Pieces along the last axis, whose indices are equidistant.
  void take_extrema(std::int64_t element, const FoldBlock& whole, bool has_columns,
                    std::byte* state) const {
    const int last = domain_.shape.dimensions() - 1;
    const std::int64_t extent = last <= 0 ? INT64_MAX : domain_.shape[last];
    const std::int64_t stride = last < 0 ? 0 : fold_.index_strides[static_cast<std::size_t>(last)];
    for (std::int64_t done = 0; done < whole.count();) {
      const std::int64_t at = element + done;
      const std::int64_t in_run = done % whole.columns;
      const std::int64_t count =
          std::min({whole.columns - in_run, extent - at % extent, whole.count() - done});
      FoldBlock piece{.rows = 1, .columns = count};
      piece.value = whole.value + done * value_bytes_;
      if (whole.mask != nullptr) piece.mask = whole.mask + done;
      piece.first_index = pattern_.index_of(at, domain_.first_row);
      piece.column_stride = stride;
      if (has_columns)
        fold_columns(fold_.op, type_, piece, state + in_run * state_bytes_);
      else
        fold_into_one(fold_.op, type_, piece, state);
      done += count;
    }
  }

  const ProgramFold& fold_;
  const ProgramDomain& domain_;
  Pattern pattern_;
  std::byte* states_;
  RegisterType type_;
  std::int64_t value_bytes_;
  std::int64_t state_bytes_;
  bool has_index_;
};

/// Where the outputs of a block go; kept from call to call by each thread.
std::span<std::byte* const> output_memory(const Program& program, std::int64_t elements) {
  struct Memory {
    std::vector<std::byte> bytes;
    std::vector<std::byte*> outputs;
  };
  thread_local Memory memory;
  constexpr std::size_t unit = 64;
  memory.outputs.clear();
  std::size_t total = unit;
  for (const ProgramOutput& output : program.outputs)
    total +=
        (static_cast<std::size_t>(elements) * size_of(output.dtype) + 2 * unit - 1) / unit * unit;
  if (memory.bytes.size() < total) memory.bytes.resize(total);
  void* at = memory.bytes.data();
  std::size_t room = memory.bytes.size();
  std::align(unit, 1, at, room);
  auto* next = static_cast<std::byte*>(at);
  for (const ProgramOutput& output : program.outputs) {
    memory.outputs.push_back(next);
    next += (static_cast<std::size_t>(elements) * size_of(output.dtype) + unit - 1) / unit * unit;
  }
  return memory.outputs;
}

}  // namespace

std::int64_t fold_rows(const CompiledProgram& program, const ProgramDomain& domain,
                       std::span<const ProgramSource> sources, std::int64_t first,
                       std::int64_t last, std::span<const ProgramFold> folds,
                       std::span<std::byte* const> states) {
  const Shape& shape = domain.shape;
  const bool is_number = shape.dimensions() == 0;
  const std::int64_t row_elements = is_number ? 1 : shape.elements(1, shape.dimensions());
  if (row_elements == 0 || first >= last) return no_element;
  std::vector<Folder> folders;
  std::vector<std::int64_t> shifts;
  folders.reserve(folds.size());
  for (std::size_t f = 0; f < folds.size(); ++f) {
    folders.emplace_back(program, domain, folds[f], states[f]);
    // states of kept rows begin with that of the first row of the call
    std::int64_t kept_in_row = 1;
    for (int axis = 1; axis < shape.dimensions(); ++axis)
      if ((folds[f].kept >> axis & 1u) != 0) kept_in_row *= shape[axis];
    shifts.push_back((folds[f].kept & 1u) != 0 ? first * kept_in_row : 0);
  }
  std::int64_t rows_at_once = std::max<std::int64_t>(1, block_elements / row_elements);
  if (row_elements > block_elements / rows_of_longer && row_elements <= longest_of_several)
    rows_at_once = std::max(rows_at_once, rows_of_longer);
  const std::int64_t piece =
      rows_at_once == 1 ? std::min(row_elements, std::max(block_elements, longest_of_several))
                        : rows_at_once * row_elements;
  // what lies there already is folded where it is
  std::vector<const std::byte*> stored;
  for (std::size_t o = 0; o < program.program().outputs.size(); ++o)
    stored.push_back(program.find_stored(domain, sources, static_cast<int>(o)));
  const bool is_stored = std::ranges::find(stored, nullptr) == stored.end();
  const auto computed =
      is_stored ? std::span<std::byte* const>() : output_memory(program.program(), piece);
  std::vector<const std::byte*> outputs(computed.begin(), computed.end());
  outputs.resize(stored.size());
  std::int64_t failed = no_element;
  const auto take = [&](std::int64_t begin, std::int64_t end) {
    if (is_stored) {
      for (std::size_t o = 0; o < stored.size(); ++o)
        outputs[o] = stored[o] +
                     begin * static_cast<std::int64_t>(size_of(program.program().outputs[o].dtype));
    } else {
      failed = std::min(failed, program.evaluate(domain, sources, begin, end, computed));
    }
    for (std::size_t f = 0; f < folders.size(); ++f)
      folders[f].take(begin, end, outputs, shifts[f]);
  };
  for (std::int64_t row = first; row < last; row += rows_at_once) {
    const std::int64_t end = std::min(last, row + rows_at_once) * row_elements;
    for (std::int64_t begin = row * row_elements; begin < end; begin += piece)
      take(begin, std::min(end, begin + piece));
  }
  return failed;
}

}  // namespace serried::host
