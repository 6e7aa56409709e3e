#pragma once

#include "gtest/gtest.h"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"

namespace serried::test {

/// The runtime of the test program; made before the first case.
const Runtime& runtime();

/// The same context; with SERRIED_TEST_DEVICE=cuda its device is a GPU, which all ranks share.
Context on_test_device(const Context& ctx);

/// A context on all ranks of the program, on the test's device.
Context context(const ContextOptions& options = {});

}  // namespace serried::test
