// timeout: 60
// All ranks of a node see one GPU.
#include <cstdlib>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/comm/device_choice.hpp"
#include "serried/comm/device_path.hpp"
#include "support/spmd.hpp"

namespace serried::test {
namespace {

const int variable = setenv("SERRIED_EMULATION_DEVICES", "1", 1);

TEST(ChooseDevice, ranks_share_a_gpu_only_if_they_may) {
  try {
    if (find_cuda().devices.size() > 1) GTEST_SKIP() << "there is more than one GPU";
  } catch (const DeviceError& error) {
    GTEST_SKIP() << error.what();
  }
  const int size = runtime().communicator().size();
  const std::string cause = std::to_string(size) + " ranks of one node see 1 GPU, so that only 1";
  if (size > 1) {
    try {
      static_cast<void>(choose_device(runtime(), {.request = DeviceRequest::cuda}));
      FAIL() << "no error";
    } catch (const RankError& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      EXPECT_NE(std::string(error.what()).find(cause), std::string::npos) << error.what();
    }
    const DeviceChoice fallback = choose_device(runtime(), {});
    EXPECT_EQ(fallback.backend->kind(), DeviceKind::host);
    EXPECT_NE(fallback.explanation.front().find(cause), std::string::npos);
    const auto messages = runtime().recorder()->messages();
    ASSERT_FALSE(messages.empty());
    EXPECT_EQ(messages.back().first, Severity::warning);
    EXPECT_NE(messages.back().second.find(cause), std::string::npos);
  }
  const DeviceChoice choice = choose_device(runtime(), {.share_gpu = true});
  EXPECT_EQ(choice.backend->kind(), DeviceKind::cuda);
  EXPECT_EQ(choice.ranks_on_device, size);
  const std::string expected =
      size == 1 ? "1 rank on 1 node has a GPU: " + choice.gpu->name
                : std::to_string(size) + " ranks on 1 node share 1 GPU, at most " +
                      std::to_string(size) + " on one: " + choice.gpu->name;
  EXPECT_EQ(choice.explanation.front(), expected);
  const DevicePathChoice path = choose_device_path(runtime().communicator(), *choice.backend,
                                                   runtime().host_name(), choice.uuid());
  EXPECT_EQ(path.path, size == 1 ? DevicePath::none : DevicePath::staging);
}

}  // namespace
}  // namespace serried::test
