#include "io/checkpoint_text.hpp"

#include <sys/stat.h>

#include <charconv>
#include <string_view>

#include "io/hdf5/errors.hpp"
#include "io/hdf5/open.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

/// Calls use(line) for each line; each ends with a line break.
template <class F>
void for_each_line(std::string_view text, const F& use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) throw IoError("a list in it is cut off");
    use(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}

/// What stands before the first tab, which is taken off with it.
std::string_view take_part(std::string_view& line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) throw IoError("a list in it has a line with too few parts");
  const std::string_view part = line.substr(0, tab);
  line.remove_prefix(tab + 1);
  return part;
}

}  // namespace

std::string text_of(const Checkpoint::Facts& facts) {
  std::string text;
  for (const auto& [name, value] : facts) text += name + '\t' + value + '\n';
  return text;
}

Checkpoint::Facts facts_of(const std::string& text) {
  Checkpoint::Facts facts;
  for_each_line(text, [&](std::string_view line) {
    const std::string name(take_part(line));
    facts.emplace_back(name, std::string(line));
  });
  return facts;
}

std::string text_of(const StateDirectory& directory) {
  std::string text;
  for (const StateEntry& entry : directory)
    text += std::string(1, entry.type) + '\t' + std::to_string(entry.elements) + '\t' + entry.name +
            '\n';
  return text;
}

StateDirectory directory_of(const std::string& text) {
  StateDirectory directory;
  for_each_line(text, [&](std::string_view line) {
    const std::string_view type = take_part(line);
    const std::string_view number = take_part(line);
    StateEntry entry;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), entry.elements);
    const bool is_number = read.ec == std::errc() && read.ptr == number.data() + number.size();
    const bool is_type = type == "n" || type == "c" || type == "r";
    if (!is_number || entry.elements < 0 || !is_type || line.empty() ||
        line.find_first_of("/\t") != std::string_view::npos)
      throw IoError("a line of its list of arrays is wrong");
    entry.type = type.front();
    entry.name = line;
    directory.push_back(entry);
  });
  return directory;
}

void require_elements(const std::string& path, const std::string& dataset, std::int64_t elements) {
  const hdf5::Turn turn;
  const hdf5::File file = hdf5::open_serial(path);
  const hdf5::DatasetId id(
      hdf5::checked(H5Dopen2(file.id(), dataset.c_str(), H5P_DEFAULT), dataset));
  const hdf5::Space space(hdf5::checked(H5Dget_space(id.id()), dataset));
  if (H5Sget_simple_extent_npoints(space.id()) != elements)
    throw IoError(dataset + " has not the " + std::to_string(elements) +
                  " elements that it should have");
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || elements > status.st_size / 8)
    throw IoError("the file is too small for " + dataset);
}

}  // namespace serried
