#include "io/hdf5/sources.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "io/hdf5/errors.hpp"

namespace serried::hdf5 {
namespace {

namespace fs = std::filesystem;

/// A name of any length that HDF5 writes into a buffer; empty where it fails.
template <class Get>
std::string text_of(Get get) {
  const ssize_t length = get(nullptr, 0);
  if (length <= 0) return {};
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  if (get(text.data(), text.size()) < 0) return {};
  text.resize(static_cast<std::size_t>(length));
  return text;
}

class Sources {
 public:
  Sources(std::string path, const std::string& holder)
      : path_(std::move(path)), folder_(fs::path(holder).parent_path()) {}

  /// HDF5 looks for relative names beside the file that holds the dataset and in the working
  /// folder.
  void add(const std::string& name) {
    if (name.empty() || name == ".") return;
    for (const fs::path& file : {folder_ / name, fs::path(name)}) {
      std::error_code ignored;
      if (!fs::exists(file, ignored) || fs::equivalent(file, path_, ignored)) continue;
      if (std::ranges::find(files_, file.string()) == files_.end()) files_.push_back(file.string());
    }
  }
  [[nodiscard]] std::vector<std::string> files() && { return std::move(files_); }

 private:
  std::string path_;
  fs::path folder_;
  std::vector<std::string> files_;
};

}  // namespace

std::vector<std::string> files_behind(hid_t dataset, const std::string& path) {
  const std::string holder =
      text_of([&](char* to, std::size_t size) { return H5Fget_name(dataset, to, size); });
  Sources sources(path, holder);
  sources.add(holder);
  if (H5Iget_type(dataset) != H5I_DATASET) return std::move(sources).files();
  const Properties creation(H5Dget_create_plist(dataset));
  if (H5Pget_layout(creation.id()) == H5D_VIRTUAL) {
    std::size_t count = 0;
    static_cast<void>(H5Pget_virtual_count(creation.id(), &count));
    for (std::size_t i = 0; i < count; ++i)
      sources.add(text_of([&](char* to, std::size_t size) {
        return H5Pget_virtual_filename(creation.id(), i, to, size);
      }));
  }
  const int externals = H5Pget_external_count(creation.id());
  for (int i = 0; i < externals; ++i) {
    std::array<char, 4096> name{};
    off_t offset = 0;
    hsize_t bytes = 0;
    if (H5Pget_external(creation.id(), static_cast<unsigned>(i), name.size() - 1, name.data(),
                        &offset, &bytes) >= 0)
      sources.add(name.data());
  }
  return std::move(sources).files();
}

std::string place_of(hid_t object) {
  return text_of([&](char* to, std::size_t size) { return H5Fget_name(object, to, size); }) + ':' +
         text_of([&](char* to, std::size_t size) { return H5Iget_name(object, to, size); });
}

std::string identity_of(hid_t object, const std::string& path) {
  std::string holder =
      text_of([&](char* to, std::size_t size) { return H5Fget_name(object, to, size); });
  if (holder.empty()) holder = path;
  std::error_code error;
  const fs::path file = fs::canonical(holder, error);
  H5O_info_t info;
  check(H5Oget_info2(object, &info, H5O_INFO_BASIC), path);
  return (error ? holder : file.string()) + ':' + std::to_string(info.addr);
}

}  // namespace serried::hdf5
