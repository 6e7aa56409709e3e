#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serried/context.hpp"
#include "serried/io/file_check.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/io/table_file.hpp"
#include "serried/ml/coefficient.hpp"

namespace serried::regression {

/// The fields of a model, one after the other: a model has one function that names them all, and
/// its file is written and read, and what rank 0 has read is told to all ranks, by visitors.
class ModelFields {
 public:
  ModelFields() = default;
  virtual ~ModelFields() = default;
  ModelFields(const ModelFields&) = delete;
  ModelFields& operator=(const ModelFields&) = delete;

  virtual void number(const std::string& name, double& value) = 0;
  virtual void count(const std::string& name, std::int64_t& value) = 0;
  virtual void text(const std::string& name, std::string& value) = 0;
  /// Numbers in C order. @throws DataError where a file has another number of them.
  virtual void values(const std::string& name, const Shape& shape, std::vector<double>& values) = 0;

  void flag(const std::string& name, bool& value);
  /// In one text, a line each.
  void texts(const std::string& name, std::vector<std::string>& values);
  /// One of some words. @throws DataError for another one.
  template <class E>
  void choice(const std::string& name, std::span<const std::string_view> words, E& value) {
    value = static_cast<E>(word(name, words, static_cast<std::size_t>(value)));
  }
  /// All but the names, as datasets of a shape: /estimates, /std_errors, ...
  void coefficients(const Shape& shape, const std::vector<Coefficient*>& all);

 private:
  [[nodiscard]] std::size_t word(const std::string& name, std::span<const std::string_view> words,
                                 std::size_t value);
};

using VisitFields = std::function<void(ModelFields& fields)>;

/// Datasets, and attributes of the root, of which `model` says what it is. Collective.
void write_model(FileWriter& writer, const std::string& kind, const VisitFields& visit,
                 const Provenance& provenance);

/// Reads on rank 0 and tells all. Collective.
/// @throws RankError (kind io) if there is no such file; (kind data) if it is not of that kind.
void read_model(const Context& ctx, const std::string& path, const std::string& kind,
                const std::optional<FileCheck>& untrusted, const VisitFields& visit);

}  // namespace serried::regression
