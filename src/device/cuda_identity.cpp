// Compiled into the core and into the module.
#include "device/cuda_module.hpp"
#include "serried/base/build_info.hpp"

namespace serried {

std::string cuda_build_identity() {
  const BuildInfo build = build_info();
  return std::string(build.version) + ' ' + std::string(build.commit) + ", " +
         std::string(build.configuration);
}

}  // namespace serried
