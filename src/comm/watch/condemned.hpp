#pragma once

#include "serried/comm/watchdog.hpp"

namespace serried::comm {

/// From now on this process makes no MPI call, and throw_if_condemned throws; the first verdict
/// stands. Local.
void condemn(const WatchdogVerdict& verdict) noexcept;

/// Local; one load where there is no verdict.
/// @throws RankError of kind communication with the verdict's text.
void throw_if_condemned();

[[nodiscard]] bool is_condemned() noexcept;

/// Whether a watchdog watches this process. Local.
[[nodiscard]] bool is_watched() noexcept;
void set_watched(bool is_watched) noexcept;

}  // namespace serried::comm
