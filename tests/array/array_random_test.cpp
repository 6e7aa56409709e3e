// ranks: 1 2 3 4 7
// Random arrays: an element is a function of (seed, global element number), whatever ranks, split
// axis, threads and instruction level; values against a serial oracle and the distributions they
// claim.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numbers>

#include "array/array_support.hpp"
#include "array/permutation.hpp"
#include "backend/targets.hpp"
#include "serried/base/philox.hpp"

namespace serried {
namespace {

using Index = std::int64_t;
using test::local_numbers;

constexpr std::uint64_t seed = 20240607;

TEST(ArrayRandom, uniform_is_philox_of_the_element) {
  const Context ctx = test::tiled_context(64);
  for (const int axis : {0, 1, 2}) {
    const Array wide = Array::random_uniform(ctx, {7, 30, 11}, DType::f64, seed, -2, 3, axis);
    const Array narrow = Array::random_uniform(ctx, {7, 30, 11}, DType::f32, seed, -2, 3, axis);
    const auto numbers = local_numbers(wide);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto words = philox_words(seed, 1, static_cast<std::uint64_t>(numbers[i]));
      const double expected = -2 + 5 * to_unit_interval(words[0]);
      ASSERT_EQ(wide.local<double>()[i], expected);
      ASSERT_EQ(narrow.local<float>()[i], static_cast<float>(expected));
    }
  }
}

TEST(ArrayRandom, uniform_stays_below_high) {
  const Context ctx = test::context();
  const float high = 1.0F + 0x1p-23F;  // half of all results round up to high
  const Array narrow = Array::random_uniform(ctx, {2000}, DType::f32, seed, 1, high);
  for (const float value : narrow.local<float>()) ASSERT_EQ(value, 1.0F);
  const Array half = Array::random_uniform(ctx, {2000}, DType::f16, seed, -1, -0.9990234375);
  for (const Half value : half.local<Half>()) ASSERT_LT(to_float(value), -0.9990234375F);
  const Array constant = Array::random_uniform(ctx, {20}, DType::f64, seed, 5, 5);
  for (const double value : constant.local<double>()) ASSERT_EQ(value, 5);
}

TEST(ArrayRandom, normal_follows_its_formula) {
  const Context ctx = test::context();
  const Array array = Array::random_normal(ctx, {997, 3}, DType::f64, seed, 10, 2, 1);
  const auto numbers = local_numbers(array);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto words = philox_words(seed, 2, static_cast<std::uint64_t>(numbers[i]));
    const double radius = std::sqrt(-2 * std::log(1 - to_unit_interval(words[0])));
    const double z = radius * std::cos(2 * std::numbers::pi * to_unit_interval(words[1]));
    ASSERT_NEAR(array.local<double>()[i], 10 + 2 * z, 1e-13 * (1 + radius));
  }
}

TEST(ArrayRandom, distributions) {
  const Context ctx = test::context();
  const Index n = 700001;
  const auto uniform = test::all_values(Array::random_uniform(ctx, {n}, DType::f64, seed));
  const auto normal = test::all_values(Array::random_normal(ctx, {n}, DType::f64, seed));
  const auto dice = test::all_values(Array::random_integers(ctx, {n}, DType::i8, seed, -3, 3));
  const auto count = static_cast<double>(n);
  double mean = 0, square = 0, normal_mean = 0, normal_square = 0, fourth = 0;
  std::vector<double> faces(6);
  for (std::size_t i = 0; i < uniform.size(); ++i) {
    ASSERT_GE(uniform[i], 0);
    ASSERT_LT(uniform[i], 1);
    mean += uniform[i] / count;
    square += uniform[i] * uniform[i] / count;
    normal_mean += normal[i] / count;
    normal_square += normal[i] * normal[i] / count;
    fourth += std::pow(normal[i], 4) / count;
    faces[static_cast<std::size_t>(dice[i] + 3)] += 1;
  }
  // five standard errors each; data and seed are fixed
  const double error = 5 / std::sqrt(count);
  EXPECT_NEAR(mean, 0.5, error * std::sqrt(1. / 12));
  EXPECT_NEAR(square, 1. / 3, error * std::sqrt(4. / 45));
  EXPECT_NEAR(normal_mean, 0, error);
  EXPECT_NEAR(normal_square, 1, error * std::sqrt(2.));
  EXPECT_NEAR(fourth, 3, error * std::sqrt(96.));
  double chi_square = 0;
  for (const double face : faces)
    chi_square += (face - count / 6) * (face - count / 6) / (count / 6);
  EXPECT_LT(chi_square, 20.5);  // 0.999 quantile for 5 degrees of freedom
}

TEST(ArrayRandom, integers_in_all_dtypes_up_to_the_whole_range) {
  const Context ctx = test::context();
  for (const DType dtype : test::real_dtypes) {
    if (!is_integer(dtype)) {
      EXPECT_THROW((void)Array::random_integers(ctx, {5}, dtype, seed, 0, 2), InvalidArgument);
      continue;
    }
    for (const double value :
         test::local_values(Array::random_integers(ctx, {500}, dtype, seed, 5, 9))) {
      ASSERT_GE(value, 5);
      ASSERT_LT(value, 9);
    }
  }
  const Array wide = Array::random_integers(ctx, {500}, DType::i64, seed, INT64_MIN, INT64_MAX);
  Index negative = 0;
  for (const Index value : wide.local<Index>()) negative += value < 0;
  negative = ctx.comm().allreduce(negative, ReduceOp::sum);
  EXPECT_GT(negative, 180);
  EXPECT_LT(negative, 320);
  EXPECT_THROW((void)Array::random_integers(ctx, {5}, DType::i8, seed, 0, 129), InvalidArgument);
  EXPECT_THROW((void)Array::random_integers(ctx, {5}, DType::u8, seed, -1, 9), InvalidArgument);
  EXPECT_THROW((void)Array::random_integers(ctx, {5}, DType::i32, seed, 4, 4), InvalidArgument);
  EXPECT_THROW((void)Array::random_uniform(ctx, {5}, DType::i32, seed), InvalidArgument);
  EXPECT_THROW((void)Array::random_uniform(ctx, {5}, DType::f64, seed, 1, 0), InvalidArgument);
  EXPECT_THROW((void)Array::random_uniform(ctx, {5}, DType::f64, seed, -1e308, 1e308),
               InvalidArgument);
  EXPECT_THROW((void)Array::random_normal(ctx, {5}, DType::f64, seed, 0, -1), InvalidArgument);
  EXPECT_THROW((void)Array::random_normal(ctx, {5}, DType::c128, seed), InvalidArgument);
}

TEST(ArrayRandom, integers_are_the_upper_part_of_a_product) {
  const Context ctx = test::context();
  __extension__ using Wide = unsigned __int128;
  for (const std::uint64_t range : {1ull, 6ull, 1000003ull, 0x7fffffffffffffffull}) {
    const Array array =
        Array::random_integers(ctx, {333, 3}, DType::i64, seed, 0, static_cast<Index>(range), 1);
    const auto numbers = local_numbers(array);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto words = philox_words(seed, 3, static_cast<std::uint64_t>(numbers[i]));
      // (2^64 second + first) * range / 2^128, by halves
      const Wide low = static_cast<Wide>(words[0]) * range;
      const Wide high = static_cast<Wide>(words[1]) * range + (low >> 64);
      ASSERT_EQ(array.local<Index>()[i], static_cast<Index>(high >> 64));
    }
  }
}

TEST(ArrayRandom, permutation_is_one) {
  const Context ctx = test::context();
  for (const Index count : {Index{0}, Index{1}, Index{2}, Index{3}, Index{10}, Index{1000},
                            Index{65536}, Index{100003}}) {
    auto values = test::all_values(Array::random_permutation(ctx, count, seed));
    ASSERT_EQ(static_cast<Index>(values.size()), count);
    Index fixed = 0;
    for (std::size_t i = 0; i < values.size(); ++i) fixed += values[i] == static_cast<double>(i);
    if (count >= 1000) {
      EXPECT_LT(fixed, 10);  // one is expected
    }
    std::ranges::sort(values);
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<double>(i));
  }
}

TEST(ArrayRandom, every_permutation_of_four_occurs) {
  std::map<std::vector<std::uint64_t>, int> seen;
  constexpr int trials = 12000;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    const Permutation permutation(4, trial);
    ++seen[{permutation(0), permutation(1), permutation(2), permutation(3)}];
  }
  ASSERT_EQ(seen.size(), 24u);
  double chi_square = 0;
  for (const auto& [order, times] : seen) chi_square += (times - 500.) * (times - 500.) / 500.;
  EXPECT_LT(chi_square, 49.7);  // 0.999 quantile for 23 degrees of freedom
}

// All the random numbers there are, as the bytes of the whole array in C order.
std::vector<std::byte> all_bytes(const Context& ctx, int axis) {
  std::vector<std::byte> bytes;
  const auto add = [&](const Array& array) {
    const Array whole = array.replicate();
    const auto size = static_cast<std::size_t>(whole.shape().elements()) * size_of(whole.dtype());
    bytes.insert(bytes.end(), whole.local_data(), whole.local_data() + size);
  };
  const Shape shape{41, 57};
  for (const DType dtype : {DType::f16, DType::f32, DType::f64}) {
    add(Array::random_uniform(ctx, shape, dtype, seed, -1, 1, axis));
    add(Array::random_normal(ctx, shape, dtype, seed, 0, 3, axis));
  }
  for (const DType dtype : {DType::i8, DType::u32, DType::i64})
    add(Array::random_integers(ctx, shape, dtype, seed, 0, 100, axis));
  add(Array::random_permutation(ctx, 3000, seed));
  return bytes;
}

TEST(ArrayRandom, same_bits_for_ranks_axes_tiles_threads_and_instruction_levels) {
  const Context ctx = test::context();
  const auto alone = ctx.comm().split(ctx.rank(), 0);
  const Context serial(*alone, make_host_backend(1), alone->recorder(), ctx.options());
  const std::vector<std::byte> expected = all_bytes(serial, 0);
  for (const std::string& level : test::available_targets()) {
    const test::TargetScope scope(level);
    for (const int threads : {1, 2})
      for (const Index max_tiles : {Index{3}, Index{16384}})
        for (const int axis : {0, 1}) {
          const Context with(ctx.comm(), make_host_backend(threads), ctx.comm().recorder(),
                             {.max_tiles = max_tiles});
          EXPECT_EQ(all_bytes(with, axis), expected) << level << ' ' << threads;
        }
  }
}

}  // namespace
}  // namespace serried
