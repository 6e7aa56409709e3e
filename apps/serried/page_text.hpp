#pragma once

#include <string>
#include <vector>

#include "serried/array/statistics.hpp"
#include "serried/base/shape.hpp"
#include "serried/io/address.hpp"
#include "serried/report/page.hpp"

namespace serried::app {

/// Eight digits. Local, as all here.
[[nodiscard]] std::string number_text(double value);
/// Least and largest number of some statistics, exact for integers.
[[nodiscard]] std::string min_text(DType dtype, const Statistics& statistics);
[[nodiscard]] std::string max_text(DType dtype, const Statistics& statistics);
/// "128 × 89 × 180"; "one number" for no axes.
[[nodiscard]] std::string extents_text(const Shape& shape);
/// An address without the folders of its file.
[[nodiscard]] std::string short_address(const Address& address);
/// "run.h5:/u and run.h5:/v", or "5 datasets" where they are many.
[[nodiscard]] std::string names_text(const std::vector<Address>& addresses);
/// "12.3 %".
[[nodiscard]] std::string share_text(std::int64_t part, std::int64_t whole);

/// Bars between edges; where there are very many, those beside each other are shown as one.
[[nodiscard]] PageChart histogram_chart(const std::vector<double>& edges,
                                        const std::vector<double>& values, const std::string& title,
                                        const std::string& axis, const std::string& values_title);

/// Limits of the pictures of a page: `pictures` of them take no more than a page can hold.
[[nodiscard]] PlaneLimits page_limits(std::size_t pictures);

}  // namespace serried::app
