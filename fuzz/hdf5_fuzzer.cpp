// Damaged HDF5 files: what the other process has read, this one reads without harm.
#include "input_file.hpp"
#include "io/file_listing.hpp"
#include "io/guard/untrusted.hpp"
#include "io/guard/value_samples.hpp"
#include "io/metadata.hpp"

namespace {

using namespace serried;

constexpr int most_datasets = 3;

bool is_number(const std::string& type) {
  return !type.empty() && std::string_view("iufb").find(type.front()) != std::string_view::npos &&
         type.size() > 1 && std::string_view("123468f").find(type[1]) != std::string_view::npos;
}

void read(const fuzz::InputFile& file, const std::string& object) {
  Address address;
  address.path = file.path();
  address.object = object;
  address.text = file.path() + ":" + object;
  DatasetOptions options;
  options.untrusted = fuzz::small_check();
  guard::Described found;
  if (!fuzz::is_accepted(file, [&] { found = guard::describe_untrusted({address}, options); }))
    return;
  const DatasetMeta meta = DatasetMeta::from_bytes(found.metadata);
  for (const PartMeta& part : meta.parts)
    for (const ItemMeta& item : part.items)
      static_cast<void>(fuzz::is_accepted(
          file, [&] { guard::read_values(item, FileCheck::Depth::full, [] {}); }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile file(fuzz::text_of(data, size));
  std::string listing;
  if (!fuzz::is_accepted(
          file, [&] { listing = guard::list_untrusted(file.path(), fuzz::small_check()); }))
    return 0;
  int datasets = 0;
  for (const ObjectInfo& object : parse_listing(file.path(), listing).objects) {
    if (object.is_group || !object.link.empty() || !is_number(object.type)) continue;
    if (++datasets > most_datasets) break;
    read(file, object.path);
  }
  return 0;
}
