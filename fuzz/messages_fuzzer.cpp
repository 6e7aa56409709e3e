// What the process says that reads files from elsewhere, as if a damaged file had spoiled its
// memory.
#include <csignal>

#include "fuzz_target.hpp"
#include "io/coordinates.hpp"
#include "io/file_listing.hpp"
#include "io/guard/conversation.hpp"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(fuzz::text_of(data, size));
  attempt([&] { static_cast<void>(DatasetMeta::from_bytes(bytes)); });
  attempt([&] { static_cast<void>(parse_listing("file.h5", bytes)); });
  attempt([&] {
    WireReader wire(bytes);
    static_cast<void>(get_coordinates(wire));
  });
  for (const int status : {0, 3 << 8, SIGSEGV, SIGKILL, SIGXCPU, SIGTERM}) {
    guard::Conversation conversation(guard::Task{});
    static_cast<void>(conversation.hear(bytes.substr(0, size / 2)));
    conversation.hear_text(bytes);
    static_cast<void>(conversation.hear(bytes.substr(size / 2)));
    fuzz::require(!conversation.is_too_long(), "too long");
    attempt([&] { static_cast<void>(conversation.conclude(status)); });
  }
  return 0;
}
