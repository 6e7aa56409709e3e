#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "serried/context.hpp"

namespace serried {

/// Asks for each question the rank that knows the answer: questions[i] goes to rank owners[i],
/// where answer(question) is called. Collective.
/// @return the answers, in the order of the questions.
/// @throws RankError if memory is short on a rank.
[[nodiscard]] std::vector<std::uint64_t> ask_ranks(
    const Context& ctx, std::span<const std::uint64_t> questions, std::span<const int> owners,
    const std::function<std::uint64_t(std::uint64_t question)>& answer);

}  // namespace serried
