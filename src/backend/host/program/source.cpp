#include "backend/host/program/source.hpp"

#include <algorithm>
#include <cstring>

#include "backend/host/program/block.hpp"

namespace serried::host::program {
Source::Source(const Shape& shape, const ProgramSource& source, std::size_t element_bytes)
    : data_(source.data), element_bytes_(element_bytes) {
  for (int i = 0; i < shape.dimensions(); ++i) {
    const Axis axis{shape[i], source.strides[static_cast<std::size_t>(i)]};
    if (axis.extent == 1) continue;
    if (axes_ > 0) {
      Axis& outer = axis_[static_cast<std::size_t>(axes_ - 1)];
      if (outer.stride == axis.stride * axis.extent) {
        outer = {outer.extent * axis.extent, axis.stride};
        continue;
      }
    }
    axis_[static_cast<std::size_t>(axes_)] = axis;
    ++axes_;
  }
  if (axes_ == 1 && axis_[0].stride == 0) axes_ = 0;
}

bool Source::is_contiguous() const noexcept {
  return axes_ == 1 && inner().stride == static_cast<std::int64_t>(element_bytes_);
}

void Source::gather(std::int64_t begin, std::int64_t count, std::byte* to) const {
  switch (element_bytes_) {
    case 1:
      return gather_as<1>(begin, count, to);
    case 2:
      return gather_as<2>(begin, count, to);
    case 4:
      return gather_as<4>(begin, count, to);
    case 8:
      return gather_as<8>(begin, count, to);
    default:
      return gather_as<16>(begin, count, to);
  }
}

template <std::size_t kBytes>
void Source::gather_as(std::int64_t begin, std::int64_t count, std::byte* to) const {
  if (axes_ == 0) {
    for (std::int64_t i = 0; i < count; ++i)
      std::memcpy(to + static_cast<std::size_t>(i) * kBytes, data_, kBytes);
    return;
  }
  // where the first element lies along each axis
  std::array<std::int64_t, max_dimensions> at{};
  const std::byte* row = data_;
  std::int64_t rest = begin;
  for (int k = axes_; k-- > 0;) {
    const auto& axis = axis_[static_cast<std::size_t>(k)];
    at[static_cast<std::size_t>(k)] = k > 0 ? rest % axis.extent : rest;
    if (k > 0) rest /= axis.extent;
    if (k + 1 < axes_) row += at[static_cast<std::size_t>(k)] * axis.stride;
  }
  const std::int64_t stride = inner().stride;
  std::int64_t position = at[static_cast<std::size_t>(axes_ - 1)];
  while (true) {
    const std::int64_t run = std::min(count, inner().extent - position);
    const std::byte* from = row + position * stride;
    if (stride == static_cast<std::int64_t>(kBytes)) {
      std::memcpy(to, from, static_cast<std::size_t>(run) * kBytes);
    } else {
      for (std::int64_t i = 0; i < run; ++i)
        std::memcpy(to + static_cast<std::size_t>(i) * kBytes, from + i * stride, kBytes);
    }
    count -= run;
    if (count == 0) return;
    to += static_cast<std::size_t>(run) * kBytes;
    position = 0;
    for (int k = axes_ - 1; k-- > 0;) {
      const auto& axis = axis_[static_cast<std::size_t>(k)];
      std::int64_t& index = at[static_cast<std::size_t>(k)];
      row += axis.stride;
      if (++index < axis.extent) break;
      row -= axis.stride * axis.extent;
      index = 0;
    }
  }
}

void fill_positions(const ProgramDomain& domain, int axis, std::int64_t begin, std::int64_t count,
                    std::int64_t* to) {
  const std::int64_t inner = domain.shape.elements(axis + 1, domain.shape.dimensions());
  const std::int64_t extent = domain.shape[axis];
  const std::int64_t first = axis == 0 ? domain.first_row : 0;
  std::int64_t position = begin / inner % extent;
  std::int64_t left = inner - begin % inner;
  std::int64_t i = 0;
  if (inner == 1) {
    while (i < count) {
      const std::int64_t run = std::min(count - i, extent - position);
      for (std::int64_t j = 0; j < run; ++j) to[i + j] = first + position + j;
      i += run;
      position = 0;
    }
  } else {
    while (i < count) {
      const std::int64_t run = std::min(count - i, left);
      std::fill_n(to + i, run, first + position);
      i += run;
      left = inner;
      if (++position == extent) position = 0;
    }
  }
  std::fill(to + count, to + (count + granule - 1) / granule * granule, to[count - 1]);
}

}  // namespace serried::host::program
