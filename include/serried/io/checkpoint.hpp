#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/base/build_info.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/io/file_check.hpp"
#include "serried/io/file_writer.hpp"

namespace SERRIED_API serried {

/// The state of a long computation, for any estimator: what it belongs to, and values that are kept
/// bit for bit. Written by any number of ranks, it is read by any other.
struct Checkpoint {
  /// Names and values, in the order in which they are compared.
  using Facts = std::vector<std::pair<std::string, std::string>>;

  std::string kind;         ///< what computation it is the state of, e.g. "k-means"
  std::int64_t format = 1;  ///< of the state; another number is not understood
  std::string version{build_info().version};  ///< of the Serried that made it
  /// What must be the same where it is taken up: options and data, as far as the answer depends on
  /// them. Neither names nor values have tabs or line breaks.
  Facts belongs_to;

  // Values by name (letters, digits and underscores). The first two are the same on all ranks.
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::vector<std::int64_t>> counts;
  std::map<std::string, Array> rows;  ///< distributed
};

/// Writes a checkpoint: the file is complete, or what was there before still stands.
/// Collective.
/// @throws InvalidArgument for names and facts that are not allowed; RankError (kind io) if it
/// cannot be written.
void save_checkpoint(const Context& ctx, const std::string& path, const Checkpoint& checkpoint,
                     const Provenance& provenance = {});

/// Reads a checkpoint.
/// Collective.
/// @param untrusted the file comes from elsewhere: a process of its own reads it first, whole.
/// @throws RankError (kind io) if the file is missing, damaged, or no checkpoint.
[[nodiscard]] Checkpoint load_checkpoint(const Context& ctx, const std::string& path,
                                         const std::optional<FileCheck>& untrusted = {});

/// Finds out whether a checkpoint belongs to a computation of that kind and format, of this version
/// of Serried, for which these facts hold. Facts of the checkpoint that are not asked for do not
/// count. Local.
/// @throws InvalidArgument that names everything that differs.
void require_same(const Checkpoint& checkpoint, const std::string& kind, std::int64_t format,
                  const Checkpoint::Facts& expected);

/// A text that tells data sets apart by their content, wherever they lie: shape, dtype, and the
/// bits of at most 64 rows that are spread over all of them. The same at any number of ranks.
/// Collective. Reads the batches that hold these rows.
[[nodiscard]] std::string fingerprint_rows(const Context& ctx, const TileSource& source);

}  // namespace serried
