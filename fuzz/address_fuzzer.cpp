// Addresses as people type them: PATH[:OBJECT][[SELECTION]]. What is accepted selects nothing
// outside of the data.
#include "fuzz_target.hpp"
#include "io/glob.hpp"
#include "io/selection.hpp"
#include "serried/base/error.hpp"
#include "serried/io/address.hpp"

namespace {

using namespace serried;

void check_selection(const Address& address, const Shape& shape) {
  std::vector<SelectedAxis> axes;
  try {
    axes = apply_selection(address.selection, shape, "data");
  } catch (const InvalidArgument&) {
    return;
  }
  fuzz::require(axes.size() == static_cast<std::size_t>(shape.dimensions()), "an axis is missing");
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const std::int64_t extent = shape[static_cast<int>(a)];
    const SelectedAxis& axis = axes[a];
    fuzz::require(axis.count >= 0 && axis.count <= extent && axis.step >= 1, "count or step");
    if (axis.count == 0) continue;
    fuzz::require(axis.start >= 0 && axis.start < extent, "start");
    fuzz::require(axis.step <= extent && axis.start + (axis.count - 1) * axis.step < extent, "end");
  }
  static_cast<void>(selected_shape(axes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Address address;
  const std::string_view text = fuzz::text_of(data, size);
  try {
    address = parse_address(text);
  } catch (const InvalidArgument&) {
    return 0;
  }
  fuzz::require(address.text == text, "the text is not kept");
  fuzz::require(!address.path.empty(), "no path");
  fuzz::require(address.object.empty() || address.object.front() == '/', "no leading /");
  fuzz::require(address.path.find('\0') == std::string::npos, "a NUL in the path");
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{5, 0, 7}, Shape{10, 20, 30, 40},
                             Shape{INT64_MAX}, Shape{1, 1, 1, 1, 1, 1, 1, 3}})
    check_selection(address, shape);
  if (address.object.size() < 200)  // fnmatch takes exponential time on long patterns of '*'
    static_cast<void>(is_name_match(address.object, "/fields/u"));
  return 0;
}
