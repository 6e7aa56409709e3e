#include "serried/device/buffer.hpp"

#include <string>
#include <utility>

#include "serried/base/faults.hpp"

namespace serried {

Buffer::Buffer(std::shared_ptr<Backend> backend, std::size_t bytes)
    : backend_(std::move(backend)), bytes_(bytes) {
  if (bytes_ == 0) return;
  if (faults::is_due(faults::Kind::allocate))
    throw DeviceError("out of memory: " + std::to_string(bytes_) +
                      " bytes were asked for: " + faults::cause(faults::Kind::allocate));
  data_ = static_cast<std::byte*>(backend_->allocate(bytes_));
}

Buffer::~Buffer() {
  if (data_ != nullptr) backend_->deallocate(data_, bytes_);
}

Buffer::Buffer(Buffer&& other) noexcept
    : backend_(std::move(other.backend_)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    Buffer old(std::move(*this));
    backend_ = std::move(other.backend_);
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void Buffer::reserve(const std::shared_ptr<Backend>& backend, std::size_t bytes) {
  if (bytes <= bytes_ && backend_ == backend) return;
  *this = Buffer();
  *this = Buffer(backend, bytes);
}

void Buffer::check_view(std::size_t bytes) const {
  if (bytes > bytes_)
    throw InvalidArgument("a view of " + std::to_string(bytes) + " bytes exceeds its buffer of " +
                          std::to_string(bytes_));
  if (backend_ && backend_->kind() != DeviceKind::host)
    throw InvalidArgument("device memory cannot be viewed from the host");
}

}  // namespace serried
