// serial
// timeout: 300
// The GPU's dense kernels, by the checks of the host's; the two agree to rounding.
#include "serried/device/dense_kernels.hpp"

#include <string>
#include <vector>

#include "backend/dense_checks.hpp"
#include "cuda/cuda_support.hpp"
#include "gtest/gtest.h"

namespace serried::test {
namespace {

template <class T>
class CudaDenseKernels : public testing::Test {
 protected:
  // Skips where the libraries are missing, or the GPU is emulated.
  void SetUp() override {
    SERRIED_REQUIRE_CUDA();
    cuda_ = backends().cuda;
    host_ = backends().host;
    try {
      static_cast<void>(Dense<T>(cuda_).multiply({2}, false, {3}, false, 1, 1, 1));
    } catch (const DeviceError& error) {
      if (std::string(error.what()).find("cannot be opened") == std::string::npos) throw;
      GTEST_SKIP() << error.what();
    }
  }

  std::shared_ptr<Backend> cuda_;
  std::shared_ptr<Backend> host_;
};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(CudaDenseKernels, Types);

TYPED_TEST(CudaDenseKernels, multiply) {
  check_multiply(Dense<TypeParam>(this->cuda_));
  check_multiply(Dense<TypeParam>(this->cuda_, 1));
}

TYPED_TEST(CudaDenseKernels, cholesky) {
  check_cholesky(Dense<TypeParam>(this->cuda_));
  check_cholesky(Dense<TypeParam>(this->cuda_, 1));
}

TYPED_TEST(CudaDenseKernels, cholesky_not_positive) {
  check_cholesky_errors(Dense<TypeParam>(this->cuda_));
}

TYPED_TEST(CudaDenseKernels, eigen_symmetric) {
  check_eigen(Dense<TypeParam>(this->cuda_));
  check_eigen(Dense<TypeParam>(this->cuda_, 1));
}

TYPED_TEST(CudaDenseKernels, as_the_host) {
  using T = TypeParam;
  const Dense<T> cuda(this->cuda_);
  const Dense<T> host(this->host_);
  const std::int64_t n = 100;
  const auto a = positive_matrix<T>(n);
  const double bound = 10 * static_cast<double>(n) *
                       static_cast<double>(std::numeric_limits<T>::epsilon()) *
                       static_cast<double>(symmetric_norm(a, n));
  const auto expected = host.eigen(a, n);
  const auto result = cuda.eigen(a, n);
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    EXPECT_NEAR(expected.values[i], result.values[i], bound) << i;
  const auto host_factor = host.cholesky(a, n);
  const auto factor = cuda.cholesky(a, n);
  for (std::size_t i = 0; i < factor.size(); ++i)
    ASSERT_NEAR(static_cast<double>(host_factor[i]), static_cast<double>(factor[i]), bound) << i;
}

TYPED_TEST(CudaDenseKernels, same_bits_again) {
  using T = TypeParam;
  for (const std::int64_t n : {17, 100, 260}) {
    const auto a = positive_matrix<T>(n);
    const Dense<T> dense(this->cuda_);
    const Dense<T> other(make_cuda_backend(0, this->host_));
    std::vector<T> full(a.size());
    for (std::size_t i = 0; i < full.size(); ++i)
      full[i] = dense_number<T>(static_cast<std::int64_t>(i));
    const auto product = dense.multiply(full, false, full, true, n, n, n);
    const auto factor = dense.cholesky(a, n);
    const auto eigen = dense.eigen(a, n);
    for (const Dense<T>* again : {&dense, &other}) {
      EXPECT_EQ(again->multiply(full, false, full, true, n, n, n), product);
      EXPECT_EQ(again->cholesky(a, n), factor);
      EXPECT_EQ(again->eigen(a, n).vectors, eigen.vectors);
      EXPECT_EQ(again->eigen(a, n).values, eigen.values);
    }
  }
}

}  // namespace
}  // namespace serried::test
