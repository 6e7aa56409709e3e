#include <algorithm>
#include <array>
#include <bit>
#include <complex>
#include <cstring>
#include <type_traits>
#include <vector>

#include "backend/host/program/folds.hpp"
#include "serried/base/error.hpp"
#include "serried/base/order_key.hpp"

// Sums have a fixed number of virtual lanes, as vectors of the program's baseline: the bits do not
// depend on the processor.
namespace serried::host {
namespace {

constexpr std::int64_t lanes = 32;
constexpr std::int64_t vector_lanes = 4;
constexpr std::int64_t vectors = lanes / vector_lanes;
// Columns that are folded together, so that their sums stay in registers or the first cache.
constexpr std::int64_t tile_columns = 256;
// Fewer columns are folded as so many, and those of one column joined at the end of the block.
constexpr std::int64_t fewest_columns = 64;

using Doubles [[gnu::vector_size(32)]] = double;
using Words [[gnu::vector_size(32)]] = std::int64_t;

Doubles load(const double* from) {
  Doubles values;
  std::memcpy(&values, from, sizeof values);
  return values;
}
Doubles load(const float* from) {
  using Floats [[gnu::vector_size(16)]] = float;
  Floats values;
  std::memcpy(&values, from, sizeof values);
  return __builtin_convertvector(values, Doubles);
}
/// 0 where the mask is 0.
Doubles keep(Doubles values, const std::uint8_t* mask) {
  const Words is_kept = Words{mask[0], mask[1], mask[2], mask[3]} != 0;
  return is_kept ? values : Doubles{};
}

/// The lanes joined pairwise, the upper half to the lower one.
double fold_lanes(const std::array<Doubles, vectors>& sums) {
  std::array<double, lanes> all;
  std::memcpy(all.data(), sums.data(), sizeof all);
  for (std::size_t half = lanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) all[i] += all[i + half];
  return all[0];
}

/// Adds term(element) of `count` elements, each to the lane of its number modulo `lanes`; `term4`
/// gives four of them.
template <class Term4, class Term>
double sum_of(std::int64_t count, Term4 term4, Term term) {
  std::array<Doubles, vectors> sums{};
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t v = 0; v < vectors; ++v)
      sums[v] += term4(i + static_cast<std::int64_t>(v) * vector_lanes);
  if (i < count) {
    std::array<double, lanes> rest{};
    for (std::size_t k = 0; i < count; ++i, ++k) rest[k] = term(i);
    std::array<Doubles, vectors> more;
    std::memcpy(more.data(), rest.data(), sizeof rest);
    for (std::size_t v = 0; v < vectors; ++v) sums[v] += more[v];
  }
  return fold_lanes(sums);
}

template <class T>
double sum_values(const T* values, const std::uint8_t* mask, std::int64_t count) {
  if (mask == nullptr)
    return sum_of(
        count, [&](std::int64_t i) { return load(values + i); },
        [&](std::int64_t i) { return static_cast<double>(values[i]); });
  return sum_of(
      count, [&](std::int64_t i) { return keep(load(values + i), mask + i); },
      [&](std::int64_t i) { return mask[i] != 0 ? static_cast<double>(values[i]) : 0; });
}

/// sums[c] = sum of column c over the rows; each column is one chain over a fixed number of lanes
/// of rows (several where columns are few).
template <class T>
void sum_columns(const FoldBlock& block, const T* values, double* sums) {
  const std::int64_t columns = block.columns;
  const std::int64_t together =
      columns < fewest_columns ? (fewest_columns + columns - 1) / columns : 1;
  const std::int64_t width = columns * together;  // of `together` rows side by side
  const std::int64_t steps = block.rows / together;
  const std::int64_t rest = (block.rows - steps * together) * columns;
  std::array<double, std::max(tile_columns, 2 * fewest_columns)> own;
  for (std::int64_t first = 0; first < width; first += tile_columns) {
    const std::int64_t count = std::min(tile_columns, width - first);
    std::fill_n(own.begin(), count, 0.0);
    const auto add_row = [&](std::int64_t offset, std::int64_t elements) {
      const T* const from = values + offset;
      const std::uint8_t* const mask = block.mask == nullptr ? nullptr : block.mask + offset;
      std::int64_t c = 0;
      for (; c + vector_lanes <= elements; c += vector_lanes) {
        Doubles more = load(from + c);
        if (mask != nullptr) more = keep(more, mask + c);
        const Doubles sum = load(own.data() + c) + more;
        std::memcpy(own.data() + c, &sum, sizeof sum);
      }
      for (; c < elements; ++c)
        if (mask == nullptr || mask[c] != 0) own[static_cast<std::size_t>(c)] += from[c];
    };
    for (std::int64_t step = 0; step < steps; ++step) add_row(step * width + first, count);
    if (rest > first) add_row(steps * width + first, std::min(count, rest - first));
    if (together == 1) {
      std::copy_n(own.begin(), count, sums + first);
      continue;
    }
    // all lanes of few columns are in this one tile
    for (std::int64_t c = 0; c < columns; ++c) {
      double sum = own[static_cast<std::size_t>(c)];
      for (std::int64_t k = 1; k < together; ++k)
        sum += own[static_cast<std::size_t>(c + k * columns)];
      sums[c] = sum;
    }
  }
}

// --- sums and products ---

template <class T>
void add_sum(const T* values, const std::uint8_t* mask, std::int64_t count, SumOfReals& state) {
  state.add(sum_values(values, mask, count));
}

template <class T>
SumOfIntegers sum_of_integers(const T* values, const std::uint8_t* mask, std::int64_t count) {
  // the halves of 2^31 and more words fit into 64 bits
  std::uint64_t low = 0;
  std::int64_t high = 0;
  const auto add = [&](T value) {
    low += static_cast<std::uint64_t>(value) & 0xffffffffu;
    high += static_cast<std::int64_t>(value >> 32);
  };
  if (mask == nullptr)
    for (std::int64_t i = 0; i < count; ++i) add(values[i]);
  else
    for (std::int64_t i = 0; i < count; ++i) add(mask[i] != 0 ? values[i] : T{0});
  SumOfIntegers sum;
  sum.add(low, 0);
  // high 2^32
  sum.add(static_cast<std::uint64_t>(high) << 32, high >> 32);
  return sum;
}

template <class T>
void add_sum(const T* values, const std::uint8_t* mask, std::int64_t count, SumOfIntegers& state) {
  state.combine(sum_of_integers(values, mask, count));
}

template <class T>
void add_sum(const std::complex<T>* values, const std::uint8_t* mask, std::int64_t count,
             SumOfComplex& state) {
  double real = 0;
  double imaginary = 0;
  // two columns of numbers, one chain of four lanes each
  std::array<double, 4> re{};
  std::array<double, 4> im{};
  for (std::int64_t i = 0; i < count; ++i) {
    if (mask != nullptr && mask[i] == 0) continue;
    re[static_cast<std::size_t>(i % 4)] += values[i].real();
    im[static_cast<std::size_t>(i % 4)] += values[i].imag();
  }
  real = (re[0] + re[2]) + (re[1] + re[3]);
  imaginary = (im[0] + im[2]) + (im[1] + im[3]);
  state.real.add(real);
  state.imaginary.add(imaginary);
}

template <class T>
void multiply(const T* values, const std::uint8_t* mask, std::int64_t count,
              ProductOfReals& state) {
  std::array<double, 8> products;
  products.fill(1);
  for (std::int64_t i = 0; i < count; ++i)
    if (mask == nullptr || mask[i] != 0) products[static_cast<std::size_t>(i % 8)] *= values[i];
  for (std::size_t half = 4; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) products[i] *= products[i + half];
  state.product *= products[0];
}

template <class T>
void multiply(const T* values, const std::uint8_t* mask, std::int64_t count,
              ProductOfIntegers& state) {
  for (std::int64_t i = 0; i < count; ++i)
    if (mask == nullptr || mask[i] != 0) state.multiply(static_cast<std::uint64_t>(values[i]));
}

template <class T>
void multiply(const std::complex<T>* values, const std::uint8_t* mask, std::int64_t count,
              ProductOfComplex& state) {
  for (std::int64_t i = 0; i < count; ++i)
    if (mask == nullptr || mask[i] != 0)
      state.combine({.real = values[i].real(), .imaginary = values[i].imag()});
}

std::int64_t count_ones(const std::uint8_t* values, const std::uint8_t* mask, std::int64_t count) {
  std::int64_t ones = 0;
  if (mask == nullptr)
    for (std::int64_t i = 0; i < count; ++i) ones += values[i];
  else
    for (std::int64_t i = 0; i < count; ++i) ones += values[i] & mask[i];
  return ones;
}

// --- extrema ---

template <class T>
std::uint64_t key_of(T value, bool is_maximum) {
  std::uint64_t key = 0;
  if constexpr (std::is_floating_point_v<T>) {
    if (value != value) return 0;  // before all
    key = order_key(static_cast<double>(value) + 0.0);
  } else if constexpr (std::is_signed_v<T>) {
    key = static_cast<std::uint64_t>(std::int64_t{value}) ^ (std::uint64_t{1} << 63);
  } else {
    key = value;
  }
  return is_maximum ? ~key : key;
}

template <class T>
void take_extremum(const FoldBlock& block, bool is_maximum, Extremum& state) {
  const auto* values = reinterpret_cast<const T*>(block.value);
  const std::int64_t count = block.columns;
  const auto consider = [&](std::int64_t i) {
    state.take_lower(key_of(values[i], is_maximum), block.first_index + i * block.column_stride);
  };
  if (block.mask != nullptr) {
    for (std::int64_t i = 0; i < count; ++i)
      if (block.mask[i] != 0) consider(i);
    return;
  }
  // First the block's own extremum, by plain comparisons; then its place, where it beats the state.
  constexpr std::int64_t at_once = 8;
  std::array<T, at_once> best;
  std::array<bool, at_once> has_nan{};
  if (count < at_once) {
    for (std::int64_t i = 0; i < count; ++i) consider(i);
    return;
  }
  std::copy_n(values, at_once, best.begin());
  std::int64_t i = 0;
  for (; i + at_once <= count; i += at_once) {
    for (std::size_t k = 0; k < at_once; ++k) {
      const T value = values[i + static_cast<std::int64_t>(k)];
      if constexpr (std::is_floating_point_v<T>) has_nan[k] |= value != value;
      best[k] = (is_maximum ? value > best[k] : value < best[k]) ? value : best[k];
    }
  }
  for (std::size_t k = 0; i < count; ++i, ++k) {
    if constexpr (std::is_floating_point_v<T>) has_nan[k] |= values[i] != values[i];
    best[k] = (is_maximum ? values[i] > best[k] : values[i] < best[k]) ? values[i] : best[k];
  }
  bool is_wanted = state.index < 0;
  for (std::size_t k = 0; k < at_once; ++k)
    is_wanted = is_wanted || has_nan[k] || key_of(best[k], is_maximum) <= state.key;
  if (!is_wanted) return;
  for (std::int64_t j = 0; j < count; ++j) consider(j);
}

// --- moments ---

/// Mean and squares about it of values that lie one behind the other: two passes, the second one
/// corrected by what the mean has left over (Chan, Golub and LeVeque 1983, eq. 1.7).
Spread spread_of(const double* values, std::int64_t count) {
  if (count == 0) return {};
  const auto n = static_cast<double>(count);
  const double mean = sum_values(values, nullptr, count) / n;
  const Doubles means = Doubles{} + mean;
  const double rest = sum_of(
      count, [&](std::int64_t i) { return load(values + i) - means; },
      [&](std::int64_t i) { return values[i] - mean; });
  const double squares = sum_of(
      count,
      [&](std::int64_t i) {
        const Doubles d = load(values + i) - means;
        return d * d;
      },
      [&](std::int64_t i) { return (values[i] - mean) * (values[i] - mean); });
  return {.weight = n, .mean = mean + rest / n, .m2 = squares - rest * (rest / n)};
}

Spread weighted_spread(const double* values, const double* weights, std::int64_t count) {
  const double weight = sum_values(weights, nullptr, count);
  if (weight == 0) return {};
  const double mean =
      sum_of(
          count, [&](std::int64_t i) { return load(values + i) * load(weights + i); },
          [&](std::int64_t i) { return values[i] * weights[i]; }) /
      weight;
  const Doubles means = Doubles{} + mean;
  const double squares = sum_of(
      count,
      [&](std::int64_t i) {
        const Doubles d = load(values + i) - means;
        return load(weights + i) * (d * d);
      },
      [&](std::int64_t i) { return weights[i] * ((values[i] - mean) * (values[i] - mean)); });
  return {.weight = weight, .mean = mean, .m2 = squares};
}

JointSpread joint_spread_of(const double* x, const double* y, std::int64_t count) {
  if (count == 0) return {};
  const Spread of_x = spread_of(x, count);
  const Spread of_y = spread_of(y, count);
  const Doubles means_x = Doubles{} + of_x.mean;
  const Doubles means_y = Doubles{} + of_y.mean;
  const double products = sum_of(
      count, [&](std::int64_t i) { return (load(x + i) - means_x) * (load(y + i) - means_y); },
      [&](std::int64_t i) { return (x[i] - of_x.mean) * (y[i] - of_y.mean); });
  return {.count = of_x.weight,
          .mean_x = of_x.mean,
          .mean_y = of_y.mean,
          .m2_x = of_x.m2,
          .m2_y = of_y.m2,
          .m_xy = products};
}

/// What the mask leaves, in pieces of a fixed number of elements of the block.
template <class Use>
void for_kept(const FoldBlock& block, Use use) {
  constexpr std::int64_t at_once = 1024;
  const auto* x = reinterpret_cast<const double*>(block.value);
  const auto* y = reinterpret_cast<const double*>(block.second);
  if (block.mask == nullptr) return use(x, y, block.weight, block.count());
  std::array<double, at_once> xs;
  std::array<double, at_once> ys;
  std::array<double, at_once> weights;
  for (std::int64_t begin = 0; begin < block.count(); begin += at_once) {
    std::size_t kept = 0;
    for (std::int64_t i = begin; i < std::min(block.count(), begin + at_once); ++i) {
      if (block.mask[i] == 0) continue;
      xs[kept] = x[i];
      if (y != nullptr) ys[kept] = y[i];
      if (block.weight != nullptr) weights[kept] = block.weight[i];
      ++kept;
    }
    use(xs.data(), ys.data(), block.weight == nullptr ? nullptr : weights.data(),
        static_cast<std::int64_t>(kept));
  }
}

template <class F>
void with_floating(RegisterType type, F&& f) {
  switch (type) {
    case RegisterType::f32:
      return f(TypeTag<float>());
    case RegisterType::f64:
      return f(TypeTag<double>());
    default:
      throw InvalidArgument("a fold of floating values meets others");
  }
}

template <class F>
void with_summands(RegisterType type, F&& f) {
  switch (type) {
    case RegisterType::i64:
      return f(TypeTag<std::int64_t>());
    case RegisterType::u64:
      return f(TypeTag<std::uint64_t>());
    case RegisterType::c64:
      return f(TypeTag<std::complex<float>>());
    case RegisterType::c128:
      return f(TypeTag<std::complex<double>>());
    default:
      return with_floating(type, f);
  }
}

template <class F>
void with_ordered(RegisterType type, F&& f) {
  switch (type) {
    case RegisterType::b8:
      return f(TypeTag<std::uint8_t>());
    case RegisterType::i32:
      return f(TypeTag<std::int32_t>());
    case RegisterType::i64:
      return f(TypeTag<std::int64_t>());
    case RegisterType::u64:
      return f(TypeTag<std::uint64_t>());
    default:
      return with_floating(type, f);
  }
}

/// Calls f(state) with the state as an object, and puts it back.
template <class State, class F>
void change(std::byte* state, F f) {
  State own;
  std::memcpy(&own, state, sizeof own);
  f(own);
  std::memcpy(state, &own, sizeof own);
}

template <class T>
struct States {
  using Sum =
      std::conditional_t<std::is_integral_v<T>, SumOfIntegers,
                         std::conditional_t<std::is_floating_point_v<T>, SumOfReals, SumOfComplex>>;
  using Product = std::conditional_t<
      std::is_integral_v<T>, ProductOfIntegers,
      std::conditional_t<std::is_floating_point_v<T>, ProductOfReals, ProductOfComplex>>;
};

/// One column of a block as a block of its own, element by element.
template <class State, class Take>
void each_element(const FoldBlock& block, std::byte* states, Take take) {
  for (std::int64_t i = 0; i < block.count(); ++i) {
    if (block.mask != nullptr && block.mask[i] == 0) continue;
    change<State>(states + (i % block.columns) * static_cast<std::int64_t>(sizeof(State)),
                  [&](State& state) { take(i, state); });
  }
}

}  // namespace

void fold_into_one(FoldOp op, RegisterType type, const FoldBlock& block, std::byte* state) {
  const std::int64_t count = block.count();
  switch (op) {
    case FoldOp::sum:
      return with_summands(type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        change<typename States<T>::Sum>(state, [&](auto& own) {
          add_sum(reinterpret_cast<const T*>(block.value), block.mask, count, own);
        });
      });
    case FoldOp::product:
      return with_summands(type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        change<typename States<T>::Product>(state, [&](auto& own) {
          multiply(reinterpret_cast<const T*>(block.value), block.mask, count, own);
        });
      });
    case FoldOp::count:
      return change<std::int64_t>(state, [&](std::int64_t& own) {
        own += count_ones(reinterpret_cast<const std::uint8_t*>(block.value), block.mask, count);
      });
    case FoldOp::minimum:
    case FoldOp::maximum:
      return with_ordered(type, [&](auto tag) {
        change<Extremum>(state, [&](Extremum& own) {
          take_extremum<typename decltype(tag)::type>(block, op == FoldOp::maximum, own);
        });
      });
    case FoldOp::moments:
      return for_kept(block, [&](const double* x, const double*, const double* weights,
                                 std::int64_t kept) {
        change<Spread>(state, [&](Spread& own) {
          own.combine(weights == nullptr ? spread_of(x, kept) : weighted_spread(x, weights, kept));
        });
      });
    case FoldOp::comoments:
      return for_kept(
          block, [&](const double* x, const double* y, const double*, std::int64_t kept) {
            change<JointSpread>(
                state, [&](JointSpread& own) { own.combine(joint_spread_of(x, y, kept)); });
          });
  }
}

void fold_columns(FoldOp op, RegisterType type, const FoldBlock& block, std::byte* states) {
  switch (op) {
    case FoldOp::sum:
      if (type == RegisterType::f32 || type == RegisterType::f64)
        return with_floating(type, [&](auto tag) {
          using T = typename decltype(tag)::type;
          thread_local std::vector<double> sums;
          sums.resize(static_cast<std::size_t>(block.columns));
          sum_columns(block, reinterpret_cast<const T*>(block.value), sums.data());
          for (std::int64_t c = 0; c < block.columns; ++c)
            change<SumOfReals>(
                states + c * static_cast<std::int64_t>(sizeof(SumOfReals)),
                [&](SumOfReals& own) { own.add(sums[static_cast<std::size_t>(c)]); });
        });
      return with_summands(type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const auto* values = reinterpret_cast<const T*>(block.value);
        each_element<typename States<T>::Sum>(block, states, [&](std::int64_t i, auto& own) {
          add_sum(values + i, nullptr, 1, own);
        });
      });
    case FoldOp::product:
      return with_summands(type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const auto* values = reinterpret_cast<const T*>(block.value);
        each_element<typename States<T>::Product>(block, states, [&](std::int64_t i, auto& own) {
          multiply(values + i, nullptr, 1, own);
        });
      });
    case FoldOp::count: {
      const auto* values = reinterpret_cast<const std::uint8_t*>(block.value);
      return each_element<std::int64_t>(
          block, states, [&](std::int64_t i, std::int64_t& own) { own += values[i]; });
    }
    case FoldOp::minimum:
    case FoldOp::maximum:
      return with_ordered(type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const auto* values = reinterpret_cast<const T*>(block.value);
        each_element<Extremum>(block, states, [&](std::int64_t i, Extremum& own) {
          own.take_lower(key_of(values[i], op == FoldOp::maximum),
                         block.first_index + (i % block.columns) * block.column_stride);
        });
      });
    case FoldOp::moments: {
      if (block.mask == nullptr && block.weight == nullptr)
        return spread_columns(block, reinterpret_cast<Spread*>(states));
      const auto* values = reinterpret_cast<const double*>(block.value);
      return each_element<Spread>(block, states, [&](std::int64_t i, Spread& own) {
        // 0, but NaN of an infinity, as in blocks
        own.combine({.weight = block.weight == nullptr ? 1 : block.weight[i],
                     .mean = values[i],
                     .m2 = values[i] - values[i]});
      });
    }
    case FoldOp::comoments: {
      const auto* x = reinterpret_cast<const double*>(block.value);
      const auto* y = reinterpret_cast<const double*>(block.second);
      return each_element<JointSpread>(block, states, [&](std::int64_t i, JointSpread& own) {
        own.combine({.count = 1,
                     .mean_x = x[i],
                     .mean_y = y[i],
                     .m2_x = x[i] - x[i],
                     .m2_y = y[i] - y[i],
                     .m_xy = (x[i] - x[i]) * (y[i] - y[i])});
      });
    }
  }
}

}  // namespace serried::host
