#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "serried/base/dtype.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// Throws the Error of a failed MPI call; `operation` is its name.
/// Local.
[[noreturn]] void throw_mpi_error(int code, const char* operation);

/// Whether a message was longer than the rank that received it expected.
/// Local.
[[nodiscard]] bool is_truncation(int code) noexcept;

inline void check(int code, const char* operation) {
  if (code != MPI_SUCCESS) throw_mpi_error(code, operation);
}

/// Whether MPI calls are legal now: it was started and has neither ended nor been aborted.
/// Local.
[[nodiscard]] bool is_mpi_running() noexcept;

/// From now on MPI does not run. MPI_Abort may call exit(), and static objects must not end MPI
/// then. Local.
void note_abort() noexcept;

/// MPI's type for an integer dtype.
/// Local.
[[nodiscard]] MPI_Datatype mpi_type(DType dtype) noexcept;

/// MPI's own operation.
/// Local.
[[nodiscard]] MPI_Op mpi_op(ReduceOp op) noexcept;

/// Reductions of which MPI libraries give wrong answers in silence; they have operations of our
/// own. Sums of 8 and 16 bits: Open MPI's own (op/avx, 4.1) saturates in its vector code and wraps
/// in the remainder, so that an overflowing sum depends on where an element stands and on the order
/// of the ranks. Extrema of unsigned integers: MPICH 4.0.2 compares all of them as signed ones,
/// Open MPI 4.1.2 to 4.1.4 MPI_UNSIGNED_LONG.
enum class OwnOp : std::uint8_t { narrow_sum, unsigned_min, unsigned_max };
inline constexpr std::size_t own_ops = 3;

/// The operation of ours for a reduction, if it needs one.
/// Local.
[[nodiscard]] std::optional<OwnOp> own_op(ReduceOp op, DType dtype) noexcept;

/// The function of an MPI_Op of ours.
/// Local.
[[nodiscard]] MPI_User_function* function_of(OwnOp op) noexcept;

/// MPI libraries may refuse a null pointer even with a count of 0.
inline void* not_null(void* pointer) noexcept {
  static std::byte nothing{};
  return pointer != nullptr ? pointer : &nothing;
}
inline const void* not_null(const void* pointer) noexcept {
  return not_null(const_cast<void*>(pointer));  // sent from only
}

}  // namespace serried::comm
