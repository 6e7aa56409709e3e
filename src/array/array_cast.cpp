#include <algorithm>
#include <atomic>
#include <string>

#include "array/array_impl.hpp"
#include "serried/device/convert_kernels.hpp"

namespace serried {
namespace {

void lower(std::atomic<std::int64_t>& least, std::int64_t value) {
  std::int64_t seen = least.load();
  while (value < seen && !least.compare_exchange_weak(seen, value)) {
  }
}

}  // namespace

Array Array::cast(DType dtype) const {
  if (dtype == impl_->dtype) return *this;
  if (is_complex(impl_->dtype) && !is_complex(dtype) && dtype != DType::b8)
    throw InvalidArgument("complex numbers cannot be cast to " + std::string(name(dtype)));
  auto result = impl_->is_replicated
                    ? Impl::make_replicated(impl_->ctx, impl_->shape, dtype)
                    : Impl::make(impl_->ctx, impl_->shape, dtype, impl_->split_axis, impl_->layout);
  const auto& kernels = impl_->ctx.backend()->kernels<ConvertKernels>(impl_->dtype);
  std::atomic<std::int64_t> first_bad{INT64_MAX};
  for_each_block(impl_->ctx, impl_->local_elements(), [&](std::int64_t first, std::int64_t count) {
    const std::int64_t converted =
        kernels.convert(impl_->data + first * impl_->item_bytes, count, dtype,
                        result->mutable_data() + first * result->item_bytes);
    if (converted < count) lower(first_bad, first + converted);
  });
  std::int64_t row = INT64_MAX;
  if (first_bad != INT64_MAX)
    row = impl_->local_rows().begin + first_bad / std::max<std::int64_t>(impl_->row_elements, 1);
  row = impl_->ctx.comm().allreduce(row, ReduceOp::min);
  if (row != INT64_MAX)
    throw DataError("row " + std::to_string(row) + " of " + describe() +
                    " holds NaN, infinity or a value that " + std::string(name(dtype)) +
                    " cannot hold");
  return Impl::wrap(std::move(result));
}

}  // namespace serried
