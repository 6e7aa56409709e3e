#include "io/hdf5/collective.hpp"

#include "io/hdf5/errors.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried::hdf5 {

void agree_on_status(const Communicator& comm, std::int64_t status, const std::string& what,
                     faults::Kind kind, CallSite site) {
  agree(
      comm,
      [&] {
        if (status < 0) throw IoError(what + ": " + error_cause());
        if (faults::is_due(kind)) throw IoError(what + ": " + faults::cause(kind));
      },
      site);
}

}  // namespace serried::hdf5
