#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>

#include "serried/base/dtype.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// Throws the Error of a failed MPI call; `operation` is its name.
/// Local.
[[noreturn]] void throw_mpi_error(int code, const char* operation);

inline void check(int code, const char* operation) {
  if (code != MPI_SUCCESS) throw_mpi_error(code, operation);
}

/// Whether MPI calls are legal now: it was started and has not ended.
/// Local.
[[nodiscard]] bool is_mpi_running() noexcept;

/// MPI's type for an integer dtype.
/// Local.
[[nodiscard]] MPI_Datatype mpi_type(DType dtype) noexcept;

/// MPI's own operation.
/// Local.
[[nodiscard]] MPI_Op mpi_op(ReduceOp op) noexcept;

/// Sums integers of 8 and 16 bits modulo 2^8 and 2^16: the function of an MPI_Op. Open MPI's own
/// sum (op/avx, 4.1) saturates in its vector code and wraps in the remainder, so that an
/// overflowing sum depends on where an element stands and on the order of the ranks. Local.
void sum_narrow_integers(void* in, void* in_out, int* count, MPI_Datatype* type);

/// MPI libraries may refuse a null pointer even with a count of 0.
inline void* not_null(void* pointer) noexcept {
  static std::byte nothing{};
  return pointer != nullptr ? pointer : &nothing;
}
inline const void* not_null(const void* pointer) noexcept {
  return not_null(const_cast<void*>(pointer));  // sent from only
}

}  // namespace serried::comm
