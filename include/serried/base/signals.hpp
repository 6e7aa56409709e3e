#pragma once

#include <functional>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

// How a program takes USR1, INT and TERM. For main() only: the library installs no handler and
// starts no thread for signals by itself.

/// Blocks USR1, INT and TERM in this thread, and so in all threads that are started afterwards. To
/// be the first statement of main(), before MPI starts threads: what comes then waits for
/// watch_signals, while without it USR1 would end the process. Children that are forked get the
/// former mask back. A USR1 that the process was started with as ignored is taken again. Local.
void block_signals() noexcept;

/// Starts the thread that waits for the signals that block_signals has blocked, once in a process.
/// - USR1: is_stop_requested() is true from then on, and `on_stop_request` is called in that
///   thread, once for each USR1.
/// - INT, TERM: the files of remove_temporary_files() are removed and the process ends by the same
///   signal, so that its parent sees that (128 + its number under a shell).
/// Local. @throws Error if no thread can be started.
void watch_signals(std::function<void()> on_stop_request = {});

/// Whether USR1 has come: the process is to save its state and to end. Local; any thread.
[[nodiscard]] bool is_stop_requested() noexcept;

}  // namespace serried
