#pragma once

namespace serried {

/// A sum of non-negative doubles with its rounding errors kept (T. J. Dekker's two-sum).
class CompensatedSum {
 public:
  void add(double value) {
    const double sum = sum_ + value;
    const double part = sum - sum_;
    error_ += (sum_ - (sum - part)) + (value - part);
    sum_ = sum;
  }
  [[nodiscard]] double sum() const { return sum_; }
  [[nodiscard]] double error() const { return error_; }

 private:
  double sum_ = 0;
  double error_ = 0;
};

}  // namespace serried
