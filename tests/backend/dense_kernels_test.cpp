// serial
// The host's dense kernels: residuals in wider arithmetic, known factorisations, errors, and the
// same bits at each instruction level and wherever a matrix lies.
#include "serried/device/dense_kernels.hpp"

#include <vector>

#include "backend/dense_checks.hpp"
#include "backend/targets.hpp"
#include "gtest/gtest.h"

namespace serried::test {
namespace {

template <class T>
class DenseKernelsTest : public testing::Test {
 protected:
  Dense<T> dense_{make_host_backend(1)};
};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(DenseKernelsTest, Types);

TYPED_TEST(DenseKernelsTest, multiply) {
  check_multiply(this->dense_);
}

TYPED_TEST(DenseKernelsTest, cholesky) {
  check_cholesky(this->dense_);
}

TYPED_TEST(DenseKernelsTest, cholesky_not_positive) {
  check_cholesky_errors(this->dense_);
}

TYPED_TEST(DenseKernelsTest, eigen_symmetric) {
  check_eigen(this->dense_);
}

TYPED_TEST(DenseKernelsTest, same_bits_everywhere) {
  using T = TypeParam;
  struct Results {
    std::vector<T> product, factor, vectors;
    std::vector<double> values;
    bool operator==(const Results&) const = default;
  };
  for (const std::int64_t n : {5, 17, 100, 260}) {
    const auto positive = positive_matrix<T>(n);
    const auto symmetric = symmetric_matrix<T>(n);
    std::vector<T> full(symmetric.size());
    for (std::size_t i = 0; i < full.size(); ++i)
      full[i] = dense_number<T>(static_cast<std::int64_t>(i));
    const auto compute = [&](int threads, std::size_t shift) {
      const Dense<T> dense(make_host_backend(threads), shift);
      auto eigen = dense.eigen(symmetric, n);
      return Results{dense.multiply(full, false, full, true, n, n, n), dense.cholesky(positive, n),
                     std::move(eigen.vectors), std::move(eigen.values)};
    };
    const Results expected = compute(1, 0);
    for (const auto& target : available_targets()) {
      const TargetScope scope(target);
      for (const std::size_t shift : {0, 1, 2, 3, 5, 7})
        EXPECT_TRUE(compute(2, shift) == expected) << target << ", n = " << n << ", " << shift;
    }
  }
}

}  // namespace
}  // namespace serried::test
