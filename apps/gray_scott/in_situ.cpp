#include "in_situ.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "serried/array/memory_rows.hpp"
#include "serried/array/statistics.hpp"
#include "serried/io/text_file.hpp"
#include "serried/ml/kmeans.hpp"

namespace gray_scott {
namespace {

// The digits that give the same bits back; JSON has no NaN.
std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}
std::string number(std::int64_t value) {
  return std::to_string(value);
}

template <class Values>
std::string list(const Values& values) {
  std::string text = "[";
  for (const auto& value : values) text += (text.size() == 1 ? "" : ", ") + number(value);
  return text + "]";
}

std::string to_json(const serried::Statistics& s) {
  return "{\"count\": " + number(s.count) + ", \"nan_count\": " + number(s.nan_count) +
         ", \"min\": " + number(s.min) + ", \"max\": " + number(s.max) +
         ", \"mean\": " + number(s.mean) + ", \"variance\": " + number(s.variance) +
         ", \"std\": " + number(s.std) + ", \"skewness\": " + number(s.skewness) +
         ", \"kurtosis\": " + number(s.kurtosis) +
         ", \"histogram\": {\"edges\": " + list(s.histogram->edges) +
         ", \"counts\": " + list(s.histogram->counts) + "}}";
}

std::string to_json(const serried::KMeansModel& model) {
  std::string centers;
  for (std::int64_t cluster = 0; cluster < model.clusters; ++cluster)
    centers += (cluster == 0 ? "" : ", ") +
               list(std::span(model.centers)
                        .subspan(static_cast<std::size_t>(cluster * model.features),
                                 static_cast<std::size_t>(model.features)));
  return "{\"rows\": " + number(model.rows) + ", \"features\": " + number(model.features) +
         ", \"clusters\": " + number(model.clusters) + ", \"inertia\": " + number(model.inertia) +
         ", \"iterations\": " + number(model.iterations) +
         ", \"converged\": " + (model.converged ? "true" : "false") +
         ", \"sizes\": " + list(model.sizes) + ", \"centers\": [" + centers + "]}";
}

}  // namespace

InSitu::InSitu(const serried::Context& ctx, const Options& options)
    : ctx_(ctx), options_(options) {}

void InSitu::analyse(const Simulation& simulation) {
  using serried::MemoryField;
  using serried::MemoryRowAxes;
  using serried::MemoryRows;
  const auto begin = std::chrono::steady_clock::now();
  const serried::Shape shape = local_shape(options_.parameters, simulation.local_planes());
  // The ghost planes lie before and after: a field is one run of memory.
  const std::array<MemoryField, 2> fields{MemoryField{.data = simulation.u()},
                                          MemoryField{.data = simulation.v()}};
  const auto statistics_of = [&](const MemoryField& field, const char* name) {
    const MemoryRows rows =
        MemoryRows::wrap(ctx_, {&field, 1}, serried::DType::f64, shape).named(name);
    return to_json(serried::compute_statistics(ctx_, rows, {.bins = options_.bins}).front());
  };
  const std::string u = statistics_of(fields[0], "u");
  const std::string v = statistics_of(fields[1], "v");
  const MemoryRows cells =
      MemoryRows::wrap(ctx_, fields, serried::DType::f64, shape, MemoryRowAxes::all)
          .named("the cells' (u, v)");
  const serried::KMeansFit fit = serried::fit_kmeans(ctx_, cells, {.clusters = options_.clusters});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  const std::int64_t step = simulation.steps_done();
  results_.push_back("{\"step\": " + number(step) +
                     ", \"time\": " + number(static_cast<double>(step) * options_.parameters.dt) +
                     ",\n  \"u\": " + u + ",\n  \"v\": " + v + ",\n  \"kmeans\": " +
                     to_json(fit.model) + ",\n  \"seconds\": " + number(seconds) + "}");
  std::string text = "[";
  for (const std::string& result : results_) text += (text.size() == 1 ? "" : ",\n ") + result;
  const std::string path = series_path(options_.output, "_in_situ.json");
  serried::write_text_file(ctx_, path, text + "]\n");
  if (ctx_.rank() == 0)
    std::printf("step %lld: analysed in %.3f s: %s\n", static_cast<long long>(step), seconds,
                path.c_str());
}

}  // namespace gray_scott
