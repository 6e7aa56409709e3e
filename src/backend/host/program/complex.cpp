#include "backend/host/program/functions.hpp"
namespace serried::host::program {
BlockFunction find_complex(Op, RegisterType) {
  return nullptr;
}
BlockFunction find_complex_function(Op, RegisterType) {
  return nullptr;
}
}  // namespace serried::host::program
