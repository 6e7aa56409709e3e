// Runs all cases on every rank. The result of each case is agreed on: a case that fails on one rank
// fails on all, so that every rank goes on to the same next case.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "serried/device/cuda.hpp"
#include "support/spmd.hpp"

namespace serried::test {
namespace {

std::unique_ptr<Runtime> the_runtime;

class AgreeingListener : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& info) override {
    const int failed = info.result()->Failed() ? 1 : 0;
    const int any = the_runtime->communicator().allreduce(failed, ReduceOp::max);
    if (any != 0 && failed == 0)
      ADD_FAILURE() << "another rank failed in " << info.test_suite_name() << '.' << info.name();
  }
};

}  // namespace

const Runtime& runtime() {
  return *the_runtime;
}

Context on_test_device(const Context& ctx) {
  const char* device = std::getenv("SERRIED_TEST_DEVICE");
  if (device == nullptr || std::string_view(device) != "cuda") return ctx;
  static const std::shared_ptr<Backend> cuda = make_cuda_backend(0, ctx.backend());
  return ctx.with_device(cuda);
}

Context context(const ContextOptions& options) {
  return on_test_device(Context(runtime(), options));
}

}  // namespace serried::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int code = 0;
  try {
    serried::test::the_runtime = std::make_unique<serried::Runtime>();
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    if (serried::test::runtime().communicator().rank() != 0)
      delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new serried::test::AgreeingListener);
    code = RUN_ALL_TESTS();
    code = serried::test::runtime().communicator().allreduce(code, serried::ReduceOp::max);
    serried::test::the_runtime.reset();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "test program failed: %s\n", error.what());
    serried::abort_job(1);
  }
  return code;
}
