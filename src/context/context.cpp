#include "serried/context.hpp"

#include <limits>
#include <utility>

namespace serried {

Context::Context(const Runtime& runtime, const ContextOptions& options)
    : Context(runtime.communicator(), make_host_backend(runtime.threads()), runtime.recorder(),
              options) {
  if (options.memory_bytes == 0) options_.memory_bytes = runtime.memory_bytes();
}

Context::Context(Communicator comm, std::shared_ptr<Backend> backend,
                 std::shared_ptr<Recorder> recorder, const ContextOptions& options)
    : comm_(std::move(comm)),
      backend_(std::move(backend)),
      device_(backend_),
      recorder_(std::move(recorder)),
      options_(options) {
  if (options_.memory_bytes == 0) options_.memory_bytes = std::numeric_limits<std::int64_t>::max();
}

Context Context::with_communicator(Communicator comm) const {
  Context result = *this;
  result.comm_ = std::move(comm);
  return result;
}

Context Context::with_options(const ContextOptions& options) const {
  Context result = *this;
  result.options_ = options;
  return result;
}

Context Context::with_device(std::shared_ptr<Backend> device) const {
  Context result = *this;
  result.device_ = std::move(device);
  if (const ProfilerRanges ranges = result.device_->profiler_ranges(); ranges.begin != nullptr)
    recorder_->set_profiler_ranges(ranges);
  return result;
}

}  // namespace serried
