#include <cstdio>
#include <serried/serried.hpp>

using namespace serried;

int main() try {
  const Runtime runtime;
  const Context ctx(runtime);

  // a year of hourly temperatures at 300 stations: hours are rows, spread over the ranks
  const std::int64_t hours = 8760;
  const std::int64_t stations = 300;
  const Array temperature = Array::random_normal(ctx, {hours, stations}, DType::f32, 7, 283.0, 8.0);

  // slices as in Python, and rows where a condition holds: what is left stays on its ranks
  const std::vector<Slice> last_day_backwards{{.begin = -1, .end = -25, .step = -1}};
  const Array backwards = temperature.slice(last_day_backwards);
  const Array mean_of_hour = evaluate(ctx, mean(temperature, {.axes = {1}}));
  const Array warm_hours = compress(temperature, evaluate(ctx, mean_of_hour > 283.5), 0);
  const Array hot = flatnonzero(evaluate(ctx, temperature > 310.0));

  // by number, in any order, and back
  const Array order = sort(mean_of_hour).indices;
  const Array from_cold_to_warm = take(temperature, order);
  const Array as_it_was = put(temperature, order, from_cold_to_warm);

  // daily means: 24 hours become one day
  const Array days = coarsen(temperature, Coarsening::mean, {24, 1});
  // weeks as an axis of their own, without the day that is left over
  const std::vector<Slice> whole_weeks{{.end = 52 * 7}};
  const Array weeks = reshape(days.slice(whole_weeks), {52, 7, stations});
  // how much warmer each day is than the one before, with a first day of zeros
  const Array warming = pad(diff(days, 1, 0), {{1, 0}, {0, 0}});

  // stations as rows: the ranks exchange what they need, in bounded memory
  const Array by_station = transpose(temperature).with_split_axis(0);
  const Array both = concatenate({by_station, flip(by_station, {1})}, 1);

  const bool is_same = evaluate_as<bool>(ctx, all(as_it_was == temperature));
  const float last = evaluate_as<float>(ctx, mean(backwards));
  const float change = evaluate_as<float>(ctx, max(abs(warming)));
  if (ctx.rank() != 0) return 0;
  std::printf("last day %.3f, %lld warm hours, %lld hot readings\n", static_cast<double>(last),
              static_cast<long long>(warm_hours.shape()[0]),
              static_cast<long long>(hot.shape()[0]));
  std::printf("sorted and put back: %s\n", is_same ? "the same" : "not the same");
  std::printf("days %s, weeks %s, both %s\n", days.shape().to_string().c_str(),
              weeks.shape().to_string().c_str(), both.shape().to_string().c_str());
  std::printf("greatest change %.3f\n", static_cast<double>(change));
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  abort_job(1);
}
