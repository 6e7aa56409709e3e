#pragma once

// HDF5 files made by rank 0 with the C API alone, for tests of reading.
#include <hdf5.h>

#include <filesystem>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "serried/base/half.hpp"
#include "serried/comm/agree.hpp"
#include "serried/io/dataset.hpp"
#include "support/spmd.hpp"

namespace serried::test {

/// A folder for the files of one test; the same on all ranks, removed at its end.
class Folder {
 public:
  Folder() : comm_(runtime().communicator()) {
    std::string path;
    if (comm_.rank() == 0) {
      std::string pattern = (std::filesystem::temp_directory_path() / "serried-io-XXXXXX").string();
      path = ::mkdtemp(pattern.data());
    }
    path_ = comm_.broadcast_text(path, 0);
  }
  ~Folder() {
    comm_.barrier();
    std::error_code ignored;
    if (comm_.rank() == 0) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const Communicator& comm_;
  std::string path_;
};

/// Runs f on rank 0 when all ranks have come so far (and closed their files); all ranks wait.
inline void on_root(const std::function<void()>& f) {
  runtime().communicator().barrier();
  agree_on_root(runtime().communicator(), 0, f);
}

inline void require(std::int64_t status) {
  if (status < 0) throw std::runtime_error("HDF5 failed in a test");
}

template <class T>
hid_t native_type() {
  if constexpr (std::is_same_v<T, float>)
    return H5T_NATIVE_FLOAT;
  else if constexpr (std::is_same_v<T, double>)
    return H5T_NATIVE_DOUBLE;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return H5T_NATIVE_INT8;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return H5T_NATIVE_UINT8;
  else if constexpr (std::is_same_v<T, std::int16_t>)
    return H5T_NATIVE_INT16;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return H5T_NATIVE_UINT16;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return H5T_NATIVE_INT32;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return H5T_NATIVE_UINT32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return H5T_NATIVE_INT64;
  else
    return H5T_NATIVE_UINT64;
}

/// How a test's dataset is stored.
struct Storage {
  std::vector<hsize_t> chunks;
  bool is_shuffled = false;
  int deflate = 0;
  bool is_checked = false;  ///< fletcher32
};

/// A file being made; only on rank 0.
class H5File {
 public:
  explicit H5File(const std::string& path, hsize_t user_block = 0, bool is_new = true) {
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    if (user_block > 0) require(H5Pset_userblock(creation, user_block));
    id_ = is_new ? H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, H5P_DEFAULT)
                 : H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Pclose(creation);
    require(id_);
  }
  ~H5File() { H5Fclose(id_); }
  H5File(const H5File&) = delete;
  H5File& operator=(const H5File&) = delete;
  [[nodiscard]] hid_t id() const { return id_; }

  template <class T>
  void write(const std::string& path, const std::vector<hsize_t>& extents,
             const std::vector<T>& values, hid_t file_type = -1, const Storage& storage = {}) {
    write_raw(path, extents, values.data(), native_type<T>(),
              file_type < 0 ? native_type<T>() : file_type, storage);
  }

  void write_raw(const std::string& path, const std::vector<hsize_t>& extents, const void* values,
                 hid_t memory, hid_t file_type, const Storage& storage = {}) {
    const hid_t space = extents.empty() ? H5Screate(H5S_SCALAR)
                                        : H5Screate_simple(static_cast<int>(extents.size()),
                                                           extents.data(), nullptr);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    require(H5Pset_create_intermediate_group(links, 1));
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    hid_t stored = space;
    if (!storage.chunks.empty()) {
      require(
          H5Pset_chunk(creation, static_cast<int>(storage.chunks.size()), storage.chunks.data()));
      // chunks may reach beyond the extent only of axes that can grow
      const std::vector<hsize_t> most(extents.size(), H5S_UNLIMITED);
      stored = H5Screate_simple(static_cast<int>(extents.size()), extents.data(), most.data());
    }
    if (storage.is_shuffled) require(H5Pset_shuffle(creation));
    if (storage.deflate > 0)
      require(H5Pset_deflate(creation, static_cast<unsigned>(storage.deflate)));
    if (storage.is_checked) require(H5Pset_fletcher32(creation));
    const hid_t set =
        H5Dcreate2(id_, path.c_str(), file_type, stored, links, creation, H5P_DEFAULT);
    require(set);
    if (values != nullptr && H5Sget_simple_extent_npoints(space) > 0)
      require(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    H5Dclose(set);
    if (stored != space) H5Sclose(stored);
    H5Sclose(space);
    H5Pclose(creation);
    H5Pclose(links);
  }

  void group(const std::string& path) {
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    require(H5Pset_create_intermediate_group(links, 1));
    const hid_t made = H5Gcreate2(id_, path.c_str(), links, H5P_DEFAULT, H5P_DEFAULT);
    require(made);
    H5Gclose(made);
    H5Pclose(links);
  }

  template <class T>
  void attribute(const std::string& object, const std::string& name, const std::vector<T>& values) {
    const hid_t owner = H5Oopen(id_, object.c_str(), H5P_DEFAULT);
    const hsize_t extent = values.size();
    const hid_t space = H5Screate_simple(1, &extent, nullptr);
    const hid_t made =
        H5Acreate2(owner, name.c_str(), native_type<T>(), space, H5P_DEFAULT, H5P_DEFAULT);
    require(made);
    require(H5Awrite(made, native_type<T>(), values.data()));
    H5Aclose(made);
    H5Sclose(space);
    H5Oclose(owner);
  }

  /// A fixed-length text.
  void text(const std::string& object, const std::string& name, const std::string& value) {
    const hid_t owner = H5Oopen(id_, object.c_str(), H5P_DEFAULT);
    const hid_t type = H5Tcopy(H5T_C_S1);
    require(H5Tset_size(type, value.size() + 1));
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t made = H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT);
    require(made);
    require(H5Awrite(made, type, value.c_str()));
    H5Aclose(made);
    H5Sclose(space);
    H5Tclose(type);
    H5Oclose(owner);
  }

 private:
  hid_t id_;
};

/// All elements of a dataset, on every rank, by to_array.
template <class T>
std::vector<T> loaded(const Context& ctx, const Dataset& data) {
  const Array array = data.to_array();
  return ctx.comm().allgather(array.local<T>()).values;
}

/// All elements, on every rank, by batches of about `bytes`.
template <class T>
std::vector<T> streamed(const Context& ctx, const Dataset& data, std::int64_t bytes = 256) {
  EXPECT_EQ(data.dtype(), dtype_of<T>);
  const Leaves leaves(data.layout(), data.row_bytes(), 8);
  const ReadPlan plan = data.plan(leaves, bytes, ctx.rank());
  std::vector<T> mine;
  Buffer scratch;
  for (std::size_t batch = 0; batch < plan.batches.size(); ++batch) {
    const TileView view = data.read(plan, static_cast<std::int64_t>(batch), scratch);
    EXPECT_EQ(view.rows, plan.batches[batch]);
    const auto values = view.as<T>();
    mine.insert(mine.end(), values.begin(), values.end());
  }
  return ctx.comm().allgather(std::span<const T>(mine)).values;
}

/// Both ways of reading, independent and collective, must give the expected elements.
template <class T>
void expect_elements(const std::string& address, const std::vector<T>& expected,
                     DatasetOptions options = {}) {
  for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
    const Context ctx = context({.max_tiles = 16, .io_mode = mode});
    const Dataset data = Dataset::open(ctx, parse_address(address), options);
    ASSERT_EQ(data.dtype(), dtype_of<T>) << address;
    EXPECT_EQ(loaded<T>(ctx, data), expected) << address;
    EXPECT_EQ(streamed<T>(ctx, data), expected) << address;
  }
}

/// The text of the error that f throws on this rank; all ranks must throw one of this kind.
template <class F>
std::string error_of(ErrorKind kind, F&& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    const auto texts = runtime().communicator().allgather_text(error.what());
    for (const std::string& text : texts) EXPECT_EQ(text, texts.front());
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

}  // namespace serried::test
