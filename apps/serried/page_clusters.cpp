#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "page_output.hpp"
#include "page_text.hpp"
#include "serried/ml/cluster_scores.hpp"
#include "serried/report/picture.hpp"

namespace serried::app {
namespace {

using Cell = PageTable::Cell;

constexpr std::size_t most_named = 16;       // addresses whose names are looked up
constexpr std::int64_t most_clusters = 100;  // rows of a table
constexpr std::int64_t most_lines = 21;      // centres in one chart
constexpr std::int64_t most_maps = 12;       // centres as maps
constexpr std::int64_t most_features = 8;    // columns of a table
constexpr std::int64_t least_series = 5;     // features that are a line
constexpr std::int64_t least_map = 4;        // extents of a centre that is a map
constexpr std::int64_t line_values = 500;

/// The axes whose indices are the samples, in their order, from 0.
std::vector<int> sample_axes_of(const SampleAxes& samples, int dimensions) {
  std::vector<int> axes;
  if (samples.kind == SampleAxes::Kind::all)
    for (int axis = 0; axis < dimensions; ++axis) axes.push_back(axis);
  else
    for (const int axis : samples.axes) axes.push_back(axis < 0 ? axis + dimensions : axis);
  return axes;
}

std::string singular_or_plural(std::int64_t count, const std::string& word) {
  return fmt::format("{} {}{}", grouped_digits(count), word, count == 1 ? "" : "s");
}

std::vector<double> shares_of(const std::vector<std::int64_t>& sizes) {
  double all = 0;
  for (const std::int64_t size : sizes) all += static_cast<double>(size);
  std::vector<double> shares;
  for (const std::int64_t size : sizes)
    shares.push_back(all > 0 ? static_cast<double>(size) / all : 0);
  return shares;
}

/// Every how-many-th of `count` places a line shows.
std::int64_t line_step(std::int64_t count) {
  return std::max<std::int64_t>(1, (count + line_values - 1) / line_values);
}

}  // namespace

struct ClusterPage::Impl {
  const Session& session;
  const std::vector<Address>& addresses;
  const Dataset& dataset;
  Shape grid;
  Shape features;
  std::vector<Field> fields;          ///< of the first addresses
  std::vector<int> sample_axes;       ///< of the first field
  std::vector<FieldAxis> grid_axes;   ///< one for each sample axis
  std::vector<FieldAxis> other_axes;  ///< one for each feature axis of one address
  std::vector<LabelPicks> picks;      ///< for the page, and for the picture, in this order
  std::vector<PickingSink> sinks;

  [[nodiscard]] bool has_map() const { return LabelPicks::has_plane(grid); }

  void open_fields() {
    for (std::size_t i = 0; i < std::min(most_named, addresses.size()); ++i)
      fields.push_back(open_field(session.ctx, addresses[i], session.common().untrusted));
  }

  void sort_axes(const SampleAxes& samples) {
    const Field& first = fields.front();
    const int dimensions = first.data.shape().dimensions();
    sample_axes = sample_axes_of(samples, dimensions);
    for (const int axis : sample_axes)
      grid_axes.push_back(first.axes[static_cast<std::size_t>(axis)]);
    for (int axis = 0; axis < dimensions; ++axis)
      if (std::ranges::find(sample_axes, axis) == sample_axes.end())
        other_axes.push_back(first.axes[static_cast<std::size_t>(axis)]);
  }

  [[nodiscard]] std::string what() const { return texts_of(addresses); }

  Page& begin(const std::string& title, const std::string& lead, std::int64_t rows_left_out) {
    std::string text = lead;
    if (rows_left_out > 0)
      text += fmt::format(" {} left out: NaN or Inf.", singular_or_plural(rows_left_out, "sample") +
                                                           (rows_left_out == 1 ? " is" : " are"));
    Page& page = session.extras.begin_page(session, title, text);
    page.add_heading("Result");
    return page;
  }

  void add_maps(Page& page, std::int64_t clusters, const std::vector<std::int64_t>& sizes) {
    if (!has_map()) return;
    const Plane labels = picks.front().gather(session.ctx, grid_axes, clusters);
    page.begin_row();
    page.add_plane(labels, "Which sample is in which cluster", shares_of(sizes));
    const auto last = sample_axes.size() - 1;
    page.add_plane(read_plane(session.ctx, fields.front(),
                              {.vertical = sample_axes[last - 1], .horizontal = sample_axes[last]},
                              page_limits(2)));
    page.end_row();
  }

  void set_picture(std::int64_t clusters) {
    if (!session.extras.has_picture()) return;
    Plane plane = picks.back().gather(session.ctx, grid_axes, clusters);
    plane.title = "Clusters of " + fields.front().title;
    for (std::size_t i = 1; i < std::min<std::size_t>(4, fields.size()); ++i)
      plane.title += ", " + fields[i].title;
    if (session.ctx.rank() == 0) session.extras.set_picture(picture_png(plane));
  }

  /// What a feature is called.
  [[nodiscard]] std::string feature_name(std::int64_t feature) const {
    const auto at = static_cast<std::size_t>(feature);
    const std::int64_t count = dataset.row_elements();
    const auto many = static_cast<std::int64_t>(addresses.size());
    if (count == many && at < fields.size()) return with_units(fields[at].title, fields[at].units);
    if (many == 1 && other_axes.size() == 1 && !other_axes[0].places.empty())
      return fmt::format("{} {:.6g}", other_axes[0].title, other_axes[0].places[at]);
    return fmt::format("feature {}", feature);
  }

  void add_table(Page& page, const KMeansModel& model, const std::vector<std::int64_t>& sizes,
                 std::int64_t rows_used) const {
    // centres that are wider than memory come with their first features alone
    const std::int64_t known =
        static_cast<std::int64_t>(model.centers.size()) / std::max<std::int64_t>(1, model.clusters);
    const bool is_listed = model.features <= most_features && known == model.features;
    const std::int64_t columns = is_listed ? known : 0;
    PageTable table{.header = {"cluster", "size", "share"}};
    std::vector<std::pair<double, double>> ranges;
    for (std::int64_t f = 0; f < columns; ++f) {
      table.header.push_back(feature_name(f));
      double low = std::numeric_limits<double>::infinity();
      double high = -low;
      for (std::int64_t c = 0; c < model.clusters; ++c) {
        const double value = model.centers[static_cast<std::size_t>(c * known + f)];
        low = std::min(low, value);
        high = std::max(high, value);
      }
      ranges.emplace_back(std::min(0., low), std::max(0., high));
    }
    const std::vector<double> shares = shares_of(sizes);
    for (std::int64_t c = 0; c < std::min(model.clusters, most_clusters); ++c) {
      const auto at = static_cast<std::size_t>(c);
      std::vector<Cell> row = {{.text = fmt::format("{}", c), .label_color = c},
                               {grouped_digits(sizes[at])},
                               {.text = share_text(sizes[at], rows_used), .bar = shares[at]}};
      for (std::int64_t f = 0; f < columns; ++f) {
        const double value = model.centers[static_cast<std::size_t>(c * known + f)];
        const auto [low, high] = ranges[static_cast<std::size_t>(f)];
        row.push_back({.text = fmt::format("{:.6g}", value),
                       .bar = low < high ? (value - low) / (high - low) : 0.});
      }
      table.rows.push_back(std::move(row));
    }
    page.add_table(table, columns > 0 ? "Clusters and their centres" : "Clusters");
    if (model.clusters > most_clusters)
      page.add_paragraph(fmt::format("{} more clusters are not shown; --json has them all.",
                                     model.clusters - most_clusters));
  }

  /// Centres as lines where the features of an address are a series, beside the inertia by
  /// iteration; as maps where the features are a plane.
  void add_centers(Page& page, const KMeansModel& model) const {
    page.begin_row();
    if (other_axes.size() == 1) add_each(page, model);
    add_iterations(page, model);
    page.end_row();
    if (other_axes.size() == 2) add_each(page, model);
  }

  void add_each(Page& page, const KMeansModel& model) const {
    if (static_cast<std::int64_t>(model.centers.size()) != model.clusters * model.features) return;
    const std::int64_t parts = features.dimensions() > static_cast<int>(other_axes.size())
                                   ? static_cast<std::int64_t>(addresses.size())
                                   : 1;
    const auto own = static_cast<std::int64_t>(model.features / parts);
    if (addresses.size() != static_cast<std::size_t>(parts)) return;
    for (std::int64_t part = 0; part < std::min<std::int64_t>(parts, 4); ++part) {
      const Field& field = fields[static_cast<std::size_t>(part)];
      if (other_axes.size() == 1 && own >= least_series)
        add_lines(page, model, field, part * own, own);
      else if (other_axes.size() == 2)
        add_center_maps(page, model, field, part * own);
    }
  }

  void add_lines(Page& page, const KMeansModel& model, const Field& field, std::int64_t first,
                 std::int64_t count) const {
    const FieldAxis& axis = other_axes.front();
    const std::int64_t step = line_step(count);
    constexpr std::size_t most_letters = 28;  // beside a chart
    const std::string what = with_units(field.title, field.units);
    PageChart chart{.title = "Centres of the clusters", .note = what};
    chart.vertical_title = what.size() <= most_letters ? what : field.units;
    for (std::int64_t c = 0; c < std::min(model.clusters, most_lines); ++c) {
      const auto begin = static_cast<std::size_t>(c * model.features + first);
      const Plane line = plane_of_row(
          std::span<const double>(model.centers).subspan(begin, static_cast<std::size_t>(count)),
          Shape{count}, {axis}, {.cells = line_values, .side = line_values});
      chart.horizontal = line.horizontal;
      chart.series.push_back({.name = fmt::format("{}", c), .values = line.values, .color = c});
    }
    if (step > 1) chart.note += fmt::format("; one in {} values is shown", step);
    if (model.clusters > most_lines)
      chart.note += fmt::format("; the first {} of {} clusters", most_lines, model.clusters);
    page.add_chart(chart);
  }

  void add_center_maps(Page& page, const KMeansModel& model, const Field& field,
                       std::int64_t first) const {
    const int offset = features.dimensions() - 2;
    const Shape shape = features.slice(offset, offset + 2);
    if (shape[0] < least_map || shape[1] < least_map) return;
    const std::int64_t shown = std::min(model.clusters, most_maps);
    page.begin_row();
    for (std::int64_t c = 0; c < shown; ++c) {
      Plane plane = plane_of_row(std::span<const double>(model.centers)
                                     .subspan(static_cast<std::size_t>(c * model.features + first),
                                              static_cast<std::size_t>(shape.elements())),
                                 shape, other_axes, {.cells = 240000 / shown, .side = 600});
      plane.title =
          fmt::format("Centre of cluster {}: {}", c, with_units(field.title, field.units));
      page.add_plane(plane);
    }
    page.end_row();
    if (model.clusters > shown)
      page.add_paragraph(
          fmt::format("Centres of {} more clusters are not shown.", model.clusters - shown));
  }

  static void add_iterations(Page& page, const KMeansModel& model) {
    const auto& inertia = model.inertia_by_iteration;
    if (inertia.empty()) return;
    const auto count = static_cast<std::int64_t>(inertia.size());
    const std::int64_t step = line_step(count);
    const std::int64_t first = model.iterations - count + 1;
    PageChart chart{.title = "Inertia by iteration",
                    .vertical_title = "sum of squared distances",
                    .series = {{.name = "inertia"}},
                    .has_points = count <= 40};
    if (first > 1) chart.note = fmt::format("from iteration {} on", first);
    chart.horizontal.title = "iteration";
    chart.horizontal.are_indices = true;
    for (std::int64_t i = 0; i < count; i += step) {
      chart.horizontal.places.push_back(static_cast<double>(first + i));
      chart.series.front().values.push_back(inertia[static_cast<std::size_t>(i)]);
    }
    page.add_chart(chart);
  }

  void add_data(Page& page, const std::vector<std::pair<std::string, std::string>>& more) const {
    page.add_heading("The data");
    std::string shapes;
    for (const Field& field : fields) {
      const std::string text = extents_text(field.data.shape());
      if (shapes.find(text) == std::string::npos) shapes += (shapes.empty() ? "" : "; ") + text;
    }
    std::string axes;
    for (const FieldAxis& axis : grid_axes)
      axes += (axes.empty() ? "" : ", ") + with_units(axis.title, axis.units);
    std::string others;
    for (const FieldAxis& axis : other_axes)
      others += (others.empty() ? "" : ", ") + with_units(axis.title, axis.units);
    std::string names;
    for (const Field& field : fields)
      names += (names.empty() ? "" : "; ") + with_units(field.title, field.units);
    std::vector<std::pair<std::string, std::string>> facts = {
        {"datasets", what()},
        {"what they hold", names},
        {"shape", shapes},
        {"samples lie on", fmt::format("{}: {}", axes, extents_text(grid))},
        {"features of a sample",
         others.empty() ? fmt::format("{}, one of each dataset", dataset.row_elements())
                        : fmt::format("{}, along {}", dataset.row_elements(), others)}};
    facts.insert(facts.end(), more.begin(), more.end());
    page.add_facts(facts);
  }
};

ClusterPage::ClusterPage(const Session& session, const std::vector<Address>& addresses,
                         const SampleAxes& samples, const Dataset& dataset,
                         const std::vector<std::string>& inputs,
                         const std::vector<std::string>& others)
    : impl_(std::make_unique<Impl>(Impl{.session = session,
                                        .addresses = addresses,
                                        .dataset = dataset,
                                        .grid = dataset.sample_shape(),
                                        .features = dataset.feature_shape()})) {
  session.extras.claim(session.ctx, inputs, others);
  if (is_empty()) return;
  if (session.extras.has_picture() && !impl_->has_map())
    throw InvalidArgument(
        fmt::format("--picture: there is no map of these labels: samples of shape {} do not lie on "
                    "a grid of two axes (--sample-axes names the axes of the samples)",
                    impl_->grid.to_string()));
  const auto phase = session.ctx.recorder().phase("report");
  impl_->open_fields();
  impl_->sort_axes(samples);
  if (!impl_->has_map()) return;
  if (session.extras.has_page()) impl_->picks.emplace_back(impl_->grid, page_limits(2));
  if (session.extras.has_picture()) impl_->picks.emplace_back(impl_->grid);
}

ClusterPage::~ClusterPage() = default;

bool ClusterPage::is_empty() const {
  return !impl_->session.extras.has_page() && !impl_->session.extras.has_picture();
}

void ClusterPage::take(const Array& labels) {
  if (impl_->picks.empty()) return;
  const Array here = labels.to_host();
  for (LabelPicks& picks : impl_->picks) picks.take(here.local_rows(), here.local<std::int32_t>());
}

RowSink* ClusterPage::through(RowSink* next) {
  impl_->sinks.reserve(impl_->picks.size());
  for (LabelPicks& picks : impl_->picks) next = &impl_->sinks.emplace_back(picks, next);
  return next;
}

FitFacts ClusterPage::measure(const TileSource& data, const KMeansFit& fit,
                              const KMeansOptions& options) const {
  FitFacts facts;
  if (!impl_->session.extras.has_page()) return facts;
  // a sample whose distances take a blink, and whose rows fit beside everything else
  constexpr double most_products = 5e8;
  constexpr std::int64_t most_bytes = std::int64_t{8} << 20;
  constexpr std::int64_t most_rows = 2000;
  constexpr std::int64_t least_rows = 50;
  const std::int64_t features = std::max<std::int64_t>(1, data.row_elements());
  const auto rows =
      std::min({most_rows, fit.model.rows_used,
                static_cast<std::int64_t>(std::sqrt(most_products / static_cast<double>(features))),
                most_bytes / (features * static_cast<std::int64_t>(sizeof(double)))});
  if (fit.model.clusters < 2) {
    facts.silhouette_note = "none for one cluster";
  } else if (rows < std::min(least_rows, fit.model.rows_used)) {
    facts.silhouette_note = "not computed: samples are too wide to be compared quickly";
  } else {
    facts.silhouette_rows = rows;
    facts.silhouette = mean_silhouette(impl_->session.ctx, data, fit.labels,
                                       {.silhouette_sample = rows, .seed = options.seed});
    if (!facts.silhouette) facts.silhouette_note = "none: the sample lies in one cluster";
  }
  return facts;
}

namespace {

std::string silhouette_text(const FitFacts& facts) {
  if (!facts.silhouette) return facts.silhouette_note;
  return fmt::format(
      "{:.3f} (mean of {} samples; from -1 to 1, high where clusters are compact and "
      "apart)",
      *facts.silhouette, grouped_digits(facts.silhouette_rows));
}

std::string iterations_text(const KMeansModel& model, bool is_batch) {
  return fmt::format("{} {}{}", model.iterations, is_batch ? "batches" : "iterations",
                     model.converged ? "" : ", not converged (--max-iterations)");
}

std::string init_name(KMeansInit init) {
  switch (init) {
    case KMeansInit::kmeans_parallel:
      return "k-means||";
    case KMeansInit::kmeans_plus_plus:
      return "k-means++";
    case KMeansInit::random:
      return "random samples";
    case KMeansInit::given:
      break;
  }
  return "given centres";
}

std::vector<std::pair<std::string, std::string>> option_facts(const KMeansCommand& command) {
  const KMeansOptions& options = command.options;
  std::vector<std::pair<std::string, std::string>> facts = {
      {"first centres",
       command.given_centers ? command.given_centers->text : init_name(options.init)},
      {"fits from different seeds", fmt::format("{}", options.n_init)},
      {"seed", fmt::format("{}", options.seed)}};
  if (options.batch_rows > 0)
    facts.emplace_back("mini-batches of", singular_or_plural(options.batch_rows, "sample"));
  else
    facts.emplace_back("tolerance", fmt::format("{:g}", options.tolerance));
  if (command.weights) facts.emplace_back("weights", command.weights->text);
  facts.emplace_back("samples with NaN or Inf",
                     options.drop_missing ? "left out, label -1" : "an error");
  return facts;
}

std::string lead_of(std::int64_t clusters, std::int64_t rows, std::int64_t features,
                    const std::string& what) {
  return fmt::format("{} of {} with {} each: {}.", singular_or_plural(clusters, "cluster"),
                     singular_or_plural(rows, "sample"), singular_or_plural(features, "feature"),
                     what);
}

PageChart score_chart(const KMeansRange& range, const std::string& title, const std::string& note,
                      double (*score)(const KMeansRange::Entry&)) {
  PageChart chart{.title = title, .note = note, .vertical_title = title, .has_points = true};
  chart.horizontal.title = "clusters";
  PageChart::Series series{.name = title};
  for (const KMeansRange::Entry& entry : range.fits) {
    chart.horizontal.places.push_back(static_cast<double>(entry.model.clusters));
    series.values.push_back(score(entry));
  }
  chart.series.push_back(std::move(series));
  return chart;
}

double value_or_nan(const std::optional<double>& value) {
  return value.value_or(std::numeric_limits<double>::quiet_NaN());
}

PageTable score_table(const KMeansRange& range) {
  const auto text = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.6g}", *value) : std::string("\u2013");
  };
  PageTable table{.header = {"clusters", "inertia", "iterations", "silhouette", "Davies-Bouldin",
                             "Calinski-Harabasz"}};
  for (std::size_t i = 0; i < range.fits.size(); ++i) {
    const auto& [model, scores] = range.fits[i];
    table.rows.push_back(
        {{fmt::format("{}{}", model.clusters, range.best == i ? " (best)" : "")},
         {number_text(model.inertia)},
         {fmt::format("{}{}", model.iterations, model.converged ? "" : ", not converged")},
         {.text = text(scores.silhouette), .bar = std::max(0., scores.silhouette.value_or(0.))},
         {text(scores.davies_bouldin)},
         {text(scores.calinski_harabasz)}});
  }
  return table;
}

}  // namespace

void ClusterPage::fill(const KMeansCommand& command, const KMeansModel& model,
                       const FitFacts& facts) {
  if (is_empty()) return;
  impl_->session.extras.keep_run(impl_->session);
  const auto phase = impl_->session.ctx.recorder().phase("report");
  impl_->session.extras.set_seed(fmt::format("{}", command.options.seed));
  impl_->set_picture(model.clusters);
  if (!impl_->session.extras.has_page()) return;
  Page& page = impl_->begin(
      "serried kmeans",
      lead_of(model.clusters, model.rows, model.features, names_text(impl_->addresses)),
      model.rows - model.rows_used);
  page.add_facts({{"inertia", fmt::format("{:.10g}", model.inertia)},
                  {"fit", iterations_text(model, command.options.batch_rows > 0)},
                  {"silhouette", silhouette_text(facts)}});
  impl_->add_maps(page, model.clusters, model.sizes);
  impl_->add_table(page, model, model.sizes, model.rows_used);
  impl_->add_centers(page, model);
  impl_->add_data(page, option_facts(command));
}

void ClusterPage::fill(const KMeansCommand& command, const KMeansRange& range) {
  if (is_empty()) return;
  impl_->session.extras.keep_run(impl_->session);
  const auto phase = impl_->session.ctx.recorder().phase("report");
  const KMeansModel& model = range.chosen().model;
  impl_->session.extras.set_seed(fmt::format("{}", command.options.seed));
  impl_->set_picture(model.clusters);
  if (!impl_->session.extras.has_page()) return;
  const KMeansModel& last = range.fits.back().model;
  Page& page = impl_->begin(
      "serried kmeans",
      fmt::format("{} to {} clusters of {} with {} each: {}.", range.fits.front().model.clusters,
                  last.clusters, singular_or_plural(model.rows, "sample"),
                  singular_or_plural(model.features, "feature"), names_text(impl_->addresses)),
      model.rows - model.rows_used);
  const std::int64_t drawn = range.chosen().scores.silhouette_rows;
  page.add_paragraph(
      range.best ? fmt::format("Best by the silhouette of {} {}: {}, shown below.",
                               drawn == model.rows_used ? "all" : "a draw of",
                               singular_or_plural(drawn, "sample"),
                               singular_or_plural(model.clusters, "cluster"))
                 : fmt::format("No fit has a silhouette; {} clusters are shown.", model.clusters));
  page.begin_row();
  page.add_chart(
      score_chart(range, "silhouette", "high where clusters are compact and apart",
                  [](const auto& entry) { return value_or_nan(entry.scores.silhouette); }));
  page.add_chart(score_chart(range, "inertia", "falls with every cluster; look for a bend",
                             [](const auto& entry) { return entry.model.inertia; }));
  page.add_chart(
      score_chart(range, "Davies-Bouldin", "low where clusters are compact and apart",
                  [](const auto& entry) { return value_or_nan(entry.scores.davies_bouldin); }));
  page.add_chart(
      score_chart(range, "Calinski-Harabasz", "high where clusters are compact and apart",
                  [](const auto& entry) { return value_or_nan(entry.scores.calinski_harabasz); }));
  page.end_row();
  page.add_table(score_table(range));
  page.add_heading(fmt::format("The fit with {} clusters", model.clusters));
  impl_->add_maps(page, model.clusters, model.sizes);
  impl_->add_table(page, model, model.sizes, model.rows_used);
  impl_->add_centers(page, model);
  impl_->add_data(page, option_facts(command));
}

void ClusterPage::fill(const PredictCommand& command, const KMeansModel& model,
                       const KMeansPredictionSummary& prediction) {
  if (is_empty()) return;
  impl_->session.extras.keep_run(impl_->session);
  const auto phase = impl_->session.ctx.recorder().phase("report");
  impl_->set_picture(model.clusters);
  if (!impl_->session.extras.has_page()) return;
  Page& page = impl_->begin(
      "serried predict",
      fmt::format("{} assigned to the {} of {}: {}.", singular_or_plural(prediction.rows, "sample"),
                  singular_or_plural(model.clusters, "cluster"), command.model_path,
                  names_text(impl_->addresses)),
      prediction.rows - prediction.rows_used);
  page.add_facts({{"inertia", fmt::format("{:.10g}", prediction.inertia)}});
  impl_->add_maps(page, model.clusters, prediction.sizes);
  impl_->add_table(page, model, prediction.sizes, prediction.rows_used);
  impl_->add_centers(page, model);
  impl_->add_data(page, {{"model", command.model_path},
                         {"samples with NaN or Inf",
                          command.drop_missing ? "left out, label -1" : "an error"}});
}

}  // namespace serried::app
