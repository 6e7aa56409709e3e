#include "serried/base/similar_names.hpp"

#include <algorithm>
#include <vector>

namespace serried {

std::size_t name_distance(std::string_view a, std::string_view b) {
  // Row i holds the distances of the first i characters of a to all beginnings of b.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string similar_name(std::string_view word, std::span<const std::string> candidates) {
  std::size_t nearest = std::clamp<std::size_t>(word.size() / 3, 1, 3) + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    const std::size_t longest = std::max(word.size(), candidate.size());
    if (longest - std::min(word.size(), candidate.size()) >= nearest) continue;
    const std::size_t distance = name_distance(word, candidate);
    // Nothing in common is no likeness, however short both are.
    if (distance >= nearest || distance >= longest) continue;
    nearest = distance;
    found = candidate;
  }
  return found;
}

}  // namespace serried
