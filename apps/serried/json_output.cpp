#include "json_output.hpp"

#include <cmath>
#include <functional>
#include <type_traits>

#include "json_numbers.hpp"

namespace serried::app {
namespace {

Json shape_json(const Shape& shape) {
  Json list = Json::array();
  for (const std::int64_t extent : shape.extents()) list.push_back(extent);
  return list;
}

/// Extrema of integers are integers, exact also beyond 2^53.
Json extremum(DType dtype, const Statistics& s, double value, std::int64_t integer,
              Numbers& numbers) {
  if (s.count == 0 || is_floating(dtype)) return numbers(value);
  if (dtype == DType::u64) return static_cast<std::uint64_t>(integer);
  return integer;
}

Json histogram_json(const std::optional<Histogram>& histogram) {
  if (!histogram) return nullptr;
  return {{"edges", histogram->edges}, {"counts", histogram->counts}};
}

Json stats_json(const StatsResult& result) {
  Numbers numbers;
  const auto values = [&](const std::function<Json(const Statistics&)>& field) {
    if (!result.is_by_column) return field(result.statistics.front());
    Json list = Json::array();
    for (const Statistics& s : result.statistics) list.push_back(field(s));
    return list;
  };
  Json json;
  json["address"] = result.address;
  json["shape"] = shape_json(result.shape);
  json["dtype"] = name(result.dtype);
  json["count"] = values([](const Statistics& s) { return Json(s.count); });
  json["nan_count"] = values([](const Statistics& s) { return Json(s.nan_count); });
  json["min"] = values([&](const Statistics& s) {
    return extremum(result.dtype, s, s.min, s.min_integer, numbers);
  });
  json["max"] = values([&](const Statistics& s) {
    return extremum(result.dtype, s, s.max, s.max_integer, numbers);
  });
  json["mean"] = values([&](const Statistics& s) { return numbers(s.mean); });
  json["variance"] = values([&](const Statistics& s) { return numbers(s.variance); });
  json["std"] = values([&](const Statistics& s) { return numbers(s.std); });
  json["skewness"] = values([&](const Statistics& s) { return numbers(s.skewness); });
  json["kurtosis"] = values([&](const Statistics& s) { return numbers(s.kurtosis); });
  if (!result.q.empty()) {
    Json found = Json::array();
    for (std::size_t i = 0; i < result.q.size(); ++i) {
      Json list = Json::array();
      for (std::size_t c = 0; c < result.statistics.size(); ++c)
        list.push_back(numbers(result.quantile(i, c)));
      found.push_back(result.is_by_column ? list : list.front());
    }
    json["quantiles"] = {{"q", result.q}, {"values", std::move(found)}};
  }
  if (!result.where.empty()) json["where"] = result.where;
  json["nonfinite_count"] = numbers.nonfinite();
  json["histogram"] = values([](const Statistics& s) { return histogram_json(s.histogram); });
  json["file_type"] = result.file_type;
  if (result.is_by_column) json["column_shape"] = shape_json(result.column_shape);
  return json;
}

template <class T>
Json number_json(T value, Numbers& numbers) {
  if constexpr (std::is_same_v<T, Half>)
    return numbers(to_float(value));
  else if constexpr (std::is_floating_point_v<T>)
    return numbers(value);
  else if constexpr (std::is_integral_v<T>)
    return value;
  else
    return {{"re", numbers(value.real())}, {"im", numbers(value.imag())}};
}

/// Lists in lists, in C order.
template <class T>
Json nested_json(const Shape& shape, int axis, const T*& next, Numbers& numbers) {
  if (axis == shape.dimensions()) return number_json(*next++, numbers);
  Json list = Json::array();
  for (std::int64_t i = 0; i < shape[axis]; ++i)
    list.push_back(nested_json(shape, axis + 1, next, numbers));
  return list;
}

Json array_json(const Array& array, Numbers& numbers) {
  return visit_numeric(array.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* next = array.local<T>().data();
    return nested_json(array.shape(), 0, next, numbers);
  });
}

/// null for centres that are wider than memory.
Json centers_json(const KMeansModel& model, Numbers& numbers) {
  if (static_cast<std::int64_t>(model.centers.size()) != model.clusters * model.features)
    return nullptr;
  Json rows = Json::array();
  for (std::int64_t c = 0; c < model.clusters; ++c) {
    Json row = Json::array();
    for (std::int64_t f = 0; f < model.features; ++f)
      row.push_back(numbers(model.centers[static_cast<std::size_t>(c * model.features + f)]));
    rows.push_back(std::move(row));
  }
  return rows;
}

Json object_json(const ObjectInfo& object) {
  Json json;
  json["path"] = object.path;
  const bool is_link = !object.link.empty();
  const bool is_named_type = object.type == "named type";
  json["kind"] = is_link ? "link" : is_named_type ? "type" : object.is_group ? "group" : "dataset";
  if (is_link) {
    json["link"] = object.link;
    return json;
  }
  if (!object.is_group && !is_named_type) {
    json["type"] = object.type;
    json["shape"] = shape_json(object.shape);
    json["chunks"] = object.chunks.empty() ? Json(nullptr) : Json(object.chunks);
    json["filters"] = object.filters;
    json["stored_bytes"] = object.stored_bytes;
  }
  Json attributes = Json::array();
  for (const AttributeInfo& attribute : object.attributes)
    attributes.push_back(
        {{"name", attribute.name}, {"type", attribute.type}, {"value", attribute.value}});
  json["attributes"] = std::move(attributes);
  return json;
}

}  // namespace

std::string to_json(const std::vector<FileInfo>& files, const Seconds& seconds) {
  Json json;
  json["verb"] = "info";
  json["files"] = Json::array();
  for (const FileInfo& file : files) {
    Json objects = Json::array();
    for (const ObjectInfo& object : file.objects) objects.push_back(object_json(object));
    json["files"].push_back(
        {{"path", file.path}, {"bytes", file.bytes}, {"objects", std::move(objects)}});
  }
  return finished(json, seconds);
}

std::string to_json(const ProgramInfo& info, const Seconds& seconds) {
  Json json;
  json["verb"] = "info";
  json["files"] = Json::array();
  json["version"] = info.version;
  json["commit"] = info.commit;
  json["configuration"] = info.configuration;
  json["mpi_library"] = info.mpi_library;
  json["hdf5_library"] = info.hdf5_library;
  json["device"] = info.device;
  if (info.cuda) {
    Json gpus = Json::array();
    for (const CudaDeviceInfo& gpu : info.cuda->devices)
      gpus.push_back({{"ordinal", gpu.ordinal},
                      {"name", gpu.name},
                      {"architecture", gpu.architecture},
                      {"memory_bytes", gpu.memory_bytes},
                      {"uuid", gpu.uuid},
                      {"pci", gpu.bus},
                      {"numa_node", gpu.numa_node}});
    json["cuda"] = {{"driver", info.cuda->driver},
                    {"runtime", info.cuda->runtime},
                    {"nccl", info.nccl},
                    {"gpus", std::move(gpus)}};
  }
  json["ranks"] = Json::array();
  for (const RankReport& rank : info.ranks)
    json["ranks"].push_back({{"host", rank.host},
                             {"cores", rank.cores},
                             {"threads", rank.threads},
                             {"threads_source", rank.threads_source},
                             {"instruction_level", rank.instruction_level},
                             {"device", rank.device}});
  return finished(json, seconds);
}

std::string to_json(const std::vector<StatsResult>& results, const Seconds& seconds) {
  Json json;
  json["verb"] = "stats";
  json["datasets"] = Json::array();
  for (const StatsResult& result : results) json["datasets"].push_back(stats_json(result));
  return finished(json, seconds);
}

std::string to_json(const HistogramResult& result, const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "histogram";
  json["addresses"] = Json::array();
  for (const Address& address : result.addresses) json["addresses"].push_back(address.text);
  json["weights"] = result.weights ? Json(result.weights->text) : Json(nullptr);
  json["shape"] = shape_json(result.shape);
  json["dtype"] = name(result.dtype);
  json["bins"] = shape_json(result.table.shape);
  json["edges"] = result.table.edges;
  const std::int64_t* count = result.table.counts.data();
  const double* sum = result.table.sums.data();
  json["counts"] =
      result.weights ? Json(nullptr) : nested_json(result.table.shape, 0, count, numbers);
  json["sums"] = result.weights ? nested_json(result.table.shape, 0, sum, numbers) : Json(nullptr);
  json["outside"] = result.weights ? Json(nullptr) : Json(result.outside);
  return finished(json, seconds);
}

std::string to_json(const std::vector<ReduceResult>& results, const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "reduce";
  for (const char* key : {"results", "shapes", "dtypes"}) json[key] = Json::object();
  for (const ReduceResult& result : results) {
    json["results"][result.text] = array_json(result.value, numbers);
    json["shapes"][result.text] = shape_json(result.value.shape());
    json["dtypes"][result.text] = name(result.value.dtype());
  }
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_json(const std::vector<EvalResult>& results, const Seconds& seconds) {
  Json json;
  json["verb"] = "eval";
  const auto tell = [](Json& to, const EvalResult& result) {
    to["expression"] = result.text;
    to["path"] = result.output.path;
    to["object"] = result.output.object;
    to["shape"] = shape_json(result.shape);
    to["dtype"] = name(result.dtype);
  };
  if (results.size() == 1) {
    tell(json, results.front());
  } else {
    json["results"] = Json::array();
    for (const EvalResult& result : results) tell(json["results"].emplace_back(), result);
  }
  return finished(json, seconds);
}

std::string to_json(const SelectResult& result, const Seconds& seconds) {
  Json json;
  json["verb"] = result.verb;
  json["address"] = result.address;
  json["selection"] = result.selection;
  json["path"] = result.output.path;
  json["object"] = result.output.object;
  json["source_shape"] = shape_json(result.source_shape);
  json["shape"] = shape_json(result.shape);
  json["dtype"] = name(result.dtype);
  return finished(json, seconds);
}

std::string to_json(const SortResult& result, const Seconds& seconds) {
  Json json;
  json["verb"] = "sort";
  json["address"] = result.address;
  json["path"] = result.output.path;
  json["object"] = result.output.object;
  json["indices"] = result.indices
                        ? Json{{"path", result.indices->path}, {"object", result.indices->object}}
                        : Json(nullptr);
  json["shape"] = shape_json(result.shape);
  json["dtype"] = name(result.dtype);
  json["axis"] = result.axis;
  json["descending"] = result.is_descending;
  return finished(json, seconds);
}

std::string to_json(const UniqueResult& result, const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "unique";
  json["address"] = result.address;
  json["shape"] = shape_json(result.shape);
  json["dtype"] = name(result.dtype);
  json["unique_count"] = result.total;
  json["values"] = array_json(result.values, numbers);
  if (result.counts) json["counts"] = array_json(*result.counts, numbers);
  if (result.output) {
    json["path"] = result.output->path;
    json["object"] = result.output->object;
  }
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_json(const KMeansModel& model, const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "kmeans";
  json["rows"] = model.rows;
  json["rows_used"] = model.rows_used;
  json["features"] = model.features;
  json["clusters"] = model.clusters;
  json["inertia"] = numbers(model.inertia);
  json["iterations"] = model.iterations;
  json["converged"] = model.converged;
  json["sizes"] = model.sizes;
  json["centers"] = centers_json(model, numbers);
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_json(const KMeansRange& range, const Seconds& seconds) {
  Numbers numbers;
  const auto score = [&](const std::optional<double>& value) {
    return value ? numbers(*value) : Json(nullptr);
  };
  const KMeansRange::Entry& chosen = range.chosen();
  Json json;
  json["verb"] = "kmeans";
  json["rows"] = chosen.model.rows;
  json["rows_used"] = chosen.model.rows_used;
  json["features"] = chosen.model.features;
  json["silhouette_rows"] = chosen.scores.silhouette_rows;
  json["best_clusters"] = range.best ? Json(chosen.model.clusters) : Json(nullptr);
  json["fits"] = Json::array();
  for (const KMeansRange::Entry& entry : range.fits) {
    Json fit;
    fit["clusters"] = entry.model.clusters;
    fit["inertia"] = numbers(entry.model.inertia);
    fit["iterations"] = entry.model.iterations;
    fit["converged"] = entry.model.converged;
    fit["silhouette"] = score(entry.scores.silhouette);
    fit["davies_bouldin"] = score(entry.scores.davies_bouldin);
    fit["calinski_harabasz"] = score(entry.scores.calinski_harabasz);
    fit["sizes"] = entry.model.sizes;
    json["fits"].push_back(std::move(fit));
  }
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_json(const KMeansModel& model, const KMeansPredictionSummary& prediction,
                    const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "predict";
  json["rows"] = prediction.rows;
  json["rows_used"] = prediction.rows_used;
  json["features"] = model.features;
  json["clusters"] = model.clusters;
  json["inertia"] = numbers(prediction.inertia);
  json["sizes"] = prediction.sizes;
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

}  // namespace serried::app
