// The part of the CUDA runtime that Serried uses, on the host, for tests. See README.md.
#pragma once

#include "emulated_api.hpp"
#include "emulated_kernel.hpp"
#include "emulated_math.hpp"
#include "emulated_types.hpp"
