#pragma once

#include <cstddef>
#include <cstdint>

namespace serried {

/// Copies the items whose flags are not 0, one behind the other, without a branch that could not be
/// foreseen, and writes nothing behind them. Local.
/// @param bytes of an item. @return false, and nothing is done, unless it is 1, 2, 4 or 8.
[[nodiscard]] bool pack_items(const std::byte* from, std::int64_t bytes, const std::uint8_t* flags,
                              std::int64_t count, std::byte* to);

}  // namespace serried
