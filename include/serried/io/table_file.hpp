#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/shape.hpp"

namespace SERRIED_API serried {

/// A small HDF5 file read whole by one rank: models and tables. For use inside agree_on_root.
class TableFile {
 public:
  template <class T>
  struct Values {
    Shape shape;
    std::vector<T> values;  ///< C order
  };

  /// Local. @throws IoError if the file is missing, damaged or no HDF5.
  explicit TableFile(const std::string& path);
  ~TableFile();
  TableFile(TableFile&&) noexcept;
  TableFile& operator=(TableFile&&) noexcept;

  /// The shape of a dataset.
  /// Local. @throws DataError if it is not there.
  [[nodiscard]] Shape shape_of(const std::string& dataset) const;
  /// A whole dataset of numbers, converted.
  /// Local. @throws DataError if it is not there, holds no numbers, or more than 2^31 elements.
  [[nodiscard]] Values<double> read_f64(const std::string& dataset) const;
  [[nodiscard]] Values<std::int64_t> read_i64(const std::string& dataset) const;

  /// Attributes of an object ("/" for the file).
  /// Local. @throws DataError if object or attribute are not there or are of another kind.
  [[nodiscard]] std::string text_attribute(const std::string& object,
                                           const std::string& name) const;
  [[nodiscard]] double f64_attribute(const std::string& object, const std::string& name) const;
  [[nodiscard]] std::vector<std::int64_t> i64_attribute(const std::string& object,
                                                        const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
