#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/philox.hpp"
#include "serried/ml/kmeans.hpp"
#include "support/spmd.hpp"

namespace serried::test {

/// Rows around `places` places: a function of the row's number alone.
struct Blobs {
  std::int64_t rows = 1000;
  std::int64_t features = 3;
  std::int64_t places = 5;
  double offset = 0;
  double spread = 0.3;  ///< of a blob; the places lie in a box of size 4
  double unit = 1;
  std::uint64_t seed = 3;

  [[nodiscard]] double operator()(std::int64_t row, std::int64_t feature) const {
    const auto place = philox_words(seed, 1, static_cast<std::uint64_t>(row))[0] %
                       static_cast<std::uint64_t>(places);
    const double center = 4 * to_unit_interval(philox_words(
                                  seed, 2, place * 4096 + static_cast<std::uint64_t>(feature))[0]);
    double noise = -6;  // a sum of twelve is nearly normal
    for (std::uint64_t i = 0; i < 6; ++i)
      for (const std::uint64_t word :
           philox_words(seed, 3 + i, static_cast<std::uint64_t>(row * features + feature)))
        noise += to_unit_interval(word);
    return unit * (offset + center + spread * noise);
  }
};

/// The contexts that results are compared between: on the host, for work that no device does, and
/// on the test's device.
inline Context host_context_of(Communicator comm, int threads = 1,
                               const ContextOptions& options = {}, const std::string& target = {}) {
  if (!target.empty()) ::setenv("SERRIED_TARGET", target.c_str(), 1);
  auto backend = make_host_backend(threads);
  ::unsetenv("SERRIED_TARGET");
  auto recorder = comm.recorder() ? comm.recorder() : std::make_shared<Recorder>();
  return Context(std::move(comm), std::move(backend), std::move(recorder), options);
}
inline Context context_of(Communicator comm, int threads = 1, const ContextOptions& options = {},
                          const std::string& target = {}) {
  return on_test_device(host_context_of(std::move(comm), threads, options, target));
}

/// All ranks of the program.
inline Context wide_context(int threads = 1, const ContextOptions& options = {},
                            const std::string& target = {}) {
  return context_of(runtime().communicator(), threads, options, target);
}

inline Context wide_host_context(int threads = 1, const ContextOptions& options = {},
                                 const std::string& target = {}) {
  return wide_context(threads, options, target).on_host();
}

/// This rank alone: what it computes is what a program with one rank computes.
inline Context lone_context(const ContextOptions& options = {}) {
  const Communicator& comm = runtime().communicator();
  return context_of(*comm.split(comm.rank(), 0), 1, options);
}
inline Context lone_host_context(const ContextOptions& options = {}) {
  return lone_context(options).on_host();
}

template <class F>
Array make_array(const Context& ctx, std::int64_t rows, std::int64_t features, DType dtype,
                 const F& f) {
  return Array::from_function(
      ctx, Shape{rows, features}, dtype,
      [&](std::span<const std::int64_t> index) { return f(index[0], index[1]); });
}

inline Array make_array(const Context& ctx, const Blobs& blobs, DType dtype = DType::f64) {
  return make_array(ctx, blobs.rows, blobs.features, dtype, blobs);
}

template <class F>
Array make_weights(const Context& ctx, std::int64_t rows, const F& f, DType dtype = DType::f64) {
  return Array::from_function(ctx, Shape{rows}, dtype,
                              [&](std::span<const std::int64_t> index) { return f(index[0]); });
}

/// The rows of all ranks, on every rank.
template <class T>
std::vector<T> everywhere(const Array& array) {
  return array.context().comm().allgather(array.local<T>()).values;
}

/// All of a fit, the same on every rank, to be compared bit by bit.
struct WholeFit {
  KMeansModel model;
  std::vector<std::int32_t> labels;
};

inline WholeFit whole(const KMeansFit& fit) {
  return {fit.model, everywhere<std::int32_t>(fit.labels)};
}

/// What a program with one rank computes: by rank 0 alone, told to the others.
template <class F>
WholeFit computed_alone(const ContextOptions& options, const F& compute) {
  const Communicator& comm = runtime().communicator();
  const auto own = comm.split(comm.rank(), 0);
  WholeFit fit;
  if (comm.rank() == 0) fit = compute(context_of(*own, 1, options));
  const auto share = [&](auto& values) {
    values.resize(
        static_cast<std::size_t>(comm.broadcast(static_cast<std::int64_t>(values.size()), 0)));
    comm.broadcast(std::span(values), 0);
  };
  share(fit.model.centers);
  share(fit.model.sizes);
  share(fit.labels);
  fit.model.inertia = comm.broadcast(fit.model.inertia, 0);
  fit.model.iterations = comm.broadcast(fit.model.iterations, 0);
  fit.model.converged = comm.broadcast(fit.model.converged, 0);
  fit.model.rows_used = comm.broadcast(fit.model.rows_used, 0);
  return fit;
}

inline void expect_same_bits(const WholeFit& a, const WholeFit& b, const std::string& what) {
  EXPECT_EQ(a.model.centers, b.model.centers) << what;
  EXPECT_EQ(a.model.sizes, b.model.sizes) << what;
  EXPECT_EQ(a.model.inertia, b.model.inertia) << what;
  EXPECT_EQ(a.model.iterations, b.model.iterations) << what;
  EXPECT_EQ(a.model.converged, b.model.converged) << what;
  EXPECT_EQ(a.model.rows_used, b.model.rows_used) << what;
  EXPECT_EQ(a.labels, b.labels) << what;
}

inline double squared_distance(const double* a, const double* b, std::int64_t features) {
  double sum = 0;
  for (std::int64_t f = 0; f < features; ++f) sum = std::fma(a[f] - b[f], a[f] - b[f], sum);
  return sum;
}

/// Sum of w * d^2 over the labels given, in long double.
inline long double inertia_of(const std::vector<double>& x, const std::vector<double>& centers,
                              const std::vector<std::int32_t>& labels, std::int64_t features,
                              const std::vector<double>& weights = {}) {
  long double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    for (std::int64_t f = 0; f < features; ++f) {
      const long double d =
          static_cast<long double>(
              x[i * static_cast<std::size_t>(features) + static_cast<std::size_t>(f)]) -
          static_cast<long double>(centers[static_cast<std::size_t>(labels[i] * features + f)]);
      sum += (weights.empty() ? 1.L : static_cast<long double>(weights[i])) * d * d;
    }
  }
  return sum;
}

}  // namespace serried::test
