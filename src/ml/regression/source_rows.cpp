#include "ml/regression/source_rows.hpp"

#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "serried/array/array.hpp"
#include "serried/base/error.hpp"
#include "serried/base/faults.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/convert_kernels.hpp"

namespace serried::regression {
namespace {

void require_host(const TileSource& source) {
  const auto* array = dynamic_cast<const Array*>(&source);
  if (array != nullptr && array->is_on_device())
    throw InvalidArgument(array->describe() +
                          " lies on a device, where linear models are not fitted; to_host()");
}

}  // namespace

const TileSource& checked_columns(const Context& ctx, const TileSource& x) {
  if (!is_real(x.dtype()))
    throw InvalidArgument(x.describe() + " has dtype " + std::string(name(x.dtype())) +
                          "; a linear model needs real numbers");
  if (x.layout().ranks() != ctx.size())
    throw InvalidArgument(fmt::format("{} lies on {} ranks, the context has {}", x.describe(),
                                      x.layout().ranks(), ctx.size()));
  if (x.row_elements() < 1) throw InvalidArgument(x.describe() + " has no columns");
  require_host(x);
  return x;
}

void check_beside(const TileSource& x, const TileSource& source, const char* role,
                  std::int64_t row_elements) {
  if (!is_real(source.dtype()))
    throw InvalidArgument(fmt::format("{} ({}) has dtype {}; it must be real numbers", role,
                                      source.describe(), name(source.dtype())));
  const bool is_wide_enough =
      row_elements == 0 ? source.row_elements() > 0 : source.row_elements() == row_elements;
  if (source.rows() != x.rows() || !is_wide_enough)
    throw InvalidArgument(fmt::format(
        "there must be one number of {} for each of the {} rows of {}; {} has {} rows of {}", role,
        x.rows(), x.describe(), source.describe(), source.rows(), source.row_elements()));
  if (source.layout() != x.layout())
    throw InvalidArgument(
        fmt::format("{} ({}) and {} do not have the same rows on the ranks; "
                    "balance() makes them lie alike",
                    role, source.describe(), x.describe()));
  require_host(source);
}

std::vector<std::string> term_names(const TileSource& x, bool has_intercept,
                                    const std::vector<std::string>& column_names) {
  const auto columns = static_cast<std::size_t>(x.row_elements());
  if (!column_names.empty() && column_names.size() != columns)
    throw InvalidArgument(fmt::format("linear model: there are {} names for the {} columns of {}",
                                      column_names.size(), columns, x.describe()));
  std::vector<std::string> names;
  if (has_intercept) names.emplace_back("(Intercept)");
  for (std::size_t j = 0; j < columns; ++j)
    names.push_back(column_names.empty() ? "x" + std::to_string(j) : column_names[j]);
  return names;
}

Leaves leaves_alike(const TileSource& source, const Leaves& leaves) {
  return Leaves::of_tiles(source.layout(), leaves.tiles_per_leaf());
}

std::vector<double> make_values(const Context& ctx, std::int64_t count) {
  std::vector<double> values;
  agree(ctx.comm(), [&] {
    faults::before_allocation();
    values.resize(static_cast<std::size_t>(count));
  });
  return values;
}

std::vector<double> read_values(const Context& ctx, const TileSource& source, const Leaves& alike,
                                const char* role) {
  const RowRange own = alike.rows_of(ctx.rank());
  const std::int64_t row_elements = source.row_elements();
  std::vector<double> values = make_values(ctx, own.size() * row_elements);
  const auto& convert = ctx.backend()->kernels<ConvertKernels>(source.dtype());
  const Leaves leaves = leaves_alike(source, alike);
  const auto span = ctx.recorder().span(role, Activity::computation);
  visit_leaf_runs(ctx, source, leaves, [&](const LeafRun& run, std::byte*, int) {
    const std::int64_t row = leaves.row_begin(run.first_leaf) - own.begin;
    static_cast<void>(convert.convert(run.rows + run.offsets.front() * source.row_bytes(),
                                      run.row_count() * row_elements, DType::f64,
                                      values.data() + row * row_elements));
  });
  return values;
}

std::vector<double> by_row(const Context& ctx, const TileSource& x, const Leaves& leaves,
                           const UseRows& use) {
  const RowRange own = leaves.rows_of(ctx.rank());
  std::vector<double> values = make_values(ctx, own.size());
  visit_leaf_runs(ctx, x, leaves, [&](const LeafRun& run, std::byte*, int) {
    const std::int64_t local = leaves.row_begin(run.first_leaf) - own.begin;
    use(run.rows + run.offsets.front() * x.row_bytes(), local, run.row_count(),
        values.data() + local);
  });
  return values;
}

void add_numbers(std::byte* left, const std::byte* right, std::int64_t count) {
  auto* const a = reinterpret_cast<double*>(left);
  const auto* const b = reinterpret_cast<const double*>(right);
  for (std::int64_t i = 0; i < count; ++i) a[i] += b[i];
}

std::vector<double> reduce(const Context& ctx, const TileSource& source, const Leaves& alike,
                           std::int64_t width, const SumLeaves& sum_leaves,
                           const CombineFunction& combine, const TreeReduceOptions& tree_options) {
  std::vector<double> result(static_cast<std::size_t>(width), 0.);
  const std::int64_t own_begin = alike.rows_of(ctx.rank()).begin;
  const Leaves leaves = leaves_alike(source, alike);
  const auto bytes = reduce_leaf_runs(
      ctx, source, leaves,
      [&](const LeafRun& run, std::byte* payloads, int) {
        const std::int64_t first = run.offsets.front();
        std::vector<std::int64_t> offsets(run.offsets.begin(), run.offsets.end());
        for (std::int64_t& offset : offsets) offset -= first;
        sum_leaves(run.rows + first * source.row_bytes(),
                   leaves.row_begin(run.first_leaf) - own_begin, offsets,
                   reinterpret_cast<double*>(payloads));
      },
      combine, std::as_bytes(std::span<const double>(result)), tree_options);
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

std::vector<double> sum(const Context& ctx, const TileSource& source, const Leaves& leaves,
                        std::int64_t width, const SumLeaves& sum_leaves) {
  return reduce(ctx, source, leaves, width, sum_leaves,
                [&](std::byte* left, const std::byte* right) { add_numbers(left, right, width); },
                {.item_bytes = sizeof(double), .combine_items = add_numbers});
}

void check_rows(const Context& ctx, const TileSource& source, RowRange own, const RowFault& fault) {
  constexpr std::int64_t no_row = std::numeric_limits<std::int64_t>::max();
  std::string text;
  std::int64_t first = no_row;
  for (std::int64_t i = 0; i < own.size() && first == no_row; ++i) {
    text = fault(i);
    if (!text.empty()) first = own.begin + i;
  }
  const std::int64_t least = ctx.comm().allreduce(first, ReduceOp::min);
  if (least == no_row) return;
  const std::vector<std::string> texts =
      ctx.comm().allgather_text(first == least ? text : std::string());
  for (const std::string& found : texts)
    if (!found.empty())
      throw DataError(
          fmt::format("{}: row {} (counted from 0) {}", source.describe(), least, found));
}

}  // namespace serried::regression
