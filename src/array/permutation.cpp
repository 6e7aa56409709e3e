#include "array/permutation.hpp"

#include <cmath>

#include "serried/base/philox.hpp"

namespace serried {
namespace {

constexpr std::uint64_t permutation_stream = 4;

// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014).
std::uint64_t mixed(std::uint64_t word) noexcept {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
  return word ^ (word >> 31);
}

// A number in [0, modulus), modulus <= 2^32.
std::uint64_t reduced(std::uint64_t word, std::uint64_t modulus) noexcept {
  return ((word >> 32) * modulus) >> 32;
}

std::uint64_t sum_modulo(std::uint64_t a, std::uint64_t b, std::uint64_t modulus) noexcept {
  const std::uint64_t sum = a + b;
  return sum >= modulus ? sum - modulus : sum;
}

}  // namespace

Permutation::Permutation(std::uint64_t count, std::uint64_t seed) : count_(count) {
  a_ = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(count)));
  while (a_ * a_ < count) ++a_;
  while (a_ > 1 && (a_ - 1) * (a_ - 1) >= count) --a_;
  if (a_ == 0) a_ = 1;
  b_ = (count + a_ - 1) / a_;
  if (b_ == 0) b_ = 1;
  for (std::size_t round = 0; round < rounds; ++round)
    keys_[round] = philox_words(seed, permutation_stream, round)[0];
}

std::uint64_t Permutation::operator()(std::uint64_t element) const noexcept {
  do {
    std::uint64_t left = element / b_;
    std::uint64_t right = element % b_;
    for (std::size_t round = 0; round < rounds; round += 2) {
      left = sum_modulo(left, reduced(mixed(right ^ keys_[round]), a_), a_);
      right = sum_modulo(right, reduced(mixed(left ^ keys_[round + 1]), b_), b_);
    }
    element = left * b_ + right;
  } while (element >= count_);
  return element;
}

}  // namespace serried
