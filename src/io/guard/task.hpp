#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serried/io/address.hpp"
#include "serried/io/dataset.hpp"

namespace serried::guard {

/// What the program serried_check_file is to do.
struct Task {
  enum class Kind : std::uint8_t {
    list,     ///< list the file
    table,    ///< read the whole file
    describe  ///< what Dataset::open learns, and values
  };
  Kind kind = Kind::list;
  FileCheck check;
  std::string path;                ///< of list and table
  std::vector<Address> addresses;  ///< of describe
  DatasetOptions options;          ///< of describe
  std::int64_t parent = 0;         ///< the process that waits; the other ends with it

  /// The file or address that messages name before any file is opened. Local.
  [[nodiscard]] std::string subject() const;

  [[nodiscard]] std::string to_bytes() const;
  /// @throws Error (kind internal) where the bytes are of another build of Serried.
  [[nodiscard]] static Task from_bytes(const std::string& bytes);
};

/// What Kind::describe finds.
struct Described {
  std::string metadata;     ///< bytes of a DatasetMeta
  std::string annotations;  ///< bytes of put_annotations
};

/// Messages of the process: this byte, the size of what follows (uint64), what follows.
enum class Message : std::uint8_t {
  stage,     ///< two texts: a file, and what is done with it; counts as progress
  progress,  ///< nothing
  result,    ///< the result's bytes; the last message
  error      ///< ErrorKind and text; the last message
};

}  // namespace serried::guard
