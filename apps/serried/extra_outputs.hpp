#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "serried/context.hpp"
#include "serried/io/output_set.hpp"
#include "serried/report/page.hpp"

namespace serried::app {

struct Session;

/// The page (`--report FILE`), the picture and the trace of a run, which every verb may have. A
/// verb claims them before its work, fills in what there is to see after it, and the program writes
/// them at its end.
class ExtraOutputs {
 public:
  /// @param outputs takes them in.
  ExtraOutputs(const CommonOptions& options, OutputSet& outputs)
      : options_(options), outputs_(outputs) {}

  [[nodiscard]] bool has_page() const { return !options_.page_path.empty(); }
  [[nodiscard]] bool has_picture() const { return !options_.picture_path.empty(); }
  [[nodiscard]] bool has_any() const {
    return has_page() || has_picture() || !options_.trace_path.empty();
  }

  /// Finds out before the work whether they can be written, and holds their names.
  /// Collective.
  /// @param inputs none of which may be replaced; @param others outputs of the verb itself.
  /// @throws RankError as check_output and check_outputs_differ.
  void claim(const Context& ctx, const std::vector<std::string>& inputs,
             const std::vector<std::string>& others);

  /// Keeps what is known of the run by now, for the page, which tells nothing of its own making.
  /// Collective.
  void keep_run(const Session& session);
  /// Begins the page, and keeps the run unless that was done. Collective.
  /// @return what results are added to, on every rank.
  Page& begin_page(const Session& session, const std::string& title, const std::string& lead);
  /// Local. The picture, a PNG file; only rank 0's counts.
  void set_picture(std::string png) { picture_ = std::move(png); }
  void set_seed(const std::string& seed) { seed_ = seed; }

  /// Completes all of them.
  /// Collective.
  /// @throws RankError (kind io).
  void write(const Session& session);

 private:
  const CommonOptions& options_;
  OutputSet& outputs_;
  bool is_writing_ = true;  ///< rank 0
  std::vector<std::string> inputs_;
  std::optional<RunReport> run_;
  std::optional<Page> page_;
  std::string picture_;
  std::string seed_;
};

}  // namespace serried::app
