#pragma once

#include <stdexcept>
#include <string>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// What went wrong, as the caller of a program sees it; decides the exit code.
enum class ErrorKind {
  internal,          ///< a failure that is nobody's input (exit code 1)
  invalid_argument,  ///< the call or command line is wrong (exit code 2)
  data,              ///< the input's content does not allow what was asked (exit code 3)
  io,                ///< a file or folder is missing, damaged or cannot be written (exit code 4)
  numeric,           ///< a computation has no result, e.g. a singular matrix (exit code 3)
  device,            ///< no device, or out of device memory (exit code 1)
  communication      ///< ranks are lost, or have called different things (exit code 75)
};

/// The process exit code of a failure of this kind.
/// Local.
[[nodiscard]] int exit_code(ErrorKind kind) noexcept;

/// Base of every exception that Serried throws. The type is API, the text is not.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// Wrong arguments; thrown alike on all ranks before any communication.
class InvalidArgument : public Error {
 public:
  explicit InvalidArgument(const std::string& text) : Error(ErrorKind::invalid_argument, text) {}
};

/// The data does not allow what was asked: NaN where none may be, strings where numbers must be.
class DataError : public Error {
 public:
  explicit DataError(const std::string& text) : Error(ErrorKind::data, text) {}
};

/// A file cannot be found, opened, read or written.
class IoError : public Error {
 public:
  explicit IoError(const std::string& text) : Error(ErrorKind::io, text) {}
};

/// A computation has no finite or unique result.
class NumericError : public Error {
 public:
  explicit NumericError(const std::string& text) : Error(ErrorKind::numeric, text) {}
};

/// A device is missing, failed or is out of memory.
class DeviceError : public Error {
 public:
  explicit DeviceError(const std::string& text) : Error(ErrorKind::device, text) {}
};

/// One rank failed and all ranks have agreed on it (see comm/agree.hpp). `kind()` is the kind of
/// the failing rank's error; the text names the rank where more than one rank took part.
class RankError : public Error {
 public:
  RankError(int rank, ErrorKind kind, const std::string& text) : Error(kind, text), rank_(rank) {}
  /// The lowest rank that failed.
  [[nodiscard]] int rank() const noexcept { return rank_; }

 private:
  int rank_;
};

}  // namespace serried
