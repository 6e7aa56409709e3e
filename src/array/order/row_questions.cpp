#include "array/order/row_questions.hpp"

#include <algorithm>

#include "array/rank_order.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

std::vector<std::uint64_t> ask_ranks(
    const Context& ctx, std::span<const std::uint64_t> questions, std::span<const int> owners,
    const std::function<std::uint64_t(std::uint64_t question)>& answer) {
  constexpr std::int64_t run = std::int64_t{1} << 15;
  const auto answer_all = [&](std::span<std::uint64_t> asked) {
    const auto count = static_cast<std::int64_t>(asked.size());
    ctx.backend()->threads().parallel_for((count + run - 1) / run, [&](std::int64_t i, int) {
      for (std::int64_t j = i * run; j < std::min(count, (i + 1) * run); ++j) {
        std::uint64_t& word = asked[static_cast<std::size_t>(j)];
        word = answer(word);
      }
    });
  };
  std::vector<std::uint64_t> answers;
  if (ctx.size() == 1) {
    agree(ctx.comm(), [&] {
      answers.assign(questions.begin(), questions.end());
      answer_all(answers);
    });
    return answers;
  }
  std::vector<std::uint64_t> sent;
  RankOrder order;
  agree(ctx.comm(), [&] {
    answers.resize(questions.size());
    sent.resize(questions.size());
    order = RankOrder(owners, ctx.size());
    for (std::size_t i = 0; i < questions.size(); ++i)
      sent[static_cast<std::size_t>(order.places[i])] = questions[i];
  });
  auto received = ctx.comm().alltoall(std::span<const std::uint64_t>(sent), order.offsets);
  answer_all(received.values);
  const auto back =
      ctx.comm().alltoall(std::span<const std::uint64_t>(received.values), received.offsets);
  for (std::size_t i = 0; i < answers.size(); ++i)
    answers[i] = back.values[static_cast<std::size_t>(order.places[i])];
  return answers;
}

}  // namespace serried
