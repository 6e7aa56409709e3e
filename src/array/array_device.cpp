// Arrays in the memory of a device.
#include "array/array_impl.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

Array Array::to_device() const {
  if (is_on_device() || !impl_->ctx.has_device()) return *this;
  auto impl = std::make_shared<Impl>(*impl_);
  const auto local = impl_->local_bytes();
  agree(impl->ctx.comm(), [&] {
    impl->memory = std::make_shared<Buffer>(impl->ctx.device(), local.size());
    impl->ctx.device()->copy_from_host(impl->memory->data(), local.data(), local.size());
  });
  impl->data = impl->memory->data();
  return Impl::wrap(std::move(impl));
}

Array Array::to_host() const {
  if (!is_on_device()) return *this;
  auto impl = std::make_shared<Impl>(*impl_);
  const auto local = impl_->local_bytes();
  agree(impl->ctx.comm(), [&] {
    impl->memory = std::make_shared<Buffer>(impl->ctx.backend(), local.size());
    impl_->memory->backend()->copy_to_host(impl->memory->data(), local.data(), local.size());
  });
  impl->data = impl->memory->data();
  return Impl::wrap(std::move(impl));
}

Array copy_to_device(const Context& ctx, const TileSource& source) {
  if (const auto* array = dynamic_cast<const Array*>(&source)) return array->to_device();
  const Shape shape = source.row_shape().with_inserted(0, source.rows());
  auto impl = std::make_shared<Array::Impl>(ctx, shape, source.dtype(), 0, source.layout(), false);
  agree(ctx.comm(), [&] {
    impl->memory = std::make_shared<Buffer>(
        ctx.device(), static_cast<std::size_t>(impl->local_elements() * impl->item_bytes));
  });
  impl->data = impl->memory->data();
  const std::int64_t first_row = impl->local_rows().begin;
  const ReadPlan plan =
      source.plan(Leaves::single_tiles(source.layout()),
                  std::max(ctx.options().batch_bytes, std::int64_t{16} << 20), ctx.rank());
  Buffer scratch;
  read_batches(ctx.comm(), source, plan, scratch, [&](std::size_t, const TileView& view) {
    const auto span = ctx.recorder().span("copy to the device", Activity::computation);
    ctx.device()->copy_from_host(
        impl->mutable_data() + (view.rows.begin - first_row) * impl->row_bytes(), view.data,
        static_cast<std::size_t>(view.rows.size() * impl->row_bytes()));
  });
  return Array::Impl::wrap(std::move(impl)).named(source.describe());
}

}  // namespace serried
