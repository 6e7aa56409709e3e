#include "comm/mpi_support.hpp"

#include <array>
#include <string>

#include "serried/base/error.hpp"

namespace serried::comm {

void throw_mpi_error(int code, const char* operation) {
  std::array<char, MPI_MAX_ERROR_STRING + 1> text{};
  int length = 0;
  std::string cause = "error " + std::to_string(code);
  if (MPI_Error_string(code, text.data(), &length) == MPI_SUCCESS)
    cause.assign(text.data(), static_cast<std::size_t>(length));
  throw Error(ErrorKind::internal, std::string(operation) + " failed: " + cause);
}

bool is_mpi_running() noexcept {
  int is_initialized = 0;
  int is_finalized = 0;
  MPI_Initialized(&is_initialized);
  MPI_Finalized(&is_finalized);
  return is_initialized != 0 && is_finalized == 0;
}

MPI_Datatype mpi_type(DType dtype) noexcept {
  switch (dtype) {
    case DType::i8:
      return MPI_INT8_T;
    case DType::u8:
      return MPI_UINT8_T;
    case DType::i16:
      return MPI_INT16_T;
    case DType::u16:
      return MPI_UINT16_T;
    case DType::i32:
      return MPI_INT32_T;
    case DType::u32:
      return MPI_UINT32_T;
    case DType::i64:
      return MPI_INT64_T;
    case DType::u64:
      return MPI_UINT64_T;
    default:
      return MPI_DATATYPE_NULL;
  }
}

MPI_Op mpi_op(ReduceOp op) noexcept {
  switch (op) {
    case ReduceOp::sum:
      return MPI_SUM;
    case ReduceOp::min:
      return MPI_MIN;
    case ReduceOp::max:
      return MPI_MAX;
    case ReduceOp::bit_and:
      return MPI_BAND;
    case ReduceOp::bit_or:
      return MPI_BOR;
  }
  return MPI_OP_NULL;
}

namespace {

template <class T>
void sum_wrapping(const void* in, void* in_out, int count) {
  const auto* const from = static_cast<const T*>(in);
  auto* const to = static_cast<T*>(in_out);
  for (int i = 0; i < count; ++i) to[i] = static_cast<T>(to[i] + from[i]);
}

}  // namespace

void sum_narrow_integers(void* in, void* in_out, int* count, MPI_Datatype* type) {
  if (*type == MPI_INT8_T || *type == MPI_UINT8_T)
    sum_wrapping<std::uint8_t>(in, in_out, *count);
  else
    sum_wrapping<std::uint16_t>(in, in_out, *count);
}

}  // namespace serried::comm
