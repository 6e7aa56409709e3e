#pragma once

#include <cstddef>
#include <cstdint>

#include "serried/base/program.hpp"

namespace serried {

/// Keys of NaN: behind all numbers.
inline constexpr std::uint64_t nan_key = UINT64_MAX;

/// Register values as unsigned integers of the same order; -0 has the key of +0. Local.
void make_order_keys(RegisterType type, const std::byte* values, std::int64_t count,
                     std::uint64_t* keys);
/// The value of a key, rounded to f64. Local.
[[nodiscard]] double value_of_key(RegisterType type, std::uint64_t key) noexcept;
/// A number rounded to a floating dtype. Local.
void store_number(double value, DType dtype, std::byte* to);
/// The value of a key, stored as a dtype of that register type, or a floating one. Local.
void store_key(RegisterType type, std::uint64_t key, DType dtype, std::byte* to);

}  // namespace serried
