#pragma once

#include <string>

#include "serried/base/api.hpp"
#include "serried/base/error.hpp"

namespace SERRIED_API serried {

/// What a program that was stopped, and whose state is saved, ends with: batch scripts requeue a
/// job that does.
inline constexpr int stopped_exit_code = 85;

/// A computation ended early because it was asked to, with its state saved; not a failure. Thrown
/// alike on all ranks. The text says where it stands and how to go on.
class Stopped : public Error {
 public:
  explicit Stopped(const std::string& text) : Error(ErrorKind::internal, text) {}
};

}  // namespace serried
