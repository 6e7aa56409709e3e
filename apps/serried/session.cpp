#include "session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "serried/comm/agree.hpp"

namespace serried::app {
namespace {

double slowest_s(const Communicator& comm, double seconds) {
  const auto nanoseconds = static_cast<std::int64_t>(seconds * 1e9);
  return static_cast<double>(comm.allreduce(nanoseconds, ReduceOp::max)) / 1e9;
}

}  // namespace

Seconds measure_seconds(const Session& session, const std::vector<std::string>& phases) {
  const auto totals = session.ctx.recorder().phases();
  Seconds seconds;
  for (const std::string& name : phases) {
    double own_s = 0;
    for (const auto& [phase, total] : totals) {
      if (phase == name)
        own_s += name == "compute" ? std::max(0.0, total.total_s - total.file_s) : total.total_s;
      if (phase == "compute" && name == "read") own_s += std::min(total.file_s, total.total_s);
    }
    seconds.emplace_back(name, slowest_s(session.ctx.comm(), own_s));
  }
  seconds.emplace_back("total", slowest_s(session.ctx.comm(), session.ctx.recorder().now_s()));
  return seconds;
}

void print_result(const Session& session, const std::string& text) {
  session.console.clear_line();
  agree_on_root(session.ctx.comm(), 0, [&] {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
      throw IoError(std::string("standard output cannot be written: ") + std::strerror(errno));
  });
}

Dataset open_by_rows(const Session& session, const Address& address) {
  DatasetOptions options{.untrusted = session.common().untrusted};
  try {
    return Dataset::open(session.ctx, address, options);
  } catch (const InvalidArgument&) {
    // one without axes has no axis 0
    options.samples = {.kind = SampleAxes::Kind::all, .axes = {}};
    Dataset dataset = Dataset::open(session.ctx, address, options);
    if (dataset.shape().dimensions() > 0) throw;
    return dataset;
  }
}

Dataset open_matrix(const Session& session, const std::vector<Address>& addresses,
                    const SampleAxes& samples) {
  const DatasetOptions options{.samples = samples, .untrusted = session.common().untrusted};
  return addresses.size() == 1 ? Dataset::open(session.ctx, addresses.front(), options)
                               : Dataset::open(session.ctx, addresses, options);
}

std::vector<double> read_everywhere(const Context& ctx, const Dataset& dataset) {
  const Array array = dataset.to_array();
  std::vector<double> values = array.dtype() == DType::f64
                                   ? array.gather<double>(0)
                                   : array.cast(DType::f64).gather<double>(0);
  values.resize(static_cast<std::size_t>(dataset.rows() * dataset.row_elements()));
  ctx.comm().broadcast(std::span<double>(values), 0);
  return values;
}

Provenance provenance_of(const Session& session, const std::vector<std::string>& inputs,
                         const std::string& seed) {
  return {.command_line = session.line.text, .inputs = inputs, .seed = seed};
}

WriteOptions label_options(const Dataset& dataset) {
  return {.deflate = 4,
          .chunks = {},
          .chunk_bytes = std::int64_t{256} << 10,  // labels are kept until their chunk is complete
          .shape = dataset.sample_shape(),
          .attributes = {{"long_name", "number of the cluster, -1 where the sample was left out"}}};
}

std::int64_t least_bytes_of_labels(const Dataset& dataset) {
  return FileWriter::least_bytes(dataset.sample_shape(), DType::i32, label_options(dataset));
}

void write_labels(const Session& session, const OutputAddress& output, const Dataset& dataset,
                  const Array& labels, const std::vector<std::string>& inputs,
                  const std::string& seed) {
  const auto phase = session.ctx.recorder().phase("write");
  FileWriter writer(session.ctx, output.path);
  writer.write(output.object, labels, label_options(dataset));
  complete_labels(session, output, dataset, writer, inputs, seed);
}

void complete_labels(const Session& session, const OutputAddress& output, const Dataset& dataset,
                     FileWriter& writer, const std::vector<std::string>& inputs,
                     const std::string& seed) {
  writer.attach_coordinates(output.object, dataset.sample_coordinates());
  writer.write_provenance(provenance_of(session, inputs, seed));
  writer.commit();
}

std::string texts_of(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : " ") + address.text;
  return text;
}

}  // namespace serried::app
