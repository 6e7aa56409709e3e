// A program of somebody else, with the shared library: what the library throws is caught as what it
// is, and what is thrown in a callback of the program passes through the library.
#include <cstdio>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/array/statistics.hpp"
#include "serried/base/stopped.hpp"
#include "serried/comm/agree.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/comm/watchdog.hpp"
#include "serried/device/cuda.hpp"
#include "serried/device/kmeans_kernels.hpp"
#include "serried/io/dataset.hpp"

namespace {

/// A source of the program's own; the library's code calls it.
struct OwnFailure : serried::NumericError {
  using NumericError::NumericError;
};

int failures = 0;

template <class Expected, class Work>
void expect(const char* what, const Work& work) {
  try {
    work();
    std::printf("%s: nothing was thrown\n", what);
  } catch (const Expected&) {
    return;
  } catch (const std::exception& error) {
    std::printf("%s: caught only as an exception: %s\n", what, error.what());
  }
  ++failures;
}

}  // namespace

int main() {
  const serried::Runtime runtime;
  const serried::Context ctx(runtime);
  const serried::Communicator& comm = runtime.communicator();
  expect<serried::InvalidArgument>("parse_address",
                                   [] { static_cast<void>(serried::parse_address("a.h5:/u[")); });
  expect<serried::Error>("as its base",
                         [] { static_cast<void>(serried::parse_address("a.h5:/u[")); });
  expect<serried::RankError>("Dataset::open", [&] {
    static_cast<void>(serried::Dataset::open(ctx, serried::parse_address("nowhere.h5:/u")));
  });
  expect<serried::RankError>(
      "agree", [&] { serried::agree(comm, [] { throw OwnFailure("of the program"); }); });
  expect<serried::InvalidArgument>("WatchdogOptions", [] {
    static_cast<void>(serried::WatchdogOptions::from_text("lost=soon"));
  });
  expect<serried::Error>("check_table_file", [] {
    serried::check_table_file("/dev/null", serried::FileCheck{.seconds = 5});
  });
  // The CUDA module, on an emulated GPU, throws too; nothing that it has is taken from the library
  // by accident.
  const auto host = serried::make_host_backend(1);
  const auto cuda = serried::make_cuda_backend(0, host);
  expect<serried::InvalidArgument>("kernels of the CUDA module", [&] {
    static_cast<void>(cuda->kernels<serried::KMeansKernels>(serried::DType::c128));
  });
  expect<serried::DeviceError>("make_cuda_backend",
                               [&] { static_cast<void>(serried::make_cuda_backend(77, host)); });
  if (failures == 0) std::printf("fine\n");
  return failures == 0 ? 0 : 1;
}
