#include "array_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <type_traits>

namespace serried::app {

std::string real_text(double value, int digits) {
  return value != value ? "nan" : fmt::format("{:.{}g}", value, digits);
}

namespace {

constexpr std::int64_t most_elements = 1000;
constexpr std::int64_t edge = 3;
constexpr std::size_t widest = 100;

template <class T>
std::string text_of(T value) {
  if constexpr (std::is_same_v<T, bool>)
    return value ? "true" : "false";
  else if constexpr (std::is_same_v<T, Half>)
    return real_text(to_float(value), 10);
  else if constexpr (std::is_floating_point_v<T>)
    return real_text(value, 10);
  else if constexpr (std::is_integral_v<T>)
    return fmt::format("{}", value);
  else
    return fmt::format("{:.10g}{:+.10g}j", value.real(), value.imag());
}

/// Indices of an axis that are shown; -1 is a gap.
std::vector<std::int64_t> shown(std::int64_t extent, bool is_short) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < extent; ++i) {
    if (is_short && extent > 2 * edge + 1 && i == edge) {
      indices.push_back(-1);
      i = extent - edge;
    }
    indices.push_back(i);
  }
  return indices;
}

class Printer {
 public:
  Printer(const Array& array, std::string indent)
      : array_(array),
        indent_(std::move(indent)),
        is_short_(array.shape().elements() > most_elements) {
    measure(0, 0);
  }

  std::string run() {
    text_ = indent_;
    print(0, 0);
    return text_ + '\n';
  }

 private:
  void measure(int axis, std::int64_t first) {
    const Shape& shape = array_.shape();
    if (axis == shape.dimensions()) {
      width_ = std::max(width_, element_text(array_, first).size());
      return;
    }
    const std::int64_t stride = shape.elements(axis + 1, shape.dimensions());
    for (const std::int64_t i : shown(shape[axis], is_short_))
      if (i >= 0) measure(axis + 1, first + i * stride);
  }

  void print(int axis, std::int64_t first) {
    const Shape& shape = array_.shape();
    if (axis == shape.dimensions()) {
      text_ += fmt::format("{:>{}}", element_text(array_, first), width_);
      return;
    }
    const bool is_last = axis + 1 == shape.dimensions();
    const std::int64_t stride = shape.elements(axis + 1, shape.dimensions());
    const std::string line = '\n' + indent_ + std::string(static_cast<std::size_t>(axis) + 1, ' ');
    std::size_t column = indent_.size() + static_cast<std::size_t>(axis) + 1;
    text_ += '[';
    bool is_first = true;
    for (const std::int64_t i : shown(shape[axis], is_short_)) {
      const std::size_t own = i < 0 ? 3 : width_;
      if (!is_first && is_last && column + 1 + own > widest) {
        text_ += line;
        column = line.size() - 1;
      } else if (!is_first) {
        text_ += is_last ? " " : line;
        ++column;
      }
      column += own;
      is_first = false;
      if (i < 0)
        text_ += "...";
      else
        print(axis + 1, first + i * stride);
    }
    text_ += ']';
  }

  const Array& array_;
  std::string indent_;
  bool is_short_;
  std::size_t width_ = 0;
  std::string text_;
};

}  // namespace

std::string element_text(const Array& array, std::int64_t element) {
  return visit_numeric(array.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T value;
    std::memcpy(&value, array.local_data() + element * static_cast<std::int64_t>(sizeof(T)),
                sizeof(T));
    return text_of(value);
  });
}

std::string array_text(const Array& array, const std::string& indent) {
  return Printer(array, indent).run();
}

}  // namespace serried::app
