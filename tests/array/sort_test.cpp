// host
// ranks: 1 2 3 4 7
// Sorts against std::stable_sort: of series over all ranks, of axes, with equal values, NaN, -0.
#include "serried/array/sort.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "array/array_support.hpp"
#include "serried/device/sort_kernels.hpp"

namespace serried::test {
namespace {

class Sort : public testing::Test {
 protected:
  using Make = std::function<double(std::int64_t)>;

  /// NaN comes last; what is equal keeps its order.
  static std::vector<std::int64_t> order_of(const std::vector<double>& values,
                                            bool is_descending = false) {
    std::vector<std::int64_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      const double x = values[static_cast<std::size_t>(a)];
      const double y = values[static_cast<std::size_t>(b)];
      return std::isnan(y) ? !std::isnan(x) : is_descending ? x > y : x < y;
    });
    return order;
  }

  void check(std::int64_t rows, const Make& make) const {
    check(rows, make, false);
    check(rows, make, true);
  }
  void check(std::int64_t rows, const Make& make, bool is_descending) const {
    std::vector<double> values;
    for (std::int64_t i = 0; i < rows; ++i) values.push_back(make(i));
    const Array x =
        Array::from_function(ctx_, Shape{rows}, DType::f64, [&](auto i) { return make(i[0]); });
    const Sorted sorted = sort(x, -1, is_descending);
    EXPECT_EQ(sorted.values.layout(), Layout::uniform(rows, ctx_.size(), ctx_.options().max_tiles));
    const std::vector<std::int64_t> order = order_of(values, is_descending);
    const RowRange mine = sorted.values.local_rows();
    for (std::int64_t i = mine.begin; i < mine.end; ++i) {
      const auto at = static_cast<std::size_t>(i - mine.begin);
      const std::int64_t from = order[static_cast<std::size_t>(i)];
      ASSERT_EQ(sorted.indices.local<std::int64_t>()[at], from) << i;
      const double value = values[static_cast<std::size_t>(from)];
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(sorted.values.local<double>()[at]));
      else
        EXPECT_EQ(std::memcmp(&sorted.values.local<double>()[at], &value, sizeof value), 0);
    }
  }

  Context ctx_ = context();
};

double noise(std::int64_t i) {
  return std::sin(1e6 * static_cast<double>(i + 1));
}

TEST_F(Sort, series_over_all_ranks) {
  for (const std::int64_t rows : {0, 1, 2, 5, 1000, 65537, 600011}) check(rows, noise);
  check(50021, [](std::int64_t i) { return static_cast<double>(-i); });
  check(50021, [](std::int64_t) { return 1.0; });
  check(50021, [](std::int64_t i) { return i % 10 == 0 ? noise(i) : 0.25; });
  check(50021, [](std::int64_t i) { return i % 2 == 0 ? -0.0 : 0.0; });
  check(50021, [](std::int64_t i) {
    if (i % 7 == 0) return std::nan("");
    if (i % 11 == 0) return std::numeric_limits<double>::infinity();
    return i % 13 == 0 ? -std::numeric_limits<double>::infinity() : noise(i);
  });
}

TEST_F(Sort, every_dtype) {
  for (const DType dtype : {DType::b8, DType::i8, DType::u8, DType::i16, DType::u16, DType::i32,
                            DType::u32, DType::i64, DType::u64, DType::f16, DType::f32}) {
    const double high = dtype == DType::b8 ? 1 : 100;
    const Array x = Array::from_function(ctx_, Shape{20011}, dtype, [&](auto i) {
      return std::floor(std::fmod(static_cast<double>(i[0] * 7919), high + 1));
    });
    const Sorted sorted = sort(x);
    EXPECT_EQ(sorted.values.dtype(), dtype);
    const Array wide = sorted.values.cast(DType::f64).replicate();
    const Array given = x.cast(DType::f64).replicate();
    const Array indices = sorted.indices.replicate();
    const std::vector<std::int64_t> order =
        order_of({given.local<double>().begin(), given.local<double>().end()});
    for (std::size_t i = 0; i < order.size(); ++i) {
      ASSERT_EQ(indices.local<std::int64_t>()[i], order[i]) << name(dtype);
      ASSERT_EQ(wide.local<double>()[i], given.local<double>()[static_cast<std::size_t>(order[i])]);
    }
  }
}

TEST_F(Sort, along_each_axis) {
  const Shape shape{31, 7, 5};
  for (int split = 0; split < 3; ++split) {
    const Array x = Array::from_function(
        ctx_, shape, DType::f64,
        [&](auto i) { return std::round(4 * noise((i[0] * 7 + i[1]) * 5 + i[2])); }, split);
    const std::vector<double> given = x.gather<double>();
    for (int axis = -3; axis < 3; ++axis) {
      const bool is_descending = axis < 0;
      const Sorted sorted = sort(x, axis, is_descending);
      EXPECT_EQ(sorted.values.split_axis(), split);
      const std::vector<double> values = sorted.values.gather<double>();
      const std::vector<std::int64_t> indices = sorted.indices.gather<std::int64_t>();
      if (ctx_.rank() != 0) continue;
      const int along = axis < 0 ? axis + 3 : axis;
      const std::int64_t stride = along == 0 ? 35 : along == 1 ? 5 : 1;
      for (std::int64_t e = 0; e < shape.elements(); ++e) {
        if (e / stride % shape[along] != 0) continue;
        std::vector<double> line;
        for (std::int64_t i = 0; i < shape[along]; ++i)
          line.push_back(given[static_cast<std::size_t>(e + i * stride)]);
        const std::vector<std::int64_t> order = order_of(line, is_descending);
        for (std::int64_t i = 0; i < shape[along]; ++i) {
          const auto at = static_cast<std::size_t>(e + i * stride);
          ASSERT_EQ(indices[at], order[static_cast<std::size_t>(i)]);
          ASSERT_EQ(values[at], line[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
        }
      }
    }
  }
}

TEST_F(Sort, highest_and_lowest) {
  for (const std::int64_t rows : {0, 3, 100, 300007}) {
    const auto make = [](std::int64_t i) {
      return i % 3 == 0 ? std::nan("") : std::round(1e4 * noise(i));
    };
    const Array x =
        Array::from_function(ctx_, Shape{rows}, DType::f64, [&](auto i) { return make(i[0]); });
    for (const bool is_lowest : {false, true}) {
      std::vector<double> signed_values;
      for (std::int64_t i = 0; i < rows; ++i)
        signed_values.push_back(is_lowest ? make(i) : -make(i));
      const std::vector<std::int64_t> order = order_of(signed_values);
      for (const std::int64_t count : {0, 1, 100, 5000}) {
        const Sorted best = topk(x, count, is_lowest);
        const std::int64_t expected = std::min(count, rows);
        ASSERT_EQ(best.values.shape(), (Shape{expected}));
        for (std::int64_t i = 0; i < expected; ++i)
          ASSERT_EQ(best.indices.local<std::int64_t>()[static_cast<std::size_t>(i)],
                    order[static_cast<std::size_t>(i)])
              << rows << ' ' << count << ' ' << i;
      }
    }
  }
  const Array m = Array::from_function(ctx_, Shape{100, 30}, DType::i32, [](auto i) {
    return static_cast<double>(i[0] * 30 + i[1]);
  });
  const Sorted best = topk(m, 2);
  EXPECT_EQ(best.indices.local<std::int64_t>()[0], 2999);
  EXPECT_EQ(best.values.local<std::int32_t>()[1], 2998);
}

TEST_F(Sort, different_values) {
  for (const std::int64_t rows : {0, 1, 7, 1000, 100003})
    for (const double kinds : {1.0, 5.0, 1e6}) {
      const auto make = [&](std::int64_t i) {
        return i % 17 == 3 ? std::nan("") : std::floor(kinds * noise(i));
      };
      const Array x =
          Array::from_function(ctx_, Shape{rows}, DType::f64, [&](auto i) { return make(i[0]); });
      const Unique found =
          unique(x, {.has_counts = true, .has_indices = true, .has_inverse = true});
      std::vector<double> values;
      for (std::int64_t i = 0; i < rows; ++i) values.push_back(make(i));
      const std::vector<std::int64_t> order = order_of(values);
      std::vector<double> expected;
      std::vector<std::int64_t> counts;
      std::vector<std::int64_t> indices;
      std::vector<std::int64_t> inverse(values.size());
      for (const std::int64_t i : order) {
        const double value = values[static_cast<std::size_t>(i)];
        const bool is_same =
            !expected.empty() &&
            (expected.back() == value || (std::isnan(expected.back()) && std::isnan(value)));
        if (!is_same) {
          expected.push_back(value);
          counts.push_back(0);
          indices.push_back(i);
        }
        ++counts.back();
        inverse[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(expected.size()) - 1;
      }
      ASSERT_EQ(found.values.shape(), (Shape{static_cast<std::int64_t>(expected.size())}));
      EXPECT_EQ(found.inverse->layout(), x.layout());
      const Array all = found.values.replicate();
      const Array all_counts = found.counts->replicate();
      const Array all_indices = found.indices->replicate();
      const Array all_inverse = found.inverse->replicate();
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (std::isnan(expected[i]))
          EXPECT_TRUE(std::isnan(all.local<double>()[i]));
        else
          EXPECT_EQ(all.local<double>()[i], expected[i]);
        EXPECT_EQ(all_counts.local<std::int64_t>()[i], counts[i]);
        EXPECT_EQ(all_indices.local<std::int64_t>()[i], indices[i]);
      }
      for (std::size_t i = 0; i < inverse.size(); ++i)
        ASSERT_EQ(all_inverse.local<std::int64_t>()[i], inverse[i]);
    }
  const Array m = Array::from_function(
      ctx_, Shape{50, 4}, DType::i16, [](auto i) { return static_cast<double>(i[0] % 3); }, 1);
  const Unique found = unique(m, {.has_inverse = true});
  EXPECT_EQ(found.values.shape(), (Shape{3}));
  EXPECT_EQ(found.inverse->split_axis(), 1);
  EXPECT_EQ(unique(m.replicate(), {.has_inverse = true}).inverse->shape(), (Shape{50, 4}));
}

/// Bits of an array on all ranks.
std::vector<std::byte> bytes_of(const Array& array) {
  const Array all = array.replicate();
  const std::byte* const begin = all.local_data();
  return {begin, begin + all.shape().elements() * static_cast<std::int64_t>(size_of(all.dtype()))};
}

// Keys alone are sorted where no place is asked for; the values and counts are those of the sort
// with places.
TEST_F(Sort, different_values_without_places) {
  for (const DType dtype : {DType::b8, DType::u8, DType::i16, DType::f16, DType::i32, DType::u64,
                            DType::f32, DType::f64})
    for (const std::int64_t rows : {0, 1, 2, 9, 1000, 200003})
      for (const double kinds : {1.0, 3.0, 1e6}) {
        const double most = dtype == DType::b8 ? 1 : dtype == DType::f16 ? 1000 : 120;
        const Array x = Array::from_function(ctx_, Shape{rows}, dtype, [&](auto i) {
          if (is_floating(dtype) && i[0] % 19 == 5) return std::nan("");
          if (is_floating(dtype) && i[0] % 3 == 1) return i[0] % 2 == 0 ? -0.0 : 0.0;
          const double value = std::floor(kinds * std::fabs(noise(i[0])));
          return is_floating(dtype) && dtype != DType::f16 ? value : std::min(value, most);
        });
        const Unique found = unique(x, {.has_counts = true});
        const Unique expected = unique(x, {.has_counts = true, .has_indices = true});
        ASSERT_EQ(bytes_of(found.values), bytes_of(expected.values)) << name(dtype) << rows;
        EXPECT_EQ(bytes_of(*found.counts), bytes_of(*expected.counts));
        EXPECT_EQ(found.values.layout(), expected.values.layout());
        EXPECT_EQ(bytes_of(unique(x).values), bytes_of(expected.values));
        EXPECT_FALSE(unique(x).counts.has_value());
      }
  // rank 0 has almost all of the different values, and the highest i64 is a number
  const Array skewed = Array::from_function(ctx_, Shape{100003}, DType::i64, [](auto i) {
    return i[0] < 20000 ? static_cast<double>(i[0] * 7 % 20000) : 9e18;
  });
  const Unique found = unique(skewed, {.has_counts = true});
  EXPECT_EQ(found.values.shape(), (Shape{20001}));
  EXPECT_EQ(found.counts->replicate().local<std::int64_t>()[20000], 80003);
}

TEST_F(Sort, what_is_refused) {
  const Array z = Array::zeros(ctx_, Shape{3}, DType::c128);
  EXPECT_THROW(static_cast<void>(sort(z)), InvalidArgument);
  const Array x = Array::zeros(ctx_, Shape{3}, DType::f64);
  EXPECT_THROW(static_cast<void>(sort(x, 1)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(topk(x, -1)), InvalidArgument);
}

}  // namespace
}  // namespace serried::test
