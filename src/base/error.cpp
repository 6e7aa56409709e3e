#include "serried/base/error.hpp"

namespace serried {

int exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::invalid_argument:
      return 2;
    case ErrorKind::data:
    case ErrorKind::numeric:
      return 3;
    case ErrorKind::io:
      return 4;
    case ErrorKind::communication:
      return 75;
    case ErrorKind::internal:
    case ErrorKind::device:
      break;
  }
  return 1;
}

}  // namespace serried
