// What the process says that reads files from elsewhere, as if a damaged file had spoiled its
// memory.
#include <csignal>

#include "fuzz_target.hpp"
#include "io/coordinates.hpp"
#include "io/file_listing.hpp"
#include "io/geometry.hpp"
#include "io/guard/conversation.hpp"
#include "io/guard/description.hpp"
#include "io/metadata.hpp"
#include "io/wire.hpp"

namespace {

using namespace serried;

template <class F>
void attempt(const F& f) {
  try {
    f();
  } catch (const Error&) {
    // told, and no harm done
  }
}

/// What the ranks do with a description, as long as no file is opened.
void use_description(const std::string& bytes) {
  const guard::Described found = guard::take_description(bytes, 1, {});
  const DatasetMeta meta = DatasetMeta::from_bytes(found.metadata);
  const PartMeta& part = meta.parts.front();
  const AxisRoles roles = resolve_roles({}, part.shape, size_of(meta.dtype), part.text);
  const std::int64_t rows = extents_of(part.shape, roles.samples).elements();
  const std::int64_t columns = extents_of(part.shape, roles.features).elements();
  fuzz::require(rows * columns == part.shape.elements(), "the axes are no partition");
  for (const ItemMeta& item : part.items)
    for (std::size_t a = 0; a < item.axes.size(); ++a)
      fuzz::require(
          item.axes[a].count == 0 ||
              item.axes[a].start + (item.axes[a].count - 1) * item.axes[a].step < item.extents[a],
          "elements beyond the extent");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(fuzz::text_of(data, size));
  attempt([&] { static_cast<void>(DatasetMeta::from_bytes(bytes)); });
  attempt([&] { static_cast<void>(parse_listing("file.h5", bytes)); });
  attempt([&] {
    WireReader wire(bytes);
    static_cast<void>(get_annotations(wire));
  });
  for (const int status : {0, 3 << 8, SIGSEGV, SIGKILL, SIGXCPU, SIGTERM}) {
    guard::Conversation conversation(guard::Task{});
    static_cast<void>(conversation.hear(bytes.substr(0, size / 2)));
    conversation.hear_text(bytes);
    static_cast<void>(conversation.hear(bytes.substr(size / 2)));
    fuzz::require(!conversation.is_too_long(), "too long");
    attempt([&] { use_description(conversation.conclude(status)); });
  }
  return 0;
}
