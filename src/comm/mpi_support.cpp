#include "comm/mpi_support.hpp"

#include <array>
#include <atomic>
#include <string>

#include "serried/base/error.hpp"

namespace serried::comm {

namespace {
std::atomic<bool> is_aborted = false;
}  // namespace

void note_abort() noexcept {
  is_aborted.store(true);
}

void throw_mpi_error(int code, const char* operation) {
  std::array<char, MPI_MAX_ERROR_STRING + 1> text{};
  int length = 0;
  std::string cause = "error " + std::to_string(code);
  if (MPI_Error_string(code, text.data(), &length) == MPI_SUCCESS)
    cause.assign(text.data(), static_cast<std::size_t>(length));
  throw Error(ErrorKind::internal, std::string(operation) + " failed: " + cause);
}

bool is_truncation(int code) noexcept {
  int error_class = MPI_SUCCESS;
  return MPI_Error_class(code, &error_class) == MPI_SUCCESS && error_class == MPI_ERR_TRUNCATE;
}

bool is_mpi_running() noexcept {
  if (is_aborted.load()) return false;
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

struct Sum {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a + b);
  }
};
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

template <class T, class Op>
void combine(const void* in, void* in_out, int count) {
  const auto* const from = static_cast<const T*>(in);
  auto* const to = static_cast<T*>(in_out);
  for (int i = 0; i < count; ++i) to[i] = Op()(from[i], to[i]);
}

/// Sums are modulo 2^bits, whatever the sign.
template <class Op>
void combine_unsigned(void* in, void* in_out, int* count, MPI_Datatype* type) {
  if (*type == MPI_UINT8_T || *type == MPI_INT8_T)
    combine<std::uint8_t, Op>(in, in_out, *count);
  else if (*type == MPI_UINT16_T || *type == MPI_INT16_T)
    combine<std::uint16_t, Op>(in, in_out, *count);
  else if (*type == MPI_UINT32_T)
    combine<std::uint32_t, Op>(in, in_out, *count);
  else
    combine<std::uint64_t, Op>(in, in_out, *count);
}

}  // namespace

std::optional<OwnOp> own_op(ReduceOp op, DType dtype) noexcept {
  if (op == ReduceOp::sum && size_of(dtype) < 4) return OwnOp::narrow_sum;
  const bool is_unsigned =
      dtype == DType::u8 || dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64;
  if (op == ReduceOp::min && is_unsigned) return OwnOp::unsigned_min;
  if (op == ReduceOp::max && is_unsigned) return OwnOp::unsigned_max;
  return std::nullopt;
}

MPI_User_function* function_of(OwnOp op) noexcept {
  switch (op) {
    case OwnOp::narrow_sum:
      return combine_unsigned<Sum>;
    case OwnOp::unsigned_min:
      return combine_unsigned<Min>;
    case OwnOp::unsigned_max:
      return combine_unsigned<Max>;
  }
  return nullptr;
}

}  // namespace serried::comm
