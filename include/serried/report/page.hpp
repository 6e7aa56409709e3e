#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/report/plane.hpp"
#include "serried/report/run_report.hpp"

namespace SERRIED_API serried {

struct ObjectInfo;

/// A table of a page. Columns of numbers are aligned to the right.
struct PageTable {
  /// A number with its interval, as parts of the cell's width; `zero` where 0 lies, if it does.
  struct Interval {
    double low = 0;
    double middle = 0;
    double high = 0;
    std::optional<double> zero = std::nullopt;
  };
  struct Cell {
    std::string text;
    std::optional<double> bar = std::nullopt;                ///< 0 to 1: a bar behind the text
    std::optional<std::int64_t> label_color = std::nullopt;  ///< a patch in that cluster's colour
    std::optional<Interval> interval = std::nullopt;         ///< drawn; the text is for readers
  };
  std::vector<std::string> header;
  std::vector<std::vector<Cell>> rows;
};

/// A chart of a page: lines over places, or bars between edges.
struct PageChart {
  struct Series {
    std::string name;
    std::vector<double> values;  ///< one for each place, or for each pair of edges; NaN: a gap
    std::int64_t color = 0;      ///< that of this cluster
  };
  std::string title;
  std::string note;
  PlaneAxis horizontal;  ///< places, or edges
  std::string vertical_title;
  std::vector<Series> series;
  bool is_bars = false;  ///< one series; horizontal.places has one entry more than it
  bool is_from_zero = false;
  bool has_points = false;  ///< places stand alone, as numbers of clusters do
};

/// What a run was asked to do, and where its inputs came from.
struct PageProvenance {
  std::string command_line;
  std::string working_folder;
  std::string configuration;
  std::string hdf5_library;
  std::string seed;  ///< empty: none
  std::vector<std::string> inputs;
};

/// One HTML file with everything inside, made from the top down. All texts are plain and are
/// escaped here. Local.
class Page {
 public:
  /// `lead` is one sentence: what was done, on what.
  /// @param is_kept false: whatever is added is dropped. So ranks that write nothing can make the
  /// same calls.
  Page(std::string title, std::string lead, bool is_kept = true);

  void add_heading(const std::string& text);
  void add_paragraph(const std::string& text);
  /// Names and values, in order.
  void add_facts(const std::vector<std::pair<std::string, std::string>>& facts);
  void add_table(const PageTable& table, const std::string& caption = {});
  /// What is added until end_row stands side by side where there is room.
  void begin_row();
  void end_row();
  /// A picture of a plane with its axes, and colour bar or key; a line where it has one row.
  /// @param sizes with labels: the share of each cluster, for the key; may be empty.
  void add_plane(const Plane& plane, const std::string& title = {},
                 const std::vector<double>& sizes = {});
  void add_chart(const PageChart& chart);
  /// A text as it stands, in letters of one width, in a part that can be folded.
  void add_folded(const std::string& summary, const std::string& text, bool is_open);
  /// The groups, datasets and attributes of a file.
  void add_tree(const std::vector<ObjectInfo>& objects);

  /// The page, with the run below what was added.
  [[nodiscard]] std::string finish(const RunReport& run, const PageProvenance& provenance) const;

 private:
  std::string title_;
  std::string lead_;
  bool is_kept_;
  std::string body_;
};

/// "131 072", with narrow no-break spaces.
[[nodiscard]] std::string grouped_digits(std::int64_t number);

}  // namespace serried
