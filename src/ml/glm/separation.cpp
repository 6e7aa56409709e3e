#include "ml/glm/separation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "serried/base/order_key.hpp"

namespace serried::glm {
namespace {

// Of the farthest row's way, what rows that stand still may move. Steps come this near to such a
// direction some iterations after the first means have come near a bound.
constexpr double slack = 1e-5;

// How far row i moves towards a bound that is its response; negative: what it moves otherwise.
double gain(const Problem& problem, std::int64_t i, double moved) {
  const double y = problem.rows.response(i);
  if (y == 0) return -moved;
  if (y == 1 && facts(problem.distribution.link).is_for_probabilities) return moved;
  return -std::abs(moved);
}

}  // namespace

bool can_separate(const GlmDistribution& distribution) {
  const GlmFamilyFacts& family = facts(distribution.family);
  return family.allows_low && facts(distribution.link).has_far_end;
}

std::string separation_along(const Problem& problem, const std::vector<double>& direction,
                             const std::vector<std::string>& names) {
  const Rows& rows = problem.rows;
  const std::vector<double> moved = rows.predict(problem.pass_of(direction), false);
  std::array<double, 2> extremes{0, 0};
  for (std::int64_t i = 0; i < rows.local_rows(); ++i) {
    if (rows.weight(i) == 0) continue;
    const double gained = gain(problem, i, moved[static_cast<std::size_t>(i)]);
    extremes[0] = std::max(extremes[0], gained);
    extremes[1] = std::max(extremes[1], -gained);
  }
  std::array<std::uint64_t, 2> keys{order_key(extremes[0]), order_key(extremes[1])};
  const Communicator& comm = rows.context().comm();
  comm.allreduce(std::span<std::uint64_t>(keys), ReduceOp::max);
  const double farthest = double_from_key(keys[0]);
  if (!(farthest > 0) || !(double_from_key(keys[1]) <= slack * farthest)) return {};
  std::int64_t still = 0;
  for (std::int64_t i = 0; i < rows.local_rows(); ++i)
    if (rows.weight(i) > 0 &&
        gain(problem, i, moved[static_cast<std::size_t>(i)]) <= slack * farthest)
      ++still;
  still = comm.allreduce(still, ReduceOp::sum);

  double largest = 0;
  for (std::size_t j = problem.first_column(); j < direction.size(); ++j)
    largest = std::max(largest, std::abs(direction[j]));
  std::string columns;
  int more = 0;
  int named = 0;
  for (std::size_t j = problem.first_column(); j < direction.size(); ++j) {
    if (!(std::abs(direction[j]) > slack * largest)) continue;
    if (++named <= 8)
      columns += (columns.empty() ? "" : ", ") + names[j];
    else
      ++more;
  }
  if (more > 0) columns += fmt::format(" and {} more", more);
  const std::string along = named == 0   ? "the intercept alone"
                            : named == 1 ? columns
                                         : "a combination of " + columns;
  if (still == 0)
    return fmt::format(
        "perfect separation: {} tells all responses apart, so that no finite coefficients are best",
        along);
  return fmt::format(
      "quasi-complete separation: {} fits the responses of {} of {} rows exactly, so that no "
      "finite "
      "coefficients are best",
      along, rows.used() - still, rows.used());
}

}  // namespace serried::glm
