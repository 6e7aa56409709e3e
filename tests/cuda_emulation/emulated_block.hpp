#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace serried_emulation {

/// A NaN as double, as float and as half.
constexpr std::uint64_t garbage = 0xFFF7DEADFFF7DEADULL;

void fill_with_garbage(std::span<std::byte> memory);
/// Before and after each block: the __shared__ variables, where they are not the program's own.
void fill_static_shared(const void* kernel);
void look_at_static_shared(const void* kernel);

/// Gives this host thread a stack for signals: one that tells of a stack without room needs
/// another.
void use_signal_stack();

}  // namespace serried_emulation
