#include "comm/mpi_version.hpp"

#include <array>

#include "comm/mpi_support.hpp"

namespace serried::comm {
namespace {

/// The first run of digits and dots (and what follows it without a space or comma) after `name`.
std::string version_after(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return {};
  const auto first = text.find_first_of("0123456789", at + name.size());
  if (first == std::string_view::npos) return {};
  const auto last = text.find_first_of(" ,\t\n;", first);
  return std::string(text.substr(first, last == std::string_view::npos ? last : last - first));
}

}  // namespace

std::string short_mpi_version(std::string_view text) {
  struct Known {
    std::string_view mark;
    std::string_view name;
  };
  // Cray's text holds "MPICH" too, hence the order.
  constexpr Known libraries[] = {{"Open MPI v", "Open MPI "},
                                 {"CRAY MPICH version", "Cray MPICH "},
                                 {"Intel(R) MPI Library", "Intel MPI "},
                                 {"MVAPICH2 Version", "MVAPICH2 "},
                                 {"MVAPICH Version", "MVAPICH "},
                                 {"MPICH Version", "MPICH "}};
  for (const Known& library : libraries)
    if (const std::string version = version_after(text, library.mark); !version.empty())
      return std::string(library.name) + version;
  return std::string(text.substr(0, text.find_first_of("\n\r\0")));
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING + 1> text{};
  int length = 0;
  check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  return short_mpi_version({text.data(), static_cast<std::size_t>(length)});
}

}  // namespace serried::comm
