// timeout: 300
// Every HDF5 call of the writer fails once on one rank alone. No rank may be left waiting inside
// HDF5 (the test would time out), all ranks get the same error, and no file is left.
//
// The linker gives Serried's HDF5 calls to the functions below (option --wrap, see CMakeLists.txt);
// what HDF5 calls inside of itself is not touched.
#include <gtest/gtest.h>
#include <hdf5_hl.h>

#include <filesystem>
#include <string>
#include <vector>

#include "h5_files.hpp"
#include "serried/io/file_writer.hpp"

namespace serried::test {
namespace {

/// Which call is to fail on this rank; counted from 0, none below.
struct Fault {
  std::int64_t at = -1;
  std::int64_t calls = 0;
  std::vector<std::string> names;  ///< of the calls that have been made

  bool is_due(const char* name) {
    names.emplace_back(name);
    return calls++ == at;
  }
};
Fault fault;

}  // namespace
}  // namespace serried::test

// A call that one rank makes by itself fails without having been made. A collective one is made on
// all ranks, and then said to have failed on one.
// clang-format off
#define LOCAL_CALL(result, name, parameters, arguments)          \
  extern "C" result __real_##name parameters;                    \
  extern "C" result __wrap_##name parameters {                   \
    if (serried::test::fault.is_due(#name)) return result(-1);   \
    return __real_##name arguments;                              \
  }
#define COLLECTIVE_CALL(result, name, parameters, arguments)     \
  extern "C" result __real_##name parameters;                    \
  extern "C" result __wrap_##name parameters {                   \
    const result status = __real_##name arguments;               \
    return serried::test::fault.is_due(#name) ? result(-1) : status; \
  }

LOCAL_CALL(htri_t, H5Aexists, (hid_t a, const char* b), (a, b))
LOCAL_CALL(hid_t, H5Dget_space, (hid_t a), (a))
LOCAL_CALL(htri_t, H5DSis_scale, (hid_t a), (a))
LOCAL_CALL(herr_t, H5Oclose, (hid_t a), (a))
LOCAL_CALL(ssize_t, H5Fget_obj_count, (hid_t a, unsigned b), (a, b))
LOCAL_CALL(ssize_t, H5Fget_file_image, (hid_t a, void* b, size_t c), (a, b, c))
LOCAL_CALL(hid_t, H5Oopen, (hid_t a, const char* b, hid_t c), (a, b, c))
LOCAL_CALL(hid_t, H5Pcreate, (hid_t a), (a))
LOCAL_CALL(herr_t, H5Pset_attr_creation_order, (hid_t a, unsigned b), (a, b))
LOCAL_CALL(herr_t, H5Pset_chunk, (hid_t a, int b, const hsize_t* c), (a, b, c))
LOCAL_CALL(herr_t, H5Pset_create_intermediate_group, (hid_t a, unsigned b), (a, b))
LOCAL_CALL(herr_t, H5Pset_deflate, (hid_t a, unsigned b), (a, b))
LOCAL_CALL(herr_t, H5Pset_dxpl_mpio, (hid_t a, H5FD_mpio_xfer_t b), (a, b))
LOCAL_CALL(herr_t, H5Pset_fill_time, (hid_t a, H5D_fill_time_t b), (a, b))
LOCAL_CALL(herr_t, H5Pset_shuffle, (hid_t a), (a))
LOCAL_CALL(hid_t, H5Screate, (H5S_class_t a), (a))
LOCAL_CALL(hid_t, H5Screate_simple, (int a, const hsize_t* b, const hsize_t* c), (a, b, c))
LOCAL_CALL(herr_t, H5Sselect_hyperslab, (hid_t a, H5S_seloper_t b, const hsize_t* c, const hsize_t* d, const hsize_t* e, const hsize_t* f), (a, b, c, d, e, f))
LOCAL_CALL(herr_t, H5Sselect_none, (hid_t a), (a))
LOCAL_CALL(hid_t, H5Tcopy, (hid_t a), (a))
LOCAL_CALL(hid_t, H5Tenum_create, (hid_t a), (a))
LOCAL_CALL(herr_t, H5Tenum_insert, (hid_t a, const char* b, const void* c), (a, b, c))
LOCAL_CALL(herr_t, H5Tset_cset, (hid_t a, H5T_cset_t b), (a, b))
LOCAL_CALL(herr_t, H5Tset_size, (hid_t a, size_t b), (a, b))
COLLECTIVE_CALL(herr_t, H5Aclose, (hid_t a), (a))
COLLECTIVE_CALL(hid_t, H5Acreate2, (hid_t a, const char* b, hid_t c, hid_t d, hid_t e, hid_t f), (a, b, c, d, e, f))
COLLECTIVE_CALL(herr_t, H5Adelete, (hid_t a, const char* b), (a, b))
COLLECTIVE_CALL(herr_t, H5Awrite, (hid_t a, hid_t b, const void* c), (a, b, c))
COLLECTIVE_CALL(herr_t, H5Dclose, (hid_t a), (a))
COLLECTIVE_CALL(hid_t, H5Dcreate2, (hid_t a, const char* b, hid_t c, hid_t d, hid_t e, hid_t f, hid_t g), (a, b, c, d, e, f, g))
COLLECTIVE_CALL(herr_t, H5DSattach_scale, (hid_t a, hid_t b, unsigned c), (a, b, c))
COLLECTIVE_CALL(herr_t, H5DSset_label, (hid_t a, unsigned b, const char* c), (a, b, c))
COLLECTIVE_CALL(herr_t, H5DSset_scale, (hid_t a, const char* b), (a, b))
COLLECTIVE_CALL(herr_t, H5Dwrite, (hid_t a, hid_t b, hid_t c, hid_t d, hid_t e, const void* f), (a, b, c, d, e, f))
COLLECTIVE_CALL(herr_t, H5Fclose, (hid_t a), (a))
COLLECTIVE_CALL(hid_t, H5Fcreate, (const char* a, unsigned b, hid_t c, hid_t d), (a, b, c, d))
COLLECTIVE_CALL(herr_t, H5Fflush, (hid_t a, H5F_scope_t b), (a, b))
COLLECTIVE_CALL(herr_t, H5Pset_fapl_mpio, (hid_t a, MPI_Comm b, MPI_Info c), (a, b, c))
// clang-format on

namespace serried::test {
namespace {

/// A file with a bit of everything that FileWriter can write.
void write_file(const Context& ctx, const std::string& path, const Array& numbers,
                const Array& flags) {
  FileWriter writer(ctx, path);
  writer.write("/group/numbers", numbers,
               {.deflate = 1, .chunks = {3, 2}, .attributes = {{"units", "K"}}});
  writer.write("/flags", flags);
  RowsWriter rows = writer.open_rows("/rows", 7, {4}, DType::f64, {.deflate = 1, .chunks = {2, 4}});
  const auto own = static_cast<std::size_t>(numbers.local_rows().size() * 4) * sizeof(double);
  rows.append(numbers.local_rows(), {numbers.local_data(), own});
  rows.advance();
  rows.finish();
  writer.write("/few", Shape{2}, std::vector<double>{1, 2});
  writer.set_attribute("/", "text", std::string("first"));
  writer.set_attribute("/", "text", std::string("second"));
  writer.set_attribute("/few", "number", 0.5);
  const std::vector<std::int64_t> counts{4, 5};
  writer.set_attribute("/few", "counts", std::span<const std::int64_t>(counts));
  writer.attach_coordinates("/few", {{"x", 0, DType::f64, {10, 20}, {{"units", "m"}}}});
  writer.commit();
}

class WriteFaults : public testing::Test {
 protected:
  [[nodiscard]] std::int64_t files() const {
    std::int64_t count = 0;
    ctx_.comm().barrier();
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      ++count;
    ctx_.comm().barrier();
    return count;
  }

  Folder folder_;
  Context ctx_ = context();
  Array numbers_ = Array::zeros(ctx_, {7, 4}, DType::f64);
  Array flags_ = Array::zeros(ctx_, {9}, DType::b8);
};

TEST_F(WriteFaults, any_call_that_fails_on_one_rank_fails_on_all) {
  // The ranks' numbers of calls differ: those without a part of an array select nothing.
  fault = {};
  write_file(ctx_, folder_ / "whole.h5", numbers_, flags_);
  const std::vector<std::string> calls = fault.names;
  const auto last = ctx_.comm().allreduce(static_cast<std::int64_t>(calls.size()), ReduceOp::max);
  EXPECT_EQ(files(), 1);
  // Ranks take turns in failing.
  for (std::int64_t at = 0; at < last; ++at) {
    const int failing = static_cast<int>(at % ctx_.size());
    const std::string path = folder_ / "never.h5";
    fault = {ctx_.rank() == failing ? at : -1, 0, {}};
    std::string text;
    ErrorKind kind = ErrorKind::internal;
    try {
      write_file(ctx_, path, numbers_, flags_);
    } catch (const RankError& error) {
      text = error.what();
      kind = error.kind();
    }
    std::string name = at < static_cast<std::int64_t>(calls.size())
                           ? calls[static_cast<std::size_t>(at)]
                           : std::string();
    name = ctx_.comm().broadcast_text(name, failing);
    if (name.empty()) {  // that rank makes fewer calls
      EXPECT_EQ(text, "");
      EXPECT_EQ(files(), 2);
      if (ctx_.rank() == 0) std::filesystem::remove(path);
      continue;
    }
    EXPECT_EQ(kind, ErrorKind::io) << name << ": " << text;
    const std::string rank = "rank " + std::to_string(failing) + ": ";
    // rank 0 alone asks how much space there is: then no rank needs a name
    const bool is_of_root = name == "H5Fget_file_image";
    EXPECT_EQ(text.starts_with(rank), ctx_.size() > 1 && !is_of_root) << name << ": " << text;
    for (const std::string& other : ctx_.comm().allgather_text(text)) EXPECT_EQ(other, text);
    EXPECT_EQ(files(), 1) << name << ", call " << at;
  }
}

}  // namespace
}  // namespace serried::test
