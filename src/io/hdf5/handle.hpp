#pragma once

// The 1.10 form of every versioned function, also with newer libraries.
#ifndef H5_USE_110_API
#define H5_USE_110_API
#endif
#include <hdf5.h>

#include <utility>

namespace serried::hdf5 {

/// Owns an HDF5 identifier and closes it. Moves, does not copy.
template <herr_t (*close)(hid_t)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) noexcept : id_(id) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, -1);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] hid_t id() const noexcept { return id_; }
  [[nodiscard]] bool is_open() const noexcept { return id_ >= 0; }
  /// Gives the identifier up without closing it.
  hid_t release() noexcept { return std::exchange(id_, -1); }
  /// Closes now; returns HDF5's status (0 where nothing was open).
  herr_t reset() noexcept { return id_ >= 0 ? close(std::exchange(id_, -1)) : 0; }

 private:
  hid_t id_ = -1;
};

using File = Handle<H5Fclose>;
using Object = Handle<H5Oclose>;
using Group = Handle<H5Gclose>;
using DatasetId = Handle<H5Dclose>;
using Type = Handle<H5Tclose>;
using Space = Handle<H5Sclose>;
using Attribute = Handle<H5Aclose>;
using Properties = Handle<H5Pclose>;

}  // namespace serried::hdf5
