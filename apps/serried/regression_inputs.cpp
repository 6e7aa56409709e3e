#include "regression_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "serried/array/evaluate.hpp"
#include "serried/array/indexing.hpp"
#include "serried/base/error.hpp"

namespace serried::app {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// The names of a dataset's columns, or none.
std::vector<std::string> names_of(const Dataset& dataset, const Address& address) {
  const std::string own = own_name(address, "");
  if (dataset.row_elements() == 1 && !own.empty()) return {own};
  for (const auto& [name, value] : dataset.text_attributes())
    if (name == "column_names") {
      std::vector<std::string> names = lines_of(value);
      if (static_cast<std::int64_t>(names.size()) == dataset.row_elements()) return names;
    }
  return {};
}

}  // namespace

Dataset open_responses(const Session& session, RegressionInputs& inputs,
                       const std::vector<Address>& addresses, const SampleAxes& samples) {
  if (addresses.size() == 1) {
    Dataset whole = Dataset::open(session.ctx, addresses.front(),
                                  {.samples = {.kind = SampleAxes::Kind::all, .axes = {}},
                                   .untrusted = session.common().untrusted});
    if (whole.shape() == inputs.x.sample_shape()) {
      add_files(inputs, whole);
      return whole;
    }
  }
  Dataset y = open_matrix(session, addresses, samples);
  if (y.sample_shape() != inputs.x.sample_shape() || y.row_elements() == 0)
    throw DataError(fmt::format(
        "--y {}: responses for each row are needed, whose sample axes have the shape {}, but its "
        "shape is {}",
        texts_of(addresses), inputs.x.sample_shape().to_string(), y.shape().to_string()));
  add_files(inputs, y);
  return y;
}

Array read_array(const Context& ctx, const Dataset& dataset, const char* option) {
  return evaluate(ctx, Expr(to_operand(std::make_shared<const Dataset>(dataset), option)));
}

Array column_of(const Array& array, std::int64_t k) {
  return array.shape().dimensions() == 1 ? array : take(array, k, 1);
}

std::string own_name(const Address& address, const std::string& other) {
  const std::string name = address.object.substr(address.object.rfind('/') + 1);
  return name.empty() ? other : name;
}

RegressionInputs open_columns(const Session& session, const std::vector<Address>& x,
                              const SampleAxes& samples) {
  RegressionInputs inputs{.x = open_matrix(session, x, samples), .column_names = {}, .files = {}};
  inputs.files = inputs.x.files();
  if (inputs.x.row_elements() == 0)
    throw DataError(
        fmt::format("{} has no columns (shape {})", texts_of(x), inputs.x.shape().to_string()));
  for (const Address& address : x) {
    const std::vector<std::string> names =
        names_of(x.size() == 1 ? inputs.x : open_matrix(session, {address}, samples), address);
    if (names.empty()) return {std::move(inputs.x), {}, std::move(inputs.files)};
    inputs.column_names.insert(inputs.column_names.end(), names.begin(), names.end());
  }
  return inputs;
}

void add_files(RegressionInputs& inputs, const Dataset& dataset) {
  for (const std::string& file : dataset.files())
    if (std::ranges::find(inputs.files, file) == inputs.files.end()) inputs.files.push_back(file);
}

Dataset open_beside(const Session& session, RegressionInputs& inputs, const char* option,
                    const Address& address) {
  Dataset dataset = Dataset::open(session.ctx, address,
                                  {.samples = {.kind = SampleAxes::Kind::all, .axes = {}},
                                   .untrusted = session.common().untrusted});
  if (dataset.shape() != inputs.x.sample_shape())
    throw DataError(fmt::format(
        "{} {}: one number for each row is needed, in the shape of the "
        "sample axes {}, but its shape is {}",
        option, address.text, inputs.x.sample_shape().to_string(), dataset.shape().to_string()));
  add_files(inputs, dataset);
  return dataset;
}

std::optional<Dataset> open_beside(const Session& session, RegressionInputs& inputs,
                                   const char* option, const std::optional<Address>& address) {
  if (!address) return std::nullopt;
  return open_beside(session, inputs, option, *address);
}

std::int64_t bytes_by_row(const Session& session, const Dataset& x, std::int64_t numbers) {
  // a rank has whole tiles, and leaves of them
  const std::int64_t rows = x.rows() / session.ctx.size();
  return (rows + rows / 8 + 4096) * 8 * numbers;
}

std::unique_ptr<TileSource> hold_columns(const Session& session, const Dataset& x,
                                         std::int64_t bytes_beside) {
  const Context& ctx = session.ctx;
  require_memory(ctx, x.least_memory(bytes_beside), "fitting this data",
                 session.runtime.node_size());
  const auto phase = ctx.recorder().phase("read");
  return hold_what_fits(ctx, x, ctx.options().memory_bytes - bytes_beside);
}

void write_by_row(const Session& session, const std::string& path, const Dataset& x,
                  const std::vector<NamedArray>& arrays, const std::vector<std::string>& inputs) {
  const auto phase = session.ctx.recorder().phase("write");
  FileWriter writer(session.ctx, path);
  for (const NamedArray& array : arrays) {
    Shape shape = x.sample_shape();
    if (array.values.row_elements() > 1)
      shape = shape.with_inserted(shape.dimensions(), array.values.row_elements());
    writer.write("/" + array.name, array.values,
                 {.shape = shape, .attributes = {{"long_name", array.long_name}}});
    writer.attach_coordinates("/" + array.name, x.sample_coordinates());
  }
  writer.write_provenance(provenance_of(session, inputs, ""));
  writer.commit();
}

}  // namespace serried::app
