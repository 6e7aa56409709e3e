#include "serried/base/fold.hpp"

#include <cstring>

namespace serried {

std::size_t size_of_state(FoldOp op, RegisterType values) {
  return visit_state(op, values, [](auto state) { return sizeof(state); });
}

void clear_states(FoldOp op, RegisterType values, std::byte* states, std::int64_t count) {
  visit_state(op, values, [&](auto state) {
    for (std::int64_t i = 0; i < count; ++i)
      std::memcpy(states + static_cast<std::size_t>(i) * sizeof state, &state, sizeof state);
  });
}

void combine_states(FoldOp op, RegisterType values, std::byte* left, const std::byte* right,
                    std::int64_t count) {
  visit_state(op, values, [&](auto state) {
    using State = decltype(state);
    for (std::int64_t i = 0; i < count; ++i) {
      State a;
      State b;
      const std::size_t at = static_cast<std::size_t>(i) * sizeof(State);
      std::memcpy(&a, left + at, sizeof a);
      std::memcpy(&b, right + at, sizeof b);
      combine_states(a, b);
      std::memcpy(left + at, &a, sizeof a);
    }
  });
}

}  // namespace serried
