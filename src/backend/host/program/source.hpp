#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "serried/base/shape.hpp"
#include "serried/device/program_kernels.hpp"

namespace serried::host::program {

/// Finds the elements of an input for runs of a domain in C order. Neighbouring axes that can be
/// walked as one are merged beforehand, so that contiguous elements are one axis.
class Source {
 public:
  Source() = default;
  Source(const Shape& shape, const ProgramSource& source, std::size_t element_bytes);

  /// All elements are one and the same.
  [[nodiscard]] bool is_uniform() const noexcept { return axes_ == 0; }
  [[nodiscard]] bool is_contiguous() const noexcept;
  /// Of a contiguous or uniform source: where the element lies.
  [[nodiscard]] const std::byte* at(std::int64_t element) const noexcept {
    return axes_ == 0 ? data_ : data_ + element * inner().stride;
  }
  /// Copies the elements [begin, begin + count) to `to`, one after another.
  void gather(std::int64_t begin, std::int64_t count, std::byte* to) const;

 private:
  struct Axis {
    std::int64_t extent = 1;
    std::int64_t stride = 0;
  };
  template <std::size_t kBytes>
  void gather_as(std::int64_t begin, std::int64_t count, std::byte* to) const;
  [[nodiscard]] const Axis& inner() const noexcept {
    return axis_[static_cast<std::size_t>(axes_ - 1)];
  }

  const std::byte* data_ = nullptr;
  std::size_t element_bytes_ = 1;
  int axes_ = 0;
  std::array<Axis, max_dimensions> axis_{};
};

/// Writes the index along `axis` of the elements [begin, begin + count) of a domain, and repeats
/// the last one up to a whole granule.
void fill_positions(const ProgramDomain& domain, int axis, std::int64_t begin, std::int64_t count,
                    std::int64_t* to);

}  // namespace serried::host::program
