#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serried/array/array.hpp"

namespace serried {

/// What an Array holds. A rank's part lies in C order with the split axis first.
struct Array::Impl {
  Impl(const Context& context, const Shape& array_shape, DType array_dtype, int axis, Layout tiles,
       bool is_on_every_rank);

  /// An array of uniform tiles whose memory is there and not initialised.
  /// Collective: ranks agree on having the memory.
  [[nodiscard]] static std::shared_ptr<Impl> make(const Context& ctx, const Shape& shape,
                                                  DType dtype, int split_axis);
  /// The same with a given layout.
  [[nodiscard]] static std::shared_ptr<Impl> make(const Context& ctx, const Shape& shape,
                                                  DType dtype, int split_axis, Layout layout);
  /// An array that every rank holds whole, in C order.
  [[nodiscard]] static std::shared_ptr<Impl> make_replicated(const Context& ctx, const Shape& shape,
                                                             DType dtype);
  [[nodiscard]] static Array wrap(std::shared_ptr<Impl> impl) { return Array(std::move(impl)); }

  void allocate();
  /// Of the memory that the elements lie in.
  [[nodiscard]] bool is_on_device() const noexcept {
    return memory != nullptr && memory->backend() != nullptr &&
           memory->backend()->kind() != DeviceKind::host;
  }
  /// Throws InvalidArgument unless the elements lie in host memory.
  void require_host() const;
  [[nodiscard]] RowRange local_rows() const;
  [[nodiscard]] std::int64_t row_bytes() const { return row_elements * item_bytes; }
  [[nodiscard]] std::int64_t local_elements() const { return local_rows().size() * row_elements; }
  [[nodiscard]] std::byte* mutable_data() { return memory->data(); }
  /// Global C-order numbers of the local elements [first, first + numbers.size()).
  void number_elements(std::int64_t first, std::span<std::uint64_t> numbers) const;
  /// The rows of a leaf that may reach into other ranks' rows, in `scratch`, on the device where
  /// the array lies there. Collective: all ranks exchange what their leaves have elsewhere.
  [[nodiscard]] const std::byte* read_across(const Leaves& leaves, RowRange rows,
                                             Buffer& scratch) const;
  /// Byte strides of this rank's part, by global axis.
  [[nodiscard]] std::vector<std::int64_t> strides() const;
  /// Copies all rows, split axis first, to C order.
  void copy_to_c_order(const std::byte* rows, std::byte* to) const;
  /// All ranks' parts in rank order, for ranks that received them: the whole in C order.
  [[nodiscard]] std::vector<std::byte> to_c_order(std::vector<std::byte> rows) const;
  [[nodiscard]] std::span<const std::byte> local_bytes() const {
    return {data, static_cast<std::size_t>(local_elements() * item_bytes)};
  }

  Context ctx;
  Shape shape;
  DType dtype;
  int split_axis;
  bool is_replicated;
  Layout layout;
  std::int64_t item_bytes;
  std::int64_t row_elements;
  std::string title;                // for messages; empty: dtype and shape
  std::shared_ptr<Buffer> memory;   // none where the caller's memory is wrapped
  const std::byte* data = nullptr;  // this rank's part
};

/// Calls task(first, count) for blocks of the elements [0, elements), on all threads. Blocks of
/// 1024 elements at most fit scratch space on the stack.
void for_each_block(const Context& ctx, std::int64_t elements,
                    const std::function<void(std::int64_t first, std::int64_t count)>& task);

inline constexpr std::int64_t block_elements = 1024;

}  // namespace serried
