#pragma once

// Datasets whose chunks go through a filter that counts how often they are decompressed.
#include <atomic>
#include <numeric>

#include "h5_files.hpp"

namespace serried::test {

inline std::atomic<std::int64_t> decompressions{0};

extern "C" inline size_t serried_count_chunk(unsigned flags, size_t /*count*/,
                                             const unsigned* /*values*/, size_t bytes,
                                             size_t* /*size*/, void** /*buffer*/) {
  if ((flags & H5Z_FLAG_REVERSE) != 0) ++decompressions;
  return bytes;
}

constexpr H5Z_filter_t counting_filter = 300;

inline void register_counting_filter() {
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, counting_filter, 1,       1,
                            "counts",         nullptr,         nullptr, serried_count_chunk};
  require(H5Zregister(&filter));
}

/// Decompressions of all ranks since the last call.
[[nodiscard]] inline std::int64_t counted() {
  return runtime().communicator().allreduce(decompressions.exchange(0), ReduceOp::sum);
}

/// f32 numbers counted from 0 as the dataset /x, contiguous where no chunks are given, else in
/// chunks that go through the counting filter.
inline void write(const std::string& path, const std::vector<hsize_t>& extents,
                  const std::vector<hsize_t>& chunks, bool is_counted = true) {
  on_root([&] {
    hsize_t elements = 1;
    for (const hsize_t extent : extents) elements *= extent;
    std::vector<float> values(elements);
    std::iota(values.begin(), values.end(), 0.f);
    const H5File file(path);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (!chunks.empty())
      require(H5Pset_chunk(creation, static_cast<int>(chunks.size()), chunks.data()));
    if (is_counted && !chunks.empty())
      require(H5Pset_filter(creation, counting_filter, H5Z_FLAG_MANDATORY, 0, nullptr));
    const hid_t space = H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr);
    const hid_t set =
        H5Dcreate2(file.id(), "/x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    require(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
  });
}

}  // namespace serried::test
