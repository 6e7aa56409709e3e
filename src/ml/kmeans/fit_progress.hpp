#pragma once

#include <cstdint>

#include "serried/base/recorder.hpp"

namespace serried::kmeans {

/// How far several fits are, as one count of iterations.
class FitProgress {
 public:
  /// @param total the iterations that all fits may take.
  FitProgress(Recorder& recorder, std::int64_t total) : recorder_(recorder), total_(total) {}
  void add_iteration() { recorder_.progress("kmeans", ++done_, total_); }
  /// Iterations that a fit did not need.
  void skip(std::int64_t iterations) { done_ += iterations; }

 private:
  Recorder& recorder_;
  std::int64_t total_;
  std::int64_t done_ = 0;
};

}  // namespace serried::kmeans
