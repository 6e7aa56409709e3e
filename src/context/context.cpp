#include "serried/context.hpp"

#include <utility>

namespace serried {

Context::Context(const Runtime& runtime, const ContextOptions& options)
    : Context(runtime.communicator(), make_host_backend(runtime.threads()), runtime.recorder(),
              options) {}

Context::Context(Communicator comm, std::shared_ptr<Backend> backend,
                 std::shared_ptr<Recorder> recorder, const ContextOptions& options)
    : comm_(std::move(comm)),
      backend_(std::move(backend)),
      recorder_(std::move(recorder)),
      options_(options) {}

}  // namespace serried
