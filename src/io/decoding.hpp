#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/hdf5/handle.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/backend.hpp"
#include "serried/io/dataset.hpp"

namespace serried {

/// How raw values of a file become the values of a Dataset, element by element:
///   raw == one of `fills` -> NaN, else raw * scale + offset (each rounded on its own, in
///   `arithmetic`); times unit in f64; then converted to `result` as NumPy's astype.
struct DecodeRule {
  DType raw = DType::f64;                       ///< in the file, after _Unsigned
  DType result = DType::f64;                    ///< what the Dataset gives
  DType arithmetic = DType::f64;                ///< f32 or f64
  std::vector<std::array<std::byte, 8>> fills;  ///< raw values that mean "missing"
  bool is_computing = false;                    ///< fills, scale, offset or unit are there
  bool has_scale = false;
  bool has_offset = false;
  bool has_unit = false;
  double scale = 1;
  double offset = 0;
  double unit = 1;

  /// Whether values in memory are the raw ones. (b8 never is: any byte but 0 becomes 1.)
  [[nodiscard]] bool is_identity() const noexcept {
    return raw == result && !is_computing && raw != DType::b8;
  }
};

/// The rule of a dataset (or openPMD constant component) from its attributes.
/// Local.
/// @param warn told about attributes that are not understood and are left aside.
/// @throws DataError for a scale_factor, add_offset or unitSI that is not one number.
[[nodiscard]] DecodeRule make_decode_rule(hid_t object, DType raw, const DatasetOptions& options,
                                          const std::string& name,
                                          const std::function<void(const std::string&)>& warn);

/// Applies a rule to `count` contiguous elements. `raw` and `result` may be the same memory where
/// both dtypes have one size. Local; works on the backend's threads.
/// @return the first element that the result's dtype cannot hold (NaN or out of range), or -1.
[[nodiscard]] std::int64_t decode(const DecodeRule& rule, const std::byte* raw, std::byte* result,
                                  std::int64_t count, const Backend& backend);

}  // namespace serried
