#pragma once

#include <optional>
#include <string>
#include <vector>

#include "session.hpp"

namespace serried::app {

/// Finds out before the work whether labels can have an XDMF file, where they are to have one.
/// Collective. @throws InvalidArgument for samples that do not lie on two or three axes.
void check_labels_xdmf(const Session& session, const OutputAddress& output, const Dataset& dataset,
                       const std::vector<std::string>& inputs);

/// Where it is asked for, writes the XDMF file of labels that have been written: the labels on the
/// grid of the samples, with their coordinate variables, and beside them those input datasets that
/// lie on that grid as they are in their files; with one more axis in front they become a series in
/// time. Collective.
void write_labels_xdmf(const Session& session, const OutputAddress& output, const Dataset& dataset,
                       const std::vector<Address>& addresses);

/// The files of labels: theirs and XDMF's, where they are wanted. Local.
[[nodiscard]] std::vector<std::string> label_paths(const std::optional<OutputAddress>& output);

}  // namespace serried::app
