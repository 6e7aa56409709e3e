#include "ml/regression/model_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried::regression {
namespace {

class Writing final : public ModelFields {
 public:
  explicit Writing(FileWriter& writer) : writer_(writer) {}

  void number(const std::string& name, double& value) override {
    writer_.set_attribute("/", name, value);
  }
  void count(const std::string& name, std::int64_t& value) override {
    writer_.set_attribute("/", name, value);
  }
  void text(const std::string& name, std::string& value) override {
    writer_.set_attribute("/", name, value);
  }
  void values(const std::string& name, const Shape& shape, std::vector<double>& values) override {
    writer_.write("/" + name, shape, std::span<const double>(values));
  }

 private:
  FileWriter& writer_;
};

class Reading final : public ModelFields {
 public:
  explicit Reading(const TableFile& file) : file_(file) {}

  void number(const std::string& name, double& value) override {
    value = file_.f64_attribute("/", name);
  }
  void count(const std::string& name, std::int64_t& value) override {
    value = file_.i64_attribute("/", name).at(0);
    if (value < 0) throw DataError(fmt::format("its attribute '{}' is {}", name, value));
  }
  void text(const std::string& name, std::string& value) override {
    value = file_.text_attribute("/", name);
  }
  void values(const std::string& name, const Shape& shape, std::vector<double>& values) override {
    auto read = file_.read_f64("/" + name);
    if (read.shape != shape)
      throw DataError(
          fmt::format("/{} is {}, not {}", name, read.shape.to_string(), shape.to_string()));
    values = std::move(read.values);
  }

 private:
  const TableFile& file_;
};

/// What rank 0 has, in order.
struct Packed {
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

class Packing final : public ModelFields {
 public:
  explicit Packing(Packed& packed) : packed_(packed) {}

  void number(const std::string&, double& value) override { packed_.numbers.push_back(value); }
  void count(const std::string&, std::int64_t& value) override {
    packed_.numbers.push_back(static_cast<double>(value));
  }
  void text(const std::string&, std::string& value) override { packed_.texts.push_back(value); }
  void values(const std::string&, const Shape&, std::vector<double>& values) override {
    packed_.numbers.insert(packed_.numbers.end(), values.begin(), values.end());
  }

 private:
  Packed& packed_;
};

class Unpacking final : public ModelFields {
 public:
  explicit Unpacking(const Packed& packed) : packed_(packed) {}

  void number(const std::string&, double& value) override { value = packed_.numbers[number_++]; }
  void count(const std::string&, std::int64_t& value) override {
    value = static_cast<std::int64_t>(packed_.numbers[number_++]);
  }
  void text(const std::string&, std::string& value) override { value = packed_.texts[text_++]; }
  void values(const std::string&, const Shape& shape, std::vector<double>& values) override {
    const auto from = packed_.numbers.begin() + static_cast<std::ptrdiff_t>(number_);
    values.assign(from, from + shape.elements());
    number_ += static_cast<std::size_t>(shape.elements());
  }

 private:
  const Packed& packed_;
  std::size_t number_ = 0;
  std::size_t text_ = 0;
};

}  // namespace

void ModelFields::flag(const std::string& name, bool& value) {
  std::int64_t number = value ? 1 : 0;
  count(name, number);
  value = number != 0;
}

void ModelFields::texts(const std::string& name, std::vector<std::string>& values) {
  std::string all;
  for (std::string line : values) {
    std::ranges::replace(line, '\n', ' ');
    all += line + '\n';
  }
  text(name, all);
  values.clear();
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find('\n', begin), all.size());
    values.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
}

std::size_t ModelFields::word(const std::string& name, std::span<const std::string_view> words,
                              std::size_t value) {
  std::string written(words[value]);
  text(name, written);
  const auto at = std::ranges::find(words, std::string_view(written));
  if (at == words.end()) throw DataError(fmt::format("its {} is '{}'", name, written));
  return static_cast<std::size_t>(at - words.begin());
}

void ModelFields::coefficients(const Shape& shape, const std::vector<Coefficient*>& all) {
  static constexpr std::array<std::pair<const char*, double Coefficient::*>, 6> columns = {
      {{"estimates", &Coefficient::estimate},
       {"std_errors", &Coefficient::std_error},
       {"statistics", &Coefficient::statistic},
       {"p_values", &Coefficient::p_value},
       {"low", &Coefficient::low},
       {"high", &Coefficient::high}}};
  std::vector<double> column(all.size());
  for (const auto& [name, member] : columns) {
    for (std::size_t i = 0; i < all.size(); ++i) column[i] = all[i]->*member;
    values(name, shape, column);
    for (std::size_t i = 0; i < all.size(); ++i) all[i]->*member = column[i];
  }
  for (std::size_t i = 0; i < all.size(); ++i) column[i] = all[i]->is_aliased ? 1 : 0;
  values("is_aliased", shape, column);
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->is_aliased = column[i] != 0;
}

void write_model(FileWriter& writer, const std::string& kind, const VisitFields& visit,
                 const Provenance& provenance) {
  writer.set_attribute("/", "model", kind);
  Writing writing(writer);
  visit(writing);
  writer.write_provenance(provenance);
}

void read_model(const Context& ctx, const std::string& path, const std::string& kind,
                const std::optional<FileCheck>& untrusted, const VisitFields& visit) {
  const Communicator& comm = ctx.comm();
  Packed packed;
  agree_on_root(comm, 0, [&] {
    if (untrusted) check_table_file(path, *untrusted);
    const TableFile file(path);
    try {
      if (file.text_attribute("/", "model") != kind)
        throw DataError("its attribute 'model' is not '" + kind + "'");
      Reading reading(file);
      visit(reading);
    } catch (const IoError&) {
      throw;
    } catch (const Error& error) {
      throw DataError(path + " holds no " + kind + " model: " + error.what());
    }
    Packing packing(packed);
    visit(packing);
  });
  packed.numbers.resize(static_cast<std::size_t>(
      comm.broadcast(static_cast<std::int64_t>(packed.numbers.size()), 0)));
  comm.broadcast(std::span<double>(packed.numbers), 0);
  packed.texts.resize(
      static_cast<std::size_t>(comm.broadcast(static_cast<std::int64_t>(packed.texts.size()), 0)));
  for (std::string& text : packed.texts) text = comm.broadcast_text(text, 0);
  Unpacking unpacking(packed);
  visit(unpacking);
}

}  // namespace serried::regression
