#pragma once

#include <string>
#include <vector>

#include "options.hpp"
#include "serried/context.hpp"
#include "simulation.hpp"

namespace gray_scott {

/// Analyses of the fields where they lie in memory, while the simulation runs: statistics and a
/// histogram of u and of v, and k-means of the cells by (u, v). No field is copied or written to a
/// file. The series of results is one JSON file, which is complete after each analysis.
class InSitu {
 public:
  /// Local.
  InSitu(const serried::Context& ctx, const Options& options);

  /// Analyses the present state and writes the series.
  /// Collective. @throws what serried's statistics, k-means and write_text_file throw.
  void analyse(const Simulation& simulation);

 private:
  serried::Context ctx_;
  Options options_;
  std::vector<std::string> results_;  ///< one object of JSON for each analysis
};

}  // namespace gray_scott
