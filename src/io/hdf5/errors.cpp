#include "io/hdf5/errors.hpp"

#include "io/io_thread.hpp"
#include "serried/base/error.hpp"

namespace serried::hdf5 {
namespace {

extern "C" herr_t serried_collect_error(unsigned /*depth*/, const H5E_error2_t* entry, void* text) {
  auto& all = *static_cast<std::string*>(text);
  if (entry->desc == nullptr || *entry->desc == '\0') return 0;
  if (!all.empty()) all += "; ";
  all += entry->desc;
  return 0;
}

}  // namespace

Turn::Turn() {
  IoThread::of_process().wait();
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Turn::~Turn() {
  H5Eset_auto2(H5E_DEFAULT, function_, data_);
}

std::string error_stack() {
  std::string all;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, serried_collect_error, &all);
  return all.empty() ? "HDF5 gives no reason" : all;
}

std::string error_cause() {
  const std::string all = error_stack();
  return all.substr(0, all.find("; "));
}

void check(herr_t status, const std::string& what) {
  if (status < 0) throw IoError(what + ": " + error_cause());
}

hid_t checked(hid_t id, const std::string& what) {
  if (id < 0) throw IoError(what + ": " + error_cause());
  return id;
}

}  // namespace serried::hdf5
