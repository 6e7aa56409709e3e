#include "expr/fold_constants.hpp"

#include <array>
#include <cstring>

#include "expr/build.hpp"
#include "expr/lower.hpp"
#include "serried/base/error.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/program_kernels.hpp"

namespace serried::detail {
namespace {

template <class T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// What was stored, as the constant of a register.
ProgramConstant constant_of(DType dtype, const std::byte* stored) {
  ProgramConstant constant;
  constant.type = register_type(dtype);
  switch (dtype) {
    case DType::c64:
      constant.real = read<std::complex<float>>(stored).real();
      constant.imaginary = read<std::complex<float>>(stored).imag();
      return constant;
    case DType::c128:
      constant.real = read<std::complex<double>>(stored).real();
      constant.imaginary = read<std::complex<double>>(stored).imag();
      return constant;
    case DType::f16:
      constant.real = to_float(read<Half>(stored));
      return constant;
    case DType::b8:
      constant.integer = read<std::uint8_t>(stored);
      return constant;
    case DType::u64:
      constant.integer = read<std::int64_t>(stored);
      return constant;
    default:
      visit_real(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>)
          constant.integer = static_cast<std::int64_t>(read<T>(stored));
        else if constexpr (std::is_floating_point_v<T>)
          constant.real = read<T>(stored);
      });
      return constant;
  }
}

}  // namespace

Expr fold_constants(const ExprNode& node) {
  static const std::shared_ptr<Backend> host = make_host_backend(1);
  auto shared = std::make_shared<ExprNode>(node);
  Lowering lowering(Shape(), -1);
  lowering.add_output(shared);
  const auto compiled = host->kernels<ProgramKernels>(DType::f64).compile(lowering.take_program());
  alignas(16) std::array<std::byte, 16> stored{};
  std::byte* const output = stored.data();
  const std::int64_t failed =
      compiled->evaluate({.shape = Shape()}, {}, 0, 1, std::span<std::byte* const>(&output, 1));
  if (failed != no_element)
    throw InvalidArgument(Expr(shared).to_text() + " has no value of dtype " +
                          std::string(name(node.dtype)));
  return make_constant(node.dtype, constant_of(node.dtype, stored.data()), node.is_weak);
}

}  // namespace serried::detail
