#include "array/order/row_questions.hpp"

#include <algorithm>

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
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(ctx.size()) + 1);
  std::vector<std::int64_t> place_of;  // of each question among those sent
  agree(ctx.comm(), [&] {
    answers.resize(questions.size());
    sent.resize(questions.size());
    place_of.resize(questions.size());
    for (const int owner : owners) ++offsets[static_cast<std::size_t>(owner) + 1];
    for (std::size_t r = 1; r < offsets.size(); ++r) offsets[r] += offsets[r - 1];
    std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      place_of[i] = next[static_cast<std::size_t>(owners[i])]++;
      sent[static_cast<std::size_t>(place_of[i])] = questions[i];
    }
  });
  auto received = ctx.comm().alltoall(std::span<const std::uint64_t>(sent), offsets);
  answer_all(received.values);
  const auto back =
      ctx.comm().alltoall(std::span<const std::uint64_t>(received.values), received.offsets);
  for (std::size_t i = 0; i < answers.size(); ++i)
    answers[i] = back.values[static_cast<std::size_t>(place_of[i])];
  return answers;
}

}  // namespace serried
