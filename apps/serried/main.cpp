// serried VERB ...: parse, call, print. The command line is read alike on every rank before MPI is
// needed.
#include <fcntl.h>
#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "command_line.hpp"
#include "console.hpp"
#include "serried/base/build_info.hpp"
#include "serried/base/faults.hpp"
#include "serried/base/signals.hpp"
#include "serried/base/stopped.hpp"
#include "serried/comm/device_choice.hpp"
#include "serried/comm/launcher.hpp"
#include "serried/io/hdf5_library.hpp"
#include "serried/report/run_report.hpp"
#include "session.hpp"

namespace serried::app {
namespace {

/// How long a rank that failed waits for the others to fail too before it ends the job.
constexpr double failure_deadline_s = 10;

/// A file that is opened while 0, 1 or 2 is closed would take that number, and what is printed
/// would go into it. Standard output that was closed cannot be written, and that is an error.
void open_standard_streams() {
  for (int number = 0; number <= 2; ++number)
    if (fcntl(number, F_GETFD) == -1 && errno == EBADF)
      static_cast<void>(open("/dev/null", number == 2 ? O_WRONLY : O_RDONLY));
}

bool has_checkpoint(const CommandLine& line) {
  const auto* const kmeans = std::get_if<KMeansCommand>(&line.verb);
  return kmeans != nullptr && !kmeans->checkpoint.path.empty();
}

/// USR1 asks for a checkpoint; what writes none goes on.
void take_signals(const CommandLine* line) {
  const bool is_told = line != nullptr && !has_checkpoint(*line) && !line->common.is_quiet &&
                       launched_rank().value_or(0) == 0;
  watch_signals([is_told, has_told = false]() mutable {
    if (is_told && !std::exchange(has_told, true))
      write_error("serried: USR1 is ignored: it stops 'kmeans --checkpoint FILE' only\n");
  });
}

/// Prints a text that was asked for, or what is wrong. Returns the exit code.
int put(const TextOnly& text) {
  if (text.exit_code != 0) {
    write_error(text.text, Tone::failure);
    return text.exit_code;
  }
  errno = 0;
  if (std::fputs(text.text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return 0;
  write_error(fmt::format("serried: standard output cannot be written: {}\n", std::strerror(errno)),
              Tone::failure);
  return exit_code(ErrorKind::io);
}

/// Prints once for all ranks and gives all of them the same exit code. Without a launcher MPI is
/// not started.
int print_text(const TextOnly& text) {
  if (!is_launched()) return put(text);
  const Runtime runtime({.threads = 1});
  const int code = runtime.communicator().rank() == 0 ? put(text) : 0;
  return runtime.communicator().broadcast(code, 0);
}

int print_version() {
  const Runtime runtime({.threads = 1});
  const BuildInfo build = build_info();
  const TextOnly text{
      .exit_code = 0,
      .text = fmt::format("serried {} ({})\n{}\n{}\n{}\n", build.version, build.commit,
                          build.configuration, runtime.mpi_library(), hdf5_library())};
  const int code = runtime.communicator().rank() == 0 ? put(text) : 0;
  return runtime.communicator().broadcast(code, 0);
}

/// A wrong SERRIED_FAULT is told before anything is done, once for all ranks.
std::optional<TextOnly> check_faults() {
  try {
    faults::read_environment();
    return std::nullopt;
  } catch (const InvalidArgument& error) {
    // All ranks have the same text; starting MPI to tell it must not meet it again.
    faults::set_plan({});
    return TextOnly{.exit_code = exit_code(error.kind()),
                    .text = fmt::format("serried: {}\n", error.what())};
  }
}

DeviceChoice take_device(const Runtime& runtime, const CommandLine& line) {
  const DeviceRequest request = line.common.device == "cuda"   ? DeviceRequest::cuda
                                : line.common.device == "host" ? DeviceRequest::host
                                                               : DeviceRequest::automatic;
  DeviceChoice choice =
      choose_device(runtime, {.request = request, .share_gpu = line.common.share_gpu});
  std::string text;
  for (const std::string& sentence : choice.explanation)
    text += (text.empty() ? "" : "; ") + sentence;
  if (request != DeviceRequest::host) runtime.recorder()->set_fact("device", text);
  return choice;
}

/// The host for memory and small work, and the device that was chosen.
Context make_context(const Runtime& runtime, const CommandLine& line) {
  const DeviceChoice choice = take_device(runtime, line);
  const ContextOptions options{.io_mode = line.common.io_mode,
                               .memory_bytes = runtime.memory_bytes(),
                               .device_sharers = choice.ranks_on_device};
  return Context(runtime.communicator(), choice.host, runtime.recorder(), options)
      .with_device(choice.backend);
}

void run_verb(const Runtime& runtime, const CommandLine& line) {
  Console console(runtime.recorder(), {.is_printing = runtime.communicator().rank() == 0,
                                       .is_quiet = line.common.is_quiet,
                                       .progress = line.common.progress});
  OutputSet outputs;
  ExtraOutputs extras(line.common, outputs);
  const Session session{.runtime = runtime,
                        .ctx = make_context(runtime, line),
                        .line = line,
                        .console = console,
                        .extras = extras,
                        .outputs = outputs};
  struct Call {
    const Session& session;
    void operator()(const InfoCommand& command) const { run_info(session, command); }
    void operator()(const StatsCommand& command) const { run_stats(session, command); }
    void operator()(const HistogramCommand& command) const { run_histogram(session, command); }
    void operator()(const ReduceCommand& command) const { run_reduce(session, command); }
    void operator()(const EvalCommand& command) const { run_eval(session, command); }
    void operator()(const SliceCommand& command) const { run_slice(session, command); }
    void operator()(const TakeCommand& command) const { run_take(session, command); }
    void operator()(const GlmCommand& command) const { run_glm(session, command); }
    void operator()(const LinearCommand& command) const { run_linear(session, command); }
    void operator()(const SoftmaxCommand& command) const { run_softmax(session, command); }
    void operator()(const SortCommand& command) const { run_sort(session, command); }
    void operator()(const UniqueCommand& command) const { run_unique(session, command); }
    void operator()(const KMeansCommand& command) const { run_kmeans(session, command); }
    void operator()(const PredictCommand& command) const { run_predict(session, command); }
  };
  std::visit(Call{session}, line.verb);
  extras.write(session);
  outputs.publish(session.ctx);
  if (!line.common.has_report) return;
  const RunReport report = collect_run_report(runtime, session.ctx);
  console.clear_line();
  if (session.ctx.rank() == 0) write_error(to_text(report));
}

struct Failure {
  int exit_code = 1;
  std::string text;
};

std::optional<Failure> try_verb(const Runtime& runtime, const CommandLine& line) {
  try {
    run_verb(runtime, line);
    return std::nullopt;
  } catch (const Stopped& stop) {
    return Failure{.exit_code = stopped_exit_code, .text = stop.what()};
  } catch (const Error& error) {
    return Failure{.exit_code = exit_code(error.kind()), .text = error.what()};
  } catch (const std::bad_alloc&) {
    return Failure{.exit_code = 1, .text = "out of memory"};
  } catch (const std::exception& error) {
    return Failure{.exit_code = 1, .text = error.what()};
  }
}

/// All ranks meet here, failed or not. A failure that the others do not share would leave them
/// waiting in some collective call: then this rank speaks for itself and ends the job.
/// @return the exit code, the same on every rank.
int finish(const Communicator& control, const std::optional<Failure>& failure) {
  // The watchdog has spoken, and is about to end this process.
  while (has_verdict()) std::this_thread::sleep_for(std::chrono::seconds(1));
  // {exit code, rank that speaks}: the highest code and the lowest failed rank, by one maximum
  // each.
  std::array<std::int64_t, 2> votes = {failure ? failure->exit_code : 0,
                                       failure ? control.size() - control.rank() : 0};
  auto vote = control.iallreduce(std::span<std::int64_t>(votes), ReduceOp::max);
  const auto start = std::chrono::steady_clock::now();
  while (failure && !vote.is_complete()) {
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
    if (waited.count() > failure_deadline_s) {
      write_error(fmt::format("serried: rank {}: {}\n", control.rank(), failure->text),
                  Tone::failure);
      abort_job(failure->exit_code);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  vote.wait();
  if (votes[1] == control.size() - control.rank() && failure) {
    const bool is_shared = control.rank() == 0;
    write_error(is_shared ? fmt::format("serried: {}\n", failure->text)
                          : fmt::format("serried: rank {}: {}\n", control.rank(), failure->text),
                Tone::failure);
  }
  control.barrier();
  return static_cast<int>(votes[0]);
}

int run(const CommandLine& line) {
  WatchdogOptions watchdog =
      line.common.watchdog ? *line.common.watchdog : WatchdogOptions::from_environment();
  std::atomic<int> rank{0};
  watchdog.handler = [&rank](const WatchdogVerdict& verdict) {
    end_on_verdict(verdict, "serried", rank.load());
  };
  const Runtime runtime(
      {.threads = line.common.threads, .memory = line.common.memory, .watchdog = watchdog});
  silence_hdf5();
  rank.store(runtime.communicator().rank());
  runtime.recorder()->set_fact("memory",
                               fmt::format("{:.4g} MiB for each rank ({})",
                                           static_cast<double>(runtime.memory_bytes()) / (1 << 20),
                                           runtime.memory_source()));
  const Communicator control = runtime.communicator().duplicate();
  const std::optional<Failure> failure = try_verb(runtime, line);
  try {
    return finish(control, failure);
  } catch (const Error&) {
    while (has_verdict()) std::this_thread::sleep_for(std::chrono::seconds(1));
    throw;
  }
}

}  // namespace
}  // namespace serried::app

int main(int argc, char** argv) {
  serried::block_signals();
  using namespace serried::app;
  open_standard_streams();
  try {
    const auto parsed = parse_command_line(argc, argv);
    take_signals(std::get_if<CommandLine>(&parsed));
    if (const auto* text = std::get_if<TextOnly>(&parsed)) return print_text(*text);
    if (std::holds_alternative<VersionRequest>(parsed)) return print_version();
    if (const auto wrong = check_faults()) return print_text(*wrong);
    return run(std::get<CommandLine>(parsed));
  } catch (const serried::Error& error) {
    write_error(fmt::format("serried: {}\n", error.what()), Tone::failure);
    serried::abort_job(serried::exit_code(error.kind()));
  } catch (const std::exception& error) {
    write_error(fmt::format("serried: {}\n", error.what()), Tone::failure);
    serried::abort_job(1);
  }
}
