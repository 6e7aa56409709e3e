#pragma once

#include <optional>
#include <string>

#include "serried/base/api.hpp"
#include "serried/context.hpp"
#include "serried/io/file_check.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/ml/glm.hpp"
#include "serried/ml/linear.hpp"
#include "serried/ml/softmax.hpp"

namespace SERRIED_API serried {

/// Files of models, which h5py reads as they are. The root's attribute `model` is "glm", "linear"
/// or "softmax"; the numbers of a model are attributes of the root by their names in GlmModel and
/// LinearModel, `names` those of the coefficients, a line each. Datasets of f64: `/estimates`,
/// `/std_errors`, `/statistics`, `/p_values`, `/low`, `/high`, `/is_aliased` (coefficients; of a
/// linear model (targets, coefficients)), `/covariance` or `/unscaled_covariance` and
/// `/covariance_root` (coefficients, coefficients); of a linear model also the measures of its
/// targets (targets), and the attribute `target_names`; of a softmax model the datasets are
/// (classes
/// - 1, coefficients), and there are `/classes` (classes) in place of covariances.

/// Writes a model into a file that is being made.
/// Collective.
void write_model(FileWriter& writer, const GlmModel& model, const Provenance& provenance = {});
void write_model(FileWriter& writer, const LinearModel& model, const Provenance& provenance = {});
void write_model(FileWriter& writer, const SoftmaxModel& model, const Provenance& provenance = {});

/// Reads a model that write_model wrote.
/// Collective.
/// @param untrusted the file comes from elsewhere: a process of its own reads it whole before.
/// @throws RankError (kind io) if there is no such file; (kind data) if it holds no such model.
[[nodiscard]] GlmModel load_glm(const Context& ctx, const std::string& path,
                                const std::optional<FileCheck>& untrusted = {});
[[nodiscard]] LinearModel load_linear(const Context& ctx, const std::string& path,
                                      const std::optional<FileCheck>& untrusted = {});

[[nodiscard]] SoftmaxModel load_softmax(const Context& ctx, const std::string& path,
                                        const std::optional<FileCheck>& untrusted = {});

/// What a file's attribute `model` says: "kmeans", "glm", "linear", "softmax".
/// Collective.
/// @throws RankError (kind io) if there is no such file; (kind data) if it holds no model.
[[nodiscard]] std::string model_kind(const Context& ctx, const std::string& path,
                                     const std::optional<FileCheck>& untrusted = {});

}  // namespace serried
