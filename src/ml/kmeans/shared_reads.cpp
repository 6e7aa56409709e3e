#include "ml/kmeans/shared_reads.hpp"

#include <algorithm>

namespace serried::kmeans {
namespace {

void sort_unique(std::vector<std::int64_t>& numbers) {
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

void SharedReads::run(std::int64_t count, std::int64_t at_once,
                      const std::function<Task<>(std::int64_t)>& make) {
  std::vector<Task<>> running;
  for (std::int64_t next = 0; next < count || !running.empty();) {
    while (next < count && static_cast<std::int64_t>(running.size()) < at_once) {
      running.push_back(make(next++));
      running.back().start();
    }
    const std::size_t before = running.size();
    std::erase_if(running, [](Task<>& task) {
      if (!task.is_done()) return false;
      task.take();
      return true;
    });
    if (running.size() == before) serve();
  }
}

void SharedReads::serve() {
  Queue& queue = !visits_.empty() ? visits_ : !fetches_.empty() ? fetches_ : passes_;
  if (&queue == &passes_ && checkpoints_ != nullptr) checkpoints_->between_reads();
  const Queue served = std::exchange(queue, {});
  if (&queue == &visits_)
    serve_visits(served);
  else if (&queue == &fetches_)
    serve_fetches(served);
  else
    serve_passes(served);
  for (const Request* request : served) request->task.resume();
}

void SharedReads::serve_passes(const Queue& queue) {
  if (queue.size() == 1)
    return rows_.pass(queue.front()->name, queue.front()->work, queue.front()->totals);
  std::vector<LeafTotals*> totals;
  for (const Request* request : queue)
    totals.insert(totals.end(), request->totals.begin(), request->totals.end());
  const char* name = queue.front()->name;
  for (const Request* request : queue)
    if (std::string_view(request->name) != name) name = "several fits";
  rows_.pass(
      name,
      [&](const Unit& unit) {
        for (const Request* request : queue) request->work(unit);
      },
      totals);
}

void SharedReads::serve_visits(const Queue& queue) {
  std::vector<std::int64_t> leaves;
  for (const Request* request : queue)
    leaves.insert(leaves.end(), request->wanted.begin(), request->wanted.end());
  sort_unique(leaves);
  rows_.visit_leaves(leaves, [&](const Unit& unit) {
    for (const Request* request : queue)
      if (std::ranges::binary_search(request->wanted, unit.first_leaf)) request->work(unit);
  });
}

void SharedReads::serve_fetches(const Queue& queue) {
  std::vector<std::int64_t> numbers;
  for (const Request* request : queue)
    numbers.insert(numbers.end(), request->wanted.begin(), request->wanted.end());
  sort_unique(numbers);
  const std::vector<double> values = rows_.fetch(numbers);
  for (Request* request : queue) {
    request->values.reserve(request->wanted.size() * static_cast<std::size_t>(rows_.features()));
    for (const std::int64_t row : request->wanted) {
      const auto at = std::ranges::lower_bound(numbers, row) - numbers.begin();
      const auto begin = values.begin() + at * rows_.features();
      request->values.insert(request->values.end(), begin, begin + rows_.features());
    }
  }
}

}  // namespace serried::kmeans
