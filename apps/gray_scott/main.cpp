// A small simulation that stands for any MPI program: it starts MPI itself, works on a communicator
// of its own, and hands its memory and that communicator to Serried, which writes the snapshots and
// analyses the fields while they are in memory.
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "in_situ.hpp"
#include "options.hpp"
#include "serried/array/array.hpp"
#include "serried/base/error.hpp"
#include "serried/base/signals.hpp"
#include "serried/comm/layout.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/io/output_claim.hpp"
#include "serried/io/xdmf.hpp"
#include "simulation.hpp"

namespace gray_scott {
namespace {

constexpr std::int64_t cell_bytes = sizeof(double);

/// Whether this process speaks for the job, before MPI can tell.
bool is_first_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (const char* const rank = std::getenv(name)) return std::string(rank) == "0";
  return true;
}

void write_snapshot(const serried::Context& ctx, const Simulation& simulation,
                    const Options& options, const std::string& command_line) {
  const Parameters& p = options.parameters;
  const std::string path = snapshot_path(options.output, simulation.steps_done());
  const serried::Shape shape = local_shape(p, simulation.local_planes());
  const auto wrap = [&](const double* field) {
    return serried::Array::from_memory(ctx, field, serried::DType::f64, shape);
  };
  serried::FileWriter writer(ctx, path);
  writer.write("/fields/u", wrap(simulation.u()));
  writer.write("/fields/v", wrap(simulation.v()));
  writer.set_attribute("/", "step", simulation.steps_done());
  writer.set_attribute("/", "time", static_cast<double>(simulation.steps_done()) * p.dt);
  writer.set_attribute("/", "feed", p.feed);
  writer.set_attribute("/", "kill", p.kill);
  writer.set_attribute("/", "du", p.du);
  writer.set_attribute("/", "dv", p.dv);
  writer.set_attribute("/", "dt", p.dt);
  serried::Provenance provenance;
  provenance.command_line = command_line;
  provenance.seed = std::to_string(p.seed);
  writer.write_provenance(provenance);
  writer.commit();
  if (ctx.rank() == 0)
    std::printf("step %lld: %s\n", static_cast<long long>(simulation.steps_done()), path.c_str());
}

// What viewers open: the snapshots so far as a series in time.
void write_series(const serried::Context& ctx, const Simulation& simulation, const Options& options,
                  std::vector<serried::XdmfGrid>& series) {
  const Parameters& p = options.parameters;
  const std::string path = snapshot_path(options.output, simulation.steps_done());
  const serried::Shape shape = local_shape(p, p.cells[0]);
  series.push_back({.name = "step " + std::to_string(simulation.steps_done()),
                    .shape = shape,
                    .geometry = serried::XdmfUniform{},
                    .attributes = {},
                    .time = static_cast<double>(simulation.steps_done()) * p.dt});
  for (const char* field : {"u", "v"})
    series.back().attributes.push_back(
        {.name = field,
         .data = {.file = path, .dataset = std::string("/fields/") + field, .shape = shape}});
  serried::write_xdmf(ctx, series_path(options.output, ".xmf"), series);
}

void simulate(MPI_Comm comm, const Options& options, const std::string& command_line) {
  serried::RuntimeOptions runtime_options;
  runtime_options.fortran_communicator = MPI_Comm_c2f(comm);
  const serried::Runtime runtime(runtime_options);
  const serried::Context ctx(runtime);
  if (ctx.rank() == 0)
    runtime.recorder()->set_sink([](serried::Severity severity, const std::string& text) {
      if (severity == serried::Severity::warning)
        std::fprintf(stderr, "gray_scott: %s\n", text.c_str());
    });

  // Cut where Serried's tiles are cut: then a snapshot is written from this program's own memory.
  const Parameters& p = options.parameters;
  const serried::Layout layout = serried::Layout::uniform(p.cells[0], ctx.size());
  std::vector<serried::RowRange> rows;
  for (int rank = 0; rank < ctx.size(); ++rank) rows.push_back(layout.rows_of(rank));

  // Before the work: the folder can be written to, and no other run writes these files.
  const serried::OutputClaim claim(ctx, snapshot_path(options.output, options.steps),
                                   2 * p.cells[0] * p.cells[1] * p.cells[2] * cell_bytes);
  Simulation simulation(comm, p, std::move(rows));
  InSitu in_situ(ctx, options);
  std::vector<serried::XdmfGrid> series;
  while (true) {
    const std::int64_t step = simulation.steps_done();
    const bool is_last = step == options.steps;
    const auto is_due = [&](std::int64_t every) {
      return every > 0 && (is_last || (step > 0 && step % every == 0));
    };
    const bool is_snapshot = is_last || is_due(options.every);
    if ((is_snapshot || is_due(options.in_situ)) && !simulation.is_finite())
      throw serried::NumericError("the simulation has diverged by step " + std::to_string(step) +
                                  ": choose a smaller --dt");
    if (is_due(options.in_situ)) in_situ.analyse(simulation);
    if (is_snapshot) {
      write_snapshot(ctx, simulation, options, command_line);
      write_series(ctx, simulation, options, series);
    }
    if (is_last) break;
    simulation.step();
  }
}

int run(MPI_Comm comm, int argc, char** argv) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  const ParsedOptions parsed = parse_options(argc, argv, rank == 0);
  if (!parsed.options) return parsed.exit_code;
  std::string command_line = argv[0];
  for (int i = 1; i < argc; ++i) command_line += std::string(" ") + argv[i];
  try {
    simulate(comm, *parsed.options, command_line);
    return 0;
  } catch (const serried::Error& error) {
    // Serried throws the same error on every rank.
    if (rank == 0) std::fprintf(stderr, "gray_scott: %s\n", error.what());
    return serried::exit_code(error.kind());
  }
}

}  // namespace
}  // namespace gray_scott

int main(int argc, char** argv) {
  serried::block_signals();
  // It writes no checkpoints: USR1, which asks for one, must not end it.
  serried::watch_signals([has_told = false]() mutable {
    if (!std::exchange(has_told, true) && gray_scott::is_first_rank())
      std::fputs("gray_scott: USR1 is ignored: there are no checkpoints\n", stderr);
  });
  MPI_Init(&argc, &argv);
  int code = 1;
  try {
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    code = gray_scott::run(comm, argc, argv);
    MPI_Comm_free(&comm);
  } catch (const std::exception& error) {
    // This rank alone: the others may wait for it.
    std::fprintf(stderr, "gray_scott: %s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return code;
}
