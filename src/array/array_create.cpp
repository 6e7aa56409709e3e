// Arrays made from nothing: each rank computes its own elements, from their global numbers.
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstring>
#include <string>

#include "array/array_impl.hpp"
#include "array/permutation.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/convert_kernels.hpp"
#include "serried/device/random_kernels.hpp"

namespace serried {
namespace {

using Numbers = std::span<const std::uint64_t>;

void require(bool is_right, const std::string& text) {
  if (!is_right) throw InvalidArgument(text);
}

// Local blocks of elements, each with its elements' global numbers.
template <class Impl>
void fill_blocks(Impl& array, const std::function<void(Numbers numbers, std::byte* out)>& fill) {
  const auto span = array.ctx.recorder().span("fill array", Activity::computation);
  agree(array.ctx.comm(), [&] {
    for_each_block(array.ctx, array.local_elements(), [&](std::int64_t first, std::int64_t count) {
      std::array<std::uint64_t, block_elements> numbers;
      const std::span<std::uint64_t> used(numbers.data(), static_cast<std::size_t>(count));
      array.number_elements(first, used);
      fill(used, array.mutable_data() + first * array.item_bytes);
    });
  });
}

// As fill_blocks for values that are computed in f64.
template <class Impl>
void fill_values(Impl& array, const std::function<void(Numbers numbers, double* values)>& fill) {
  const auto& kernels = array.ctx.backend()->template kernels<ConvertKernels>(DType::f64);
  fill_blocks(array, [&](Numbers numbers, std::byte* out) {
    std::array<double, block_elements> values;
    fill(numbers, values.data());
    const auto count = static_cast<std::int64_t>(numbers.size());
    const std::int64_t bad = kernels.convert(values.data(), count, array.dtype, out);
    if (bad < count)
      throw InvalidArgument("the value " + std::to_string(values[static_cast<std::size_t>(bad)]) +
                            " does not fit an array of " + std::string(name(array.dtype)));
  });
}

}  // namespace

Array Array::empty(const Context& ctx, const Shape& shape, DType dtype, int split_axis,
                   const Layout& layout) {
  if (split_axis < 0 || split_axis >= shape.dimensions() || layout.rows() != shape[split_axis] ||
      layout.ranks() != ctx.size())
    throw InvalidArgument("an array of shape " + shape.to_string() + " split along axis " +
                          std::to_string(split_axis) + " on " + std::to_string(ctx.size()) +
                          " ranks does not lie in tiles of " + std::to_string(layout.rows()) +
                          " rows on " + std::to_string(layout.ranks()));
  return Impl::wrap(Impl::make(ctx, shape, dtype, split_axis, layout));
}

Array Array::empty_replicated(const Context& ctx, const Shape& shape, DType dtype) {
  return Impl::wrap(Impl::make_replicated(ctx, shape, dtype));
}

Array Array::zeros(const Context& ctx, const Shape& shape, DType dtype, int split_axis) {
  auto impl = Impl::make(ctx, shape, dtype, split_axis);
  for_each_block(ctx, impl->local_elements(), [&](std::int64_t first, std::int64_t count) {
    std::memset(impl->mutable_data() + first * impl->item_bytes, 0,
                static_cast<std::size_t>(count * impl->item_bytes));
  });
  return Impl::wrap(std::move(impl));
}

Array Array::full(const Context& ctx, const Shape& shape, DType dtype, double value,
                  int split_axis) {
  std::complex<double> item;  // as large as any element
  if (is_real(dtype) || is_complex(dtype))
    require(
        ctx.backend()->kernels<ConvertKernels>(DType::f64).convert(&value, 1, dtype, &item) == 1,
        "the value " + std::to_string(value) + " does not fit an array of " +
            std::string(name(dtype)));
  auto impl = Impl::make(ctx, shape, dtype, split_axis);
  for_each_block(ctx, impl->local_elements(), [&](std::int64_t first, std::int64_t count) {
    std::byte* to = impl->mutable_data() + first * impl->item_bytes;
    for (std::int64_t i = 0; i < count; ++i)
      std::memcpy(to + i * impl->item_bytes, &item, static_cast<std::size_t>(impl->item_bytes));
  });
  return Impl::wrap(std::move(impl));
}

Array Array::arange(const Context& ctx, double start, double stop, double step, DType dtype) {
  require(step != 0 && std::isfinite(start) && std::isfinite(stop) && std::isfinite(step),
          "arange needs finite bounds and a step other than 0");
  const double steps = std::ceil((stop - start) / step);
  require(steps < 0x1p63, "arange would have more than 2^63 - 1 elements");
  const std::int64_t count = steps > 0 ? static_cast<std::int64_t>(steps) : 0;
  auto impl = Impl::make(ctx, {count}, dtype, 0);
  // NumPy multiplies with the difference of the first two elements, not with the step
  const double delta = (start + step) - start;
  fill_values(*impl, [&](Numbers numbers, double* values) {
    for (std::size_t i = 0; i < numbers.size(); ++i)
      values[i] = start + static_cast<double>(numbers[i]) * delta;
  });
  return Impl::wrap(std::move(impl));
}

Array Array::linspace(const Context& ctx, double start, double stop, std::int64_t count,
                      DType dtype) {
  require(count >= 0, "linspace cannot have " + std::to_string(count) + " elements");
  auto impl = Impl::make(ctx, {count}, dtype, 0);
  const auto last = static_cast<double>(count - 1);
  const double step = (stop - start) / last;
  fill_values(*impl, [&](Numbers numbers, double* values) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto number = static_cast<double>(numbers[i]);
      if (count == 1)
        values[i] = start;
      else if (number == last)
        values[i] = stop;
      else
        values[i] = start + (step == 0 ? number / last * (stop - start) : number * step);
    }
  });
  return Impl::wrap(std::move(impl));
}

Array Array::from_function(const Context& ctx, const Shape& shape, DType dtype,
                           const std::function<double(std::span<const std::int64_t>)>& f,
                           int split_axis) {
  auto impl = Impl::make(ctx, shape, dtype, split_axis);
  fill_values(*impl, [&](Numbers numbers, double* values) {
    std::array<std::int64_t, max_dimensions> index{};
    const auto dimensions = static_cast<std::size_t>(shape.dimensions());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      auto rest = static_cast<std::int64_t>(numbers[i]);
      for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
        index[static_cast<std::size_t>(axis)] = rest % shape[axis];
        rest /= shape[axis];
      }
      values[i] = f(std::span<const std::int64_t>(index.data(), dimensions));
    }
  });
  return Impl::wrap(std::move(impl));
}

Array Array::random_uniform(const Context& ctx, const Shape& shape, DType dtype, std::uint64_t seed,
                            double low, double high, int split_axis) {
  require(is_floating(dtype), "uniform random numbers need a floating dtype, not " +
                                  std::string(name(dtype)) + "; see random_integers");
  require(low <= high && std::isfinite(high - low),
          "uniform random numbers need finite bounds with low <= high");
  auto impl = Impl::make(ctx, shape, dtype, split_axis);
  const auto& kernels = ctx.backend()->kernels<RandomKernels>(dtype);
  fill_blocks(*impl, [&](Numbers numbers, std::byte* out) {
    kernels.uniform(seed, numbers, low, high, out);
  });
  return Impl::wrap(std::move(impl));
}

Array Array::random_normal(const Context& ctx, const Shape& shape, DType dtype, std::uint64_t seed,
                           double mean, double deviation, int split_axis) {
  require(is_floating(dtype),
          "normal random numbers need a floating dtype, not " + std::string(name(dtype)));
  require(std::isfinite(mean) && std::isfinite(deviation) && deviation >= 0,
          "normal random numbers need a finite mean and a finite deviation >= 0");
  auto impl = Impl::make(ctx, shape, dtype, split_axis);
  const auto& kernels = ctx.backend()->kernels<RandomKernels>(dtype);
  fill_blocks(*impl, [&](Numbers numbers, std::byte* out) {
    kernels.normal(seed, numbers, mean, deviation, out);
  });
  return Impl::wrap(std::move(impl));
}

Array Array::random_integers(const Context& ctx, const Shape& shape, DType dtype,
                             std::uint64_t seed, std::int64_t low, std::int64_t high,
                             int split_axis) {
  require(is_integer(dtype),
          "random integers need an integer dtype, not " + std::string(name(dtype)));
  require(low < high, "random integers need low < high, not " + std::to_string(low) + " and " +
                          std::to_string(high));
  const std::int64_t bounds[] = {low, high - 1};
  std::array<std::uint64_t, 2> converted;
  require(ctx.backend()
                  ->kernels<ConvertKernels>(DType::i64)
                  .convert(bounds, 2, dtype, converted.data()) == 2,
          "integers from " + std::to_string(low) + " to " + std::to_string(high - 1) +
              " do not fit an array of " + std::string(name(dtype)));
  auto impl = Impl::make(ctx, shape, dtype, split_axis);
  const auto& kernels = ctx.backend()->kernels<RandomKernels>(dtype);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  fill_blocks(*impl, [&](Numbers numbers, std::byte* out) {
    kernels.integers(seed, numbers, low, range, out);
  });
  return Impl::wrap(std::move(impl));
}

Array Array::random_permutation(const Context& ctx, std::int64_t count, std::uint64_t seed) {
  require(count >= 0, "a permutation cannot have " + std::to_string(count) + " elements");
  auto impl = Impl::make(ctx, {count}, DType::i64, 0);
  const Permutation permutation(static_cast<std::uint64_t>(count), seed);
  fill_blocks(*impl, [&](Numbers numbers, std::byte* out) {
    auto* values = reinterpret_cast<std::int64_t*>(out);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      values[i] = static_cast<std::int64_t>(permutation(numbers[i]));
  });
  return Impl::wrap(std::move(impl));
}

}  // namespace serried
