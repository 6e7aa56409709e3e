#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "command_line.hpp"

namespace serried::app {

// How the values of options are read. All throw InvalidArgument with the option's name, the value
// and what would be right.

[[nodiscard]] std::int64_t parse_count(const std::string& option, const std::string& text,
                                       std::int64_t least);
[[nodiscard]] std::uint64_t parse_seed(const std::string& option, const std::string& text);
[[nodiscard]] double parse_non_negative(const std::string& option, const std::string& text);
/// `4G`, `1.5GiB`, `500M`, `60%`: units are powers of 1024.
[[nodiscard]] MemoryLimit parse_memory(const std::string& option, const std::string& text);
/// `10`: iterations; `90s`, `15min`, `2h`: time.
void parse_every(const std::string& option, const std::string& text, CheckpointWishes& wishes);
/// `LO,HI`.
[[nodiscard]] std::pair<double, double> parse_range(const std::string& option,
                                                    const std::string& text);
/// `N` or `N,N`.
[[nodiscard]] std::vector<std::int64_t> parse_bins(const std::string& option,
                                                   const std::string& text);
/// `LO:HI` or `LO:HI,LO:HI`.
[[nodiscard]] std::vector<std::pair<double, double>> parse_ranges(const std::string& option,
                                                                  const std::string& text);
/// `0.01,0.5,0.99`: numbers in [0, 1].
[[nodiscard]] std::vector<double> parse_quantiles(const std::string& option,
                                                  const std::string& text);
/// `LO:HI` or `LO:HI:STEP`; none for one number.
[[nodiscard]] std::optional<ClusterRange> parse_cluster_range(const std::string& option,
                                                              const std::string& text);
/// `0`, `1,2` or `all`.
[[nodiscard]] SampleAxes parse_sample_axes(const std::string& option, const std::string& text);
/// `0`, `1,2` or `-1`.
[[nodiscard]] std::vector<int> parse_axes(const std::string& option, const std::string& text);
/// `-1`: one axis.
[[nodiscard]] int parse_axis(const std::string& option, const std::string& text);
/// `3,1,-1`: whole numbers.
[[nodiscard]] std::vector<std::int64_t> parse_indices(const std::string& option,
                                                      const std::string& text);
/// `OUT.h5[:/labels]`; without a dataset it is that of `object`.
[[nodiscard]] OutputAddress parse_output(const std::string& option, const std::string& text,
                                         const std::string& object = "/labels");
/// The name of an output, which must not be empty.
[[nodiscard]] std::string parse_file_name(const std::string& option, const std::string& text);
/// What `--report` was given, each time: `-` or a file, of which there can be one.
void take_reports(const std::vector<std::string>& texts, CommonOptions& common);
[[nodiscard]] std::vector<Address> parse_addresses(const std::vector<std::string>& texts);
/// How files from elsewhere are checked: `metadata` or `full`; none for an empty text.
[[nodiscard]] std::optional<FileCheck> parse_file_check(const std::string& option,
                                                        const std::string& text);
/// The k-means initialisation of that name; none if it must be an address.
[[nodiscard]] std::optional<KMeansInit> parse_init_name(const std::string& option,
                                                        const std::string& text);

}  // namespace serried::app
