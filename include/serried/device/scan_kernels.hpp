#pragma once

#include <cstddef>
#include <cstdint>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/scan_state.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// What running sums and products of a dtype are stored as: i64 of b8 and signed integers, u64 of
/// unsigned ones, else the dtype. Local.
[[nodiscard]] constexpr DType scanned_dtype(DType dtype) noexcept {
  if (dtype > DType::u64) return dtype;
  const bool is_unsigned =
      dtype == DType::u8 || dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64;
  return is_unsigned ? DType::u64 : DType::i64;
}

/// Rows of which each column is scanned by itself.
struct ScanRows {
  ScanOp op = ScanOp::sum;
  bool skips_nan = false;  ///< NaN counts as 0, in a product as 1
  const std::byte* rows = nullptr;
  std::int64_t count = 0;    ///< rows
  std::int64_t columns = 1;  ///< elements of a row that are scanned
  std::int64_t stride = 1;   ///< elements from a row to the next
};

/// Running sums and products of every dtype that is a number: of integers in i64 or u64, modulo
/// 2^64; of floating numbers, and of the parts of complex ones, in f64, rounded where an element is
/// stored.
///
/// Rows of a call are a block. Floating sums are made in strips of 64 rows: a plain sum within a
/// strip; strips of a block, and blocks, are added with the error of each addition kept
/// (RunningSum). The bits depend on the rows and on where blocks begin alone.
class ScanKernels {
 public:
  static constexpr KernelField field = KernelField::scans;
  static constexpr bool covers(DType dtype) noexcept { return dtype <= DType::c128; }
  virtual ~ScanKernels() = default;

  /// Bytes of the state of a column, which must be aligned to 8 bytes.
  [[nodiscard]] virtual std::int64_t state_bytes(ScanOp op) const noexcept = 0;
  /// Sets states to "nothing before".
  virtual void clear(ScanOp op, std::byte* states, std::int64_t columns) const = 0;
  /// Lets a block's rows follow those whose states are given, one for each column; they are then
  /// what the next block follows.
  /// @param out where results go, with the stride of `rows` in elements; null: nowhere.
  /// @return false where a result of integers is beyond their dtype.
  virtual bool scan(const ScanRows& rows, std::byte* states, std::byte* out) const = 0;
  /// As scan with `out` null for a block of which scan has made `block` out of cleared states.
  virtual void append(ScanOp op, std::byte* states, const std::byte* block,
                      std::int64_t columns) const = 0;
};

}  // namespace serried
