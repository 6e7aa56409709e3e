#include "serried/device/scan_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <type_traits>

#include "backend/host/kernel_tables.hpp"
#include "serried/base/half.hpp"

// Plain loops over elements or columns side by side: the compiler makes vectors of them, and as
// nothing is reordered, their width cannot show.
namespace serried::host {
namespace {

constexpr std::int64_t strip_rows = 64;
constexpr std::int64_t strips_at_once = 8;
/// Columns that are scanned together: their states stay in the first cache.
constexpr std::int64_t column_group = 64;

template <class T>
double widen(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return static_cast<double>(to_float(value));
  else
    return static_cast<double>(value);
}

template <class T>
T narrow(double value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_half(value);
  else
    return static_cast<T>(value);
}

// What stands in for a missing number.
template <class T, bool kSkipsNan>
double value_or(const T& value, double neutral) {
  const double wide = widen(value);
  return kSkipsNan && wide != wide ? neutral : wide;
}

constexpr std::int64_t line_piece = strips_at_once * strip_rows;

using Four [[gnu::vector_size(32)]] = double;

Four load_four(const double* from) {
  Four four;
  std::memcpy(&four, from, sizeof four);
  return four;
}

void store_four(const Four& four, double* to) {
  std::memcpy(to, &four, sizeof four);
}

// Four elements of each of four strips, joined one after another to the strips' ends.
template <class Join>
[[gnu::always_inline]] inline void chain_four_strips(const double* values, Join join, Four& end,
                                                     double* local) {
  const Four r0 = load_four(values);
  const Four r1 = load_four(values + strip_rows);
  const Four r2 = load_four(values + 2 * strip_rows);
  const Four r3 = load_four(values + 3 * strip_rows);
  const Four even01 = __builtin_shufflevector(r0, r1, 0, 4, 2, 6);
  const Four odd01 = __builtin_shufflevector(r0, r1, 1, 5, 3, 7);
  const Four even23 = __builtin_shufflevector(r2, r3, 0, 4, 2, 6);
  const Four odd23 = __builtin_shufflevector(r2, r3, 1, 5, 3, 7);
  const Four first = join(end, __builtin_shufflevector(even01, even23, 0, 1, 4, 5));
  const Four second = join(first, __builtin_shufflevector(odd01, odd23, 0, 1, 4, 5));
  const Four third = join(second, __builtin_shufflevector(even01, even23, 2, 3, 6, 7));
  end = join(third, __builtin_shufflevector(odd01, odd23, 2, 3, 6, 7));
  const Four low02 = __builtin_shufflevector(first, second, 0, 4, 2, 6);
  const Four high02 = __builtin_shufflevector(first, second, 1, 5, 3, 7);
  const Four low13 = __builtin_shufflevector(third, end, 0, 4, 2, 6);
  const Four high13 = __builtin_shufflevector(third, end, 1, 5, 3, 7);
  store_four(__builtin_shufflevector(low02, low13, 0, 1, 4, 5), local);
  store_four(__builtin_shufflevector(high02, high13, 0, 1, 4, 5), local + strip_rows);
  store_four(__builtin_shufflevector(low02, low13, 2, 3, 6, 7), local + 2 * strip_rows);
  store_four(__builtin_shufflevector(high02, high13, 2, 3, 6, 7), local + 3 * strip_rows);
}

// Within each strip of up to line_piece elements: local[i] = join(local[i - 1], values[i]). Eight
// strips at a time, four in a vector, as operations within one wait for each other. `values` may
// be `local`.
template <class Join>
void chain_strips(std::int64_t size, double neutral, const double* values, Join join,
                  double* local) {
  if (size == line_piece) {
    static_assert(strips_at_once == 8);
    Four low = {neutral, neutral, neutral, neutral};
    Four high = low;
    for (std::int64_t i = 0; i < strip_rows; i += 4) {
      chain_four_strips(values + i, join, low, local + i);
      chain_four_strips(values + i + 4 * strip_rows, join, high, local + i + 4 * strip_rows);
    }
    return;
  }
  for (std::int64_t strip = 0; strip < size; strip += strip_rows) {
    double end = neutral;
    for (std::int64_t i = strip; i < std::min(size, strip + strip_rows); ++i)
      local[i] = end = join(end, values[i]);
  }
}

// The elements as f64 with the neutral number for what is left out: themselves where they are so.
template <class T, class Value>
const double* as_doubles(const T* from, std::int64_t size, bool is_plain, Value value,
                         double* wide) {
  if constexpr (std::is_same_v<T, double>)
    if (is_plain) return from;
  for (std::int64_t i = 0; i < size; ++i) wide[i] = value(i);
  return wide;
}

// Sums of floating numbers. A complex one is two columns, of which NaN in one is NaN in both.
template <class T, bool kSkipsNan, bool kIsPair>
class FloatSums {
 public:
  using State = RunningSum;

  static void scan(const T* rows, std::int64_t count, std::int64_t columns, std::int64_t stride,
                   State* states, T* out) {
    if (columns == 1 && stride == 1) {
      scan_line(rows, count, *states, out);
      return;
    }
    for (std::int64_t first = 0; first < columns; first += column_group) {
      T* const to = out == nullptr ? nullptr : out + first;
      if (columns - first >= column_group)
        scan_columns(rows + first, count, std::integral_constant<std::int64_t, column_group>(),
                     stride, states + first, to);
      else
        scan_columns(rows + first, count, columns - first, stride, states + first, to);
    }
  }
  static void append(State& state, const State& block) { state.add(block.sum); }

 private:
  static double value_at(const T* row, std::int64_t column) {
    const double value = value_or<T, kSkipsNan>(row[column], -0.0);
    if constexpr (kSkipsNan && kIsPair) {
      const double other = widen(row[column ^ 1]);
      return other != other ? -0.0 : value;
    }
    return value;
  }

  static void scan_line(const T* line, std::int64_t count, State& before, T* out) {
    State block;
    double local[line_piece];
    for (std::int64_t first = 0; first < count; first += line_piece) {
      const T* const from = line + first;
      const std::int64_t size = std::min(count - first, line_piece);
      const double* const values = as_doubles(
          from, size, !kSkipsNan, [from](std::int64_t i) { return value_at(from, i); }, local);
      chain_strips(
          size, -0.0, values, [](auto a, auto b) { return a + b; }, local);
      for (std::int64_t strip = 0; strip < size; strip += strip_rows) {
        const std::int64_t width = std::min(size - strip, strip_rows);
        if (out != nullptr) store_strip(before, block, local + strip, width, out + first + strip);
        block.add(local[strip + width - 1]);
      }
    }
    before.add(block.sum);
  }

  static void store_strip(const State& before, const State& block, const double* local,
                          std::int64_t size, T* out) {
    // copies, which `out` cannot be
    const State far = before;
    const State near = block;
    std::int64_t i = 0;
    if constexpr (std::is_same_v<T, double>)
      for (; i + 4 <= size; i += 4)
        store_four(far.sum + (far.error + (near.sum + (near.error + load_four(local + i)))),
                   out + i);
    for (; i < size; ++i) out[i] = narrow<T>(far.with(near.with(local[i])));
  }

  // `width` is a constant where there are as many columns: then it is the compiler that unrolls.
  template <class Width>
  static void scan_columns(const T* rows, std::int64_t count, Width width, std::int64_t stride,
                           State* states, T* out) {
    State before[column_group];
    double sum[column_group];
    double error[column_group];
    double local[column_group];
    for (std::int64_t j = 0; j < width; ++j) {
      before[j] = states[j];
      sum[j] = error[j] = -0.0;
    }
    for (std::int64_t first = 0; first < count; first += strip_rows) {
      const std::int64_t end = std::min(count, first + strip_rows);
      for (std::int64_t j = 0; j < width; ++j) local[j] = -0.0;
      for (std::int64_t i = first; i < end; ++i) {
        const T* const row = rows + i * stride;
        for (std::int64_t j = 0; j < width; ++j) local[j] += value_at(row, j);
        if (out == nullptr) continue;
        T* const to = out + i * stride;
        for (std::int64_t j = 0; j < width; ++j)
          to[j] = narrow<T>(before[j].with(sum[j] + (error[j] + local[j])));
      }
      for (std::int64_t j = 0; j < width; ++j) {
        State block{sum[j], error[j]};
        block.add(local[j]);
        sum[j] = block.sum;
        error[j] = block.error;
      }
    }
    for (std::int64_t j = 0; j < width; ++j) {
      before[j].add(sum[j]);
      states[j] = before[j];
    }
  }
};

// Products of floating numbers. Where a strip's products stay far from the ends of f64's range they
// are made as they are; else each with an exponent of its own, to the same bits.
template <class T, bool kSkipsNan>
class FloatProducts {
 public:
  using State = RunningProduct;

  static void scan(const T* rows, std::int64_t count, std::int64_t columns, std::int64_t stride,
                   State* states, T* out) {
    if (columns == 1 && stride == 1) {
      scan_line(rows, count, *states, out);
      return;
    }
    for (std::int64_t first = 0; first < columns; first += column_group)
      scan_columns(rows + first, count, std::min(column_group, columns - first), stride,
                   states + first, out == nullptr ? nullptr : out + first);
  }
  static void append(State& state, const State& block) { state.multiply(block); }

 private:
  static bool is_ordinary(const double* local, std::int64_t size) {
    int others = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      const double absolute = std::abs(local[i]);
      others |= absolute >= 0x1p-400 && absolute <= 0x1p400 ? 0 : 1;
    }
    return others == 0;
  }

  static void scan_line(const T* line, std::int64_t count, State& before, T* out) {
    State block;
    double local[line_piece];
    for (std::int64_t first = 0; first < count; first += line_piece) {
      const T* const from = line + first;
      const std::int64_t size = std::min(count - first, line_piece);
      const double* const values = as_doubles(
          from, size, !kSkipsNan,
          [from](std::int64_t i) { return value_or<T, kSkipsNan>(from[i], 1.0); }, local);
      chain_strips(
          size, 1.0, values, [](auto a, auto b) { return a * b; }, local);
      for (std::int64_t strip = 0; strip < size; strip += strip_rows) {
        const std::int64_t width = std::min(size - strip, strip_rows);
        T* const to = out == nullptr ? nullptr : out + first + strip;
        State lead = before;
        lead.multiply(block);
        // far beyond the range of f64 all results are 0 or infinite
        const std::int64_t exponent = std::abs(lead.exponent);
        if (is_ordinary(local + strip, width) && (exponent < 1000 || exponent > 1600)) {
          if (to != nullptr) store_strip(lead, local + strip, width, to);
          block.multiply(local[strip + width - 1]);
          continue;
        }
        State own;
        for (std::int64_t i = 0; i < width; ++i) {
          own.multiply(value_or<T, kSkipsNan>(from[strip + i], 1.0));
          if (to != nullptr) to[i] = narrow<T>(lead.with(own));
        }
        block.multiply(own);
      }
    }
    before.multiply(block);
  }

  static void store_strip(const State& lead, const double* local, std::int64_t size, T* out) {
    const double power = RunningProduct::scaled(1, lead.exponent);
    if (size == strip_rows) {
      for (std::int64_t i = 0; i < strip_rows; ++i)
        out[i] = narrow<T>(lead.factor * local[i] * power);
    } else {
      for (std::int64_t i = 0; i < size; ++i) out[i] = narrow<T>(lead.factor * local[i] * power);
    }
  }

  static void scan_columns(const T* rows, std::int64_t count, std::int64_t columns,
                           std::int64_t stride, State* before, T* out) {
    State block[column_group];
    State lead[column_group];
    State own[column_group];
    for (std::int64_t first = 0; first < count; first += strip_rows) {
      for (std::int64_t j = 0; j < columns; ++j) {
        lead[j] = before[j];
        lead[j].multiply(block[j]);
        own[j] = State();
      }
      for (std::int64_t i = first; i < std::min(count, first + strip_rows); ++i)
        for (std::int64_t j = 0; j < columns; ++j) {
          own[j].multiply(value_or<T, kSkipsNan>(rows[i * stride + j], 1.0));
          if (out != nullptr) out[i * stride + j] = narrow<T>(lead[j].with(own[j]));
        }
      for (std::int64_t j = 0; j < columns; ++j) block[j].multiply(own[j]);
    }
    for (std::int64_t j = 0; j < columns; ++j) before[j].multiply(block[j]);
  }
};

// What one element after the other is joined to. Value is what an element is stored as.
template <class T>
using Whole = std::conditional_t<std::is_unsigned_v<T> && !std::is_same_v<T, bool>, std::uint64_t,
                                 std::int64_t>;

template <class T>
struct WholeSum {
  using Out = Whole<T>;
  Out sum = 0;
  bool take(T value) noexcept { return __builtin_add_overflow(sum, static_cast<Out>(value), &sum); }
  void append(const WholeSum& block) noexcept {
    sum = static_cast<Out>(static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(block.sum));
  }
  [[nodiscard]] Out after(const WholeSum& /*before*/) const noexcept { return sum; }
};

template <class T>
struct WholeProduct {
  using Out = Whole<T>;
  Out product = 1;
  bool take(T value) noexcept {
    return __builtin_mul_overflow(product, static_cast<Out>(value), &product);
  }
  void append(const WholeProduct& block) noexcept {
    product = static_cast<Out>(static_cast<std::uint64_t>(product) *
                               static_cast<std::uint64_t>(block.product));
  }
  [[nodiscard]] Out after(const WholeProduct& /*before*/) const noexcept { return product; }
};

template <class T, bool kSkipsNan>
struct ComplexProduct {
  using Out = T;
  RunningComplexProduct product;
  bool take(const T& value) noexcept {
    const auto re = static_cast<double>(value.real());
    const auto im = static_cast<double>(value.imag());
    if (!kSkipsNan || (re == re && im == im)) product.multiply(re, im);
    return false;
  }
  void append(const ComplexProduct& block) noexcept { product.multiply(block.product); }
  [[nodiscard]] Out after(const ComplexProduct& before) const noexcept {
    using Part = typename T::value_type;
    RunningComplexProduct both = before.product;
    both.multiply(product);
    return {static_cast<Part>(RunningProduct::scaled(both.real, both.exponent)),
            static_cast<Part>(RunningProduct::scaled(both.imaginary, both.exponent))};
  }
};

// One element after the other. Integers go on from the state, as they may be joined in any order;
// floating products of a block are made from 1 on.
template <class T, class State>
bool scan_one_by_one(const T* rows, std::int64_t count, std::int64_t columns, std::int64_t stride,
                     State* states, typename State::Out* out) {
  constexpr bool goes_on = std::is_integral_v<typename State::Out>;
  bool has_failed = false;
  for (std::int64_t first = 0; first < columns; first += column_group) {
    const std::int64_t width = std::min(column_group, columns - first);
    State local[column_group];
    State* const before = states + first;
    if (goes_on) std::copy(before, before + width, local);
    for (std::int64_t i = 0; i < count; ++i) {
      const T* const row = rows + i * stride + first;
      for (std::int64_t j = 0; j < width; ++j) {
        has_failed |= local[j].take(row[j]);
        if (out != nullptr) out[i * stride + first + j] = local[j].after(before[j]);
      }
    }
    for (std::int64_t j = 0; j < width; ++j) {
      if (goes_on)
        before[j] = local[j];
      else
        before[j].append(local[j]);
    }
  }
  return !has_failed;
}

template <class T>
inline constexpr bool is_complex_type =
    std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>;

// Calls f with the state of an operation on elements of type T.
template <class T, class F>
decltype(auto) visit_states(ScanOp op, bool skips_nan, F f) {
  if constexpr (std::is_integral_v<T>) {
    if (op == ScanOp::sum) return f(WholeSum<T>());
    return f(WholeProduct<T>());
  } else if constexpr (is_complex_type<T>) {
    using Part = typename T::value_type;
    if (op == ScanOp::sum)
      return skips_nan ? f(FloatSums<Part, true, true>()) : f(FloatSums<Part, false, true>());
    return skips_nan ? f(ComplexProduct<T, true>()) : f(ComplexProduct<T, false>());
  } else {
    if (op == ScanOp::sum)
      return skips_nan ? f(FloatSums<T, true, false>()) : f(FloatSums<T, false, false>());
    return skips_nan ? f(FloatProducts<T, true>()) : f(FloatProducts<T, false>());
  }
}

template <class T>
class HostScanKernels final : public ScanKernels {
 public:
  [[nodiscard]] std::int64_t state_bytes(ScanOp op) const noexcept override {
    return visit_states<T>(op, false, [](auto kind) -> std::int64_t {
      return parts<decltype(kind)> * static_cast<std::int64_t>(sizeof(StateOf<decltype(kind)>));
    });
  }
  void clear(ScanOp op, std::byte* states, std::int64_t columns) const override {
    visit_states<T>(op, false, [&](auto kind) {
      using State = StateOf<decltype(kind)>;
      auto* const to = reinterpret_cast<State*>(states);
      std::fill(to, to + parts<decltype(kind)> * columns, State());
    });
  }
  bool scan(const ScanRows& rows, std::byte* states, std::byte* out) const override {
    return visit_states<T>(rows.op, rows.skips_nan, [&](auto kind) {
      using Kind = decltype(kind);
      using State = StateOf<Kind>;
      auto* const own = reinterpret_cast<State*>(states);
      if constexpr (scans_floats<Kind>) {
        using Part = typename PartOf<T>::type;
        Kind::scan(reinterpret_cast<const Part*>(rows.rows), rows.count, parts<Kind> * rows.columns,
                   parts<Kind> * rows.stride, own, reinterpret_cast<Part*>(out));
        return true;
      } else {
        return scan_one_by_one<T, State>(reinterpret_cast<const T*>(rows.rows), rows.count,
                                         rows.columns, rows.stride, own,
                                         reinterpret_cast<typename State::Out*>(out));
      }
    });
  }
  void append(ScanOp op, std::byte* states, const std::byte* block,
              std::int64_t columns) const override {
    visit_states<T>(op, false, [&](auto kind) {
      using Kind = decltype(kind);
      auto* const to = reinterpret_cast<StateOf<Kind>*>(states);
      const auto* const from = reinterpret_cast<const StateOf<Kind>*>(block);
      for (std::int64_t j = 0; j < parts<Kind> * columns; ++j) {
        if constexpr (scans_floats<Kind>)
          Kind::append(to[j], from[j]);
        else
          to[j].append(from[j]);
      }
    });
  }

 private:
  template <class E>
  struct PartOf {
    using type = E;
  };
  template <class P>
  struct PartOf<std::complex<P>> {
    using type = P;
  };
  template <class Kind>
  static constexpr bool scans_floats = requires {
    typename Kind::State;
  };
  template <class Kind>
  struct StateType {
    using type = Kind;
  };
  template <class Kind>
  requires requires { typename Kind::State; }
  struct StateType<Kind> {
    using type = typename Kind::State;
  };
  template <class Kind>
  using StateOf = typename StateType<Kind>::type;
  /// States of an element.
  template <class Kind>
  static constexpr std::int64_t parts = scans_floats<Kind>&& is_complex_type<T> ? 2 : 1;
};

}  // namespace

const void* find_scan_kernels(DType dtype) {
  if (!ScanKernels::covers(dtype)) return nullptr;
  return visit_numeric(dtype, [](auto tag) -> const ScanKernels* {
    static const HostScanKernels<typename decltype(tag)::type> kernels;
    return &kernels;
  });
}

}  // namespace serried::host
