#pragma once

#include <array>
#include <cstdint>

namespace serried {

/// A keyed bijection of [0, count), so that element e of a random permutation is a function of
/// (seed, count, e): a generalised Feistel network over a x b >= count pairs (a =
/// ceil(sqrt(count)), b = ceil(count / a)), walked until the result lies below count. (Black and
/// Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.) Less than a of the a x b numbers
/// lie outside, so that walks are short.
class Permutation {
 public:
  /// Local.
  Permutation(std::uint64_t count, std::uint64_t seed);
  /// Where `element` (below count) goes.
  /// Local.
  [[nodiscard]] std::uint64_t operator()(std::uint64_t element) const noexcept;

 private:
  static constexpr int rounds = 8;
  std::uint64_t count_;
  std::uint64_t a_;
  std::uint64_t b_;
  std::array<std::uint64_t, rounds> keys_;
};

}  // namespace serried
