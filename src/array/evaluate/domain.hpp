#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "array/evaluate/joint_reader.hpp"
#include "expr/lower.hpp"
#include "serried/context.hpp"
#include "serried/device/program_kernels.hpp"

namespace serried {

/// The index space of one pass.
struct Domain {
  Shape shape;          ///< in the expression's order of axes
  int split_axis = -1;  ///< -1: every rank has all of it
  std::optional<Layout> layout;

  /// The axes with the split one in front, `rows` of it.
  [[nodiscard]] Shape of_rows(std::int64_t rows) const;
  [[nodiscard]] std::int64_t rows() const;
  /// Elements of one row.
  [[nodiscard]] std::int64_t row_elements() const;

  friend bool operator==(const Domain& a, const Domain& b) {
    return a.shape == b.shape && a.split_axis == b.split_axis && a.layout == b.layout;
  }
};

/// The domain of an elementwise expression of this shape and these operands: it is split as the
/// largest of those that are. Local, the same on every rank.
[[nodiscard]] Domain domain_of(const Shape& shape,
                               std::span<const std::shared_ptr<const Operand>> operands);

/// Whether an operand's rows are those of the domain; one that is split otherwise must be
/// replicated. Local.
[[nodiscard]] bool is_along(const Domain& domain, const Operand& operand);

/// A program over a domain with the places of its inputs.
class PlacedProgram {
 public:
  /// @param reads the split operands that are read, to which those of this program are added.
  /// Local. @throws InvalidArgument as compile.
  PlacedProgram(const Context& ctx, const Domain& domain, detail::Lowering& lowering,
                std::vector<const TileSource*>& reads);

  [[nodiscard]] const CompiledProgram& compiled() const noexcept { return *compiled_; }
  /// The sources for rows that begin with `first_row`, whose data JointStep gives. Local.
  [[nodiscard]] std::vector<ProgramSource> sources(std::span<const std::byte* const> data,
                                                   std::int64_t first_row) const;

 private:
  struct Place {
    int read = -1;  ///< which of the reads; -1: `elements`
    std::shared_ptr<const std::byte> elements;
    ProgramSource source;  ///< strides; `elements` are moved along with the rows
  };
  std::shared_ptr<const CompiledProgram> compiled_;
  std::vector<Place> places_;
};

}  // namespace serried
