// Checkpoints from elsewhere: what the other process has read, this one reads without harm.
#include "input_file.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/device/backend.hpp"
#include "serried/io/checkpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serried;
  // As long as the process: MPI can be started once.
  static const Runtime runtime({.threads = 1});
  static const Context ctx(runtime.communicator(), make_host_backend(1), runtime.recorder());
  const fuzz::InputFile file(fuzz::text_of(data, size));
  Checkpoint checkpoint;
  if (!fuzz::is_accepted(
          file, [&] { checkpoint = load_checkpoint(ctx, file.path(), fuzz::small_check()); }))
    return 0;
  // The hash in it makes sure of every bit, so that what was accepted can be written again.
  const std::string again = file.path() + ".again";
  save_checkpoint(ctx, again, checkpoint);
  const Checkpoint second = load_checkpoint(ctx, again);
  std::filesystem::remove(again);
  fuzz::require(second.numbers.size() == checkpoint.numbers.size() &&
                    second.counts == checkpoint.counts &&
                    second.belongs_to == checkpoint.belongs_to && second.kind == checkpoint.kind,
                "a checkpoint that was accepted is another one when it is written and read again");
  return 0;
}
