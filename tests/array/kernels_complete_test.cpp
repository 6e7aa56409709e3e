// serial
// The host backend's table of kernels is complete: every field has kernels for every dtype that its
// interface names, and a clear error for all others.
#include "gtest/gtest.h"
#include "serried/device/backend.hpp"
#include "serried/device/convert_kernels.hpp"
#include "serried/device/dense_kernels.hpp"
#include "serried/device/glm_kernels.hpp"
#include "serried/device/histogram_kernels.hpp"
#include "serried/device/kmeans_kernels.hpp"
#include "serried/device/moment_kernels.hpp"
#include "serried/device/program_kernels.hpp"
#include "serried/device/random_kernels.hpp"
#include "serried/device/scan_kernels.hpp"
#include "serried/device/sort_kernels.hpp"
#include "serried/device/sum_kernels.hpp"

namespace serried {
namespace {

// One case for each field; -Wswitch makes a new field an error here.
template <class F>
void visit_interface(KernelField field, F f) {
  switch (field) {
    case KernelField::moments:
      return f(TypeTag<MomentKernels>{});
    case KernelField::sums:
      return f(TypeTag<SumKernels>{});
    case KernelField::histogram:
      return f(TypeTag<HistogramKernels>{});
    case KernelField::convert:
      return f(TypeTag<ConvertKernels>{});
    case KernelField::random:
      return f(TypeTag<RandomKernels>{});
    case KernelField::kmeans:
      return f(TypeTag<KMeansKernels>{});
    case KernelField::dense:
      return f(TypeTag<DenseKernels>{});
    case KernelField::programs:
      return f(TypeTag<ProgramKernels>{});
    case KernelField::sort:
      return f(TypeTag<SortKernels>{});
    case KernelField::scans:
      return f(TypeTag<ScanKernels>{});
    case KernelField::glm:
      return f(TypeTag<GlmKernels>{});
  }
  FAIL() << "a field without an interface: " << static_cast<int>(field);
}

TEST(KernelTable, is_complete) {
  const auto backend = make_host_backend(1);
  for (int field = 0; field <= static_cast<int>(KernelField::glm); ++field)
    visit_interface(static_cast<KernelField>(field), [&](auto tag) {
      using Kernels = typename decltype(tag)::type;
      EXPECT_EQ(static_cast<int>(Kernels::field), field);
      int covered = 0;
      for (int i = 0; i <= static_cast<int>(DType::timestamp); ++i) {
        const auto dtype = static_cast<DType>(i);
        if (Kernels::covers(dtype)) {
          ++covered;
          // what is found is an object of the interface: its dynamic type can be asked
          EXPECT_NO_THROW({
            const Kernels& kernels = backend->kernels<Kernels>(dtype);
            EXPECT_NE(dynamic_cast<const void*>(&kernels), nullptr);
          }) << field
             << ' ' << name(dtype);
        } else {
          EXPECT_THROW((void)backend->kernels<Kernels>(dtype), InvalidArgument)
              << field << ' ' << name(dtype);
        }
      }
      EXPECT_GE(covered, 2) << field;
    });
}

}  // namespace
}  // namespace serried
