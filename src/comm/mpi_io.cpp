#include "comm/mpi_io.hpp"

#include <malloc.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace serried::comm {
namespace {

/// A text at the begin of a field that is filled up with NULs; empty if the field is no such text.
std::string_view text_of(std::span<const char> field) {
  const auto end = std::find(field.begin(), field.end(), '\0');
  if (end == field.end()) return {};
  if (std::any_of(end, field.end(), [](char c) { return c != '\0'; })) return {};
  return {field.data(), static_cast<std::size_t>(end - field.begin())};
}

bool is_component_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// ROMIO gives every file hints of its own, whatever the user has set.
bool has_romio_hints(MPI_File file) {
  MPI_Info info = MPI_INFO_NULL;
  if (MPI_File_get_info(file, &info) != MPI_SUCCESS || info == MPI_INFO_NULL) return false;
  bool is_romio = false;
  int keys = 0;
  if (MPI_Info_get_nkeys(info, &keys) != MPI_SUCCESS) keys = 0;
  for (int i = 0; i < keys && !is_romio; ++i) {
    std::array<char, MPI_MAX_INFO_KEY + 1> key{};
    if (MPI_Info_get_nthkey(info, i, key.data()) == MPI_SUCCESS)
      is_romio = std::string_view(key.data()).starts_with("romio_");
  }
  MPI_Info_free(&info);
  return is_romio;
}

}  // namespace

// No call of Open MPI tells the component: MPI_File_get_info gives back the user's hints alone, and
// the parameter `io` what was asked for. But the object of a file begins with plain members, the
// description of its component among them: mca_base_component_2_1_0_t, with the texts "ompi" (a
// field of 16 bytes), "io" (32) and the component's name (64), and three ints after each of them.
std::string find_io_component(std::span<const char> object) {
  constexpr std::size_t numbers = 3 * sizeof(int);
  constexpr std::size_t type_at = 16 + numbers;
  constexpr std::size_t name_at = type_at + 32 + numbers;
  constexpr std::size_t size = name_at + 64;
  std::string found;
  for (std::size_t at = 0; at + size <= object.size(); at += alignof(int)) {
    if (text_of(object.subspan(at, 16)) != "ompi") continue;
    if (text_of(object.subspan(at + type_at, 32)) != "io") continue;
    const std::string_view name = text_of(object.subspan(at + name_at, 64));
    if (!is_component_name(name)) continue;
    if (!found.empty() && found != name) return {};
    found = name;
  }
  return found;
}

std::string mpi_io_driver(const void* mpi_file) {
  if (mpi_file == nullptr) return "unknown";
  MPI_File file = *static_cast<const MPI_File*>(mpi_file);
  if (file == MPI_FILE_NULL) return "unknown";
#ifdef OPEN_MPI
  // Open MPI allocates each file by itself.
  const std::size_t bytes = std::min<std::size_t>(malloc_usable_size(file), 4096);
  const std::string component = find_io_component({reinterpret_cast<const char*>(file), bytes});
  if (!component.empty()) return component;
#endif
  return has_romio_hints(file) ? "romio" : "unknown";
}

}  // namespace serried::comm
