#include "options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <limits>
#include <vector>

namespace gray_scott {
namespace {

// Where the number of the step stands in a pattern: `%`, digits that give its width, `d`.
struct Placeholder {
  std::size_t begin = std::string::npos;
  std::size_t end = 0;
  std::size_t width = 0;
};

Placeholder find_placeholder(const std::string& pattern) {
  const std::size_t begin = pattern.find('%');
  if (begin == std::string::npos) return {};
  const std::size_t end = pattern.find_first_not_of("0123456789", begin + 1);
  const bool is_right = end != std::string::npos && pattern[end] == 'd' && end - begin <= 3 &&
                        (end == begin + 1 || pattern[begin + 1] == '0') &&
                        pattern.find('%', end) == std::string::npos;
  if (!is_right)
    throw CLI::ValidationError("--output", "one %d or %06d may stand in the name, and no other %");
  std::size_t width = 0;
  std::from_chars(pattern.data() + begin + 1, pattern.data() + end, width);
  return {begin, end + 1, width};
}

// "run.h5" -> "run_%06d.h5"
std::string with_placeholder(const std::string& path) {
  const std::size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
  const std::size_t dot = path.rfind('.');
  std::string pattern = path;
  return pattern.insert(dot == std::string::npos || dot <= name ? path.size() : dot, "_%06d");
}

// "256" is 256 x 256; "64x128" has 64 rows; "32x64x64" has three dimensions.
void set_size(Parameters& parameters, const std::string& text) {
  std::vector<std::int64_t> extents;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool is_right = true;
  do {
    std::int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    is_right = error == std::errc() && extent >= 1 && extent <= 1'000'000 &&
               (next == end || (*next == 'x' && next + 1 != end));
    extents.push_back(extent);
    at = next == end ? end : next + 1;
  } while (is_right && at != end);
  if (!is_right || extents.size() > 3)
    throw CLI::ValidationError("--size",
                               "must be N, NxM or NxMxK, each from 1 to 1000000, not " + text);
  if (extents.size() == 1) extents.push_back(extents[0]);
  parameters.is_3d = extents.size() == 3;
  parameters.cells = {extents[0], parameters.is_3d ? extents[1] : 1, extents.back()};
  if (parameters.cells[1] * parameters.cells[2] > std::numeric_limits<int>::max())
    throw CLI::ValidationError("--size", "a plane may have 2^31 - 1 cells at most");
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv, bool is_printing) {
  Options options;
  Parameters& p = options.parameters;
  CLI::App app(
      "Gray-Scott reaction and diffusion of two substances, u and v, in a periodic box of cells.\n"
      "Writes /fields/u and /fields/v to HDF5, and an .xmf file beside them for ParaView and "
      "VisIt.");
  std::string size = "256";
  app.add_option("--size", size, "Cells: N (NxN), NxM or NxMxK")->capture_default_str();
  app.add_option("--steps", options.steps, "Steps of time")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--every", options.every, "Steps between snapshots; 0: only the last is written")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--output", options.output,
                 "File; %d or %06d is the step; a series without either: NAME_%06d.h5")
      ->capture_default_str();
  app.add_option("--in-situ", options.in_situ,
                 "Steps between analyses of the fields in memory, which NAME_in_situ.json gets:\n"
                 "statistics and histograms of u and v, k-means of the cells' (u, v); 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--clusters", options.clusters, "Clusters of the k-means of --in-situ")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--bins", options.bins, "Bins of the histograms of --in-situ")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--feed", p.feed, "Rate at which u is fed")->capture_default_str();
  app.add_option("--kill", p.kill, "Rate at which v is drained, beside the feed")
      ->capture_default_str();
  app.add_option("--du", p.du, "Diffusion of u, in cells^2 per time")->capture_default_str();
  app.add_option("--dv", p.dv, "Diffusion of v, in cells^2 per time")->capture_default_str();
  app.add_option("--dt", p.dt, "Length of a step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", p.seed, "Seed of the start")->capture_default_str();
  app.footer("Example: mpirun -n 2 gray_scott --size 256 --steps 3000 --every 1000 --output gs.h5");
  try {
    app.parse(argc, argv);
    set_size(p, size);
    const bool is_series = options.every > 0;
    if (find_placeholder(options.output).begin == std::string::npos && is_series)
      options.output = with_placeholder(options.output);
    return {options, 0};
  } catch (const CLI::Success& help) {
    return {{}, is_printing ? app.exit(help) : 0};
  } catch (const CLI::Error& error) {
    if (is_printing) std::cerr << "gray_scott: " << error.what() << " (see --help)\n";
    return {{}, 2};
  }
}

std::string snapshot_path(const std::string& pattern, std::int64_t step) {
  const Placeholder place = find_placeholder(pattern);
  if (place.begin == std::string::npos) return pattern;
  std::string number = std::to_string(step);
  if (number.size() < place.width) number.insert(0, place.width - number.size(), '0');
  return pattern.substr(0, place.begin) + number + pattern.substr(place.end);
}

std::string series_path(const std::string& pattern, const std::string& ending) {
  std::string name = pattern;
  const Placeholder place = find_placeholder(pattern);
  if (place.begin != std::string::npos) {
    const bool has_line =
        place.begin > 0 && std::string("_-.").find(name[place.begin - 1]) != std::string::npos;
    const std::size_t begin = place.begin - (has_line ? 1 : 0);
    name.erase(begin, place.end - begin);
  }
  const std::size_t file = name.rfind('/') == std::string::npos ? 0 : name.rfind('/') + 1;
  const std::size_t dot = name.rfind('.');
  if (dot != std::string::npos && dot >= file) name.erase(dot);
  return (name.size() == file ? name + "series" : name) + ending;
}

}  // namespace gray_scott
