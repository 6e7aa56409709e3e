#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serried/io/held_rows.hpp"
#include "session.hpp"

namespace serried::app {

/// The data of a regression: x as rows of columns, and what stands beside it.
struct RegressionInputs {
  Dataset x;
  std::vector<std::string> column_names;
  std::vector<std::string> files;
};

/// Opens x, and finds its columns' names: of a dataset with one column its own name, else the lines
/// of its attribute column_names; none where one of several columns has no name. Collective.
[[nodiscard]] RegressionInputs open_columns(const Session& session, const std::vector<Address>& x,
                                            const SampleAxes& samples);

/// The files of a dataset, each once. Local.
void add_files(RegressionInputs& inputs, const Dataset& dataset);

/// A dataset of one number for each row of x. Collective.
/// @throws DataError unless it has the shape of x's sample axes.
[[nodiscard]] Dataset open_beside(const Session& session, RegressionInputs& inputs,
                                  const char* option, const Address& address);
[[nodiscard]] std::optional<Dataset> open_beside(const Session& session, RegressionInputs& inputs,
                                                 const char* option,
                                                 const std::optional<Address>& address);

/// Responses, one or several for each row of x: datasets (rows), or (rows, responses). Collective.
/// @throws DataError unless it has the shape of x's sample axes.
[[nodiscard]] Dataset open_responses(const Session& session, RegressionInputs& inputs,
                                     const std::vector<Address>& addresses,
                                     const SampleAxes& samples);

/// A dataset as an array in memory. Collective. @param option what messages call it.
[[nodiscard]] Array read_array(const Context& ctx, const Dataset& dataset, const char* option);
/// Column k of an array (n, columns); an array (n) is its own. Collective.
[[nodiscard]] Array column_of(const Array& array, std::int64_t k);

/// The last part of the name of a dataset; "y" where it has none. Local.
[[nodiscard]] std::string own_name(const Address& address, const std::string& other);

/// x in memory, where that leaves room for `bytes_beside` of something else; else to be read in
/// each pass. Collective.
/// @throws InvalidArgument where there is not even room for that.
[[nodiscard]] std::unique_ptr<TileSource> hold_columns(const Session& session, const Dataset& x,
                                                       std::int64_t bytes_beside);
/// So many numbers for each row of x that lies on a rank, in bytes. Local.
[[nodiscard]] std::int64_t bytes_by_row(const Session& session, const Dataset& x,
                                        std::int64_t numbers);

/// Arrays (rows) into a new file, in the shape of x's sample axes, with coordinates. Collective.
struct NamedArray {
  std::string name;
  std::string long_name;
  Array values;
};
void write_by_row(const Session& session, const std::string& path, const Dataset& x,
                  const std::vector<NamedArray>& arrays, const std::vector<std::string>& inputs);

}  // namespace serried::app
