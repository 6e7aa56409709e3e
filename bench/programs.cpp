// Speed of programs on the host, one thread, on data beyond the caches:
//   build/host/bin/bench/programs [REPETITIONS]
// Two chains against a loop that only reads, and the time that each kind of instruction takes for
// data in the first two caches; the best and the median of the repetitions.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "serried/device/backend.hpp"
#include "serried/device/program_kernels.hpp"

namespace {

using namespace serried;

int repetitions = 7;

template <class F>
std::vector<double> seconds_of(F&& work) {
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

struct Builder {
  Program program;
  std::uint16_t add(Instruction step, RegisterType type) {
    step.out = static_cast<std::uint16_t>(program.registers.size());
    program.registers.push_back(type);
    program.code.push_back(step);
    return step.out;
  }
  std::uint16_t load(RegisterType type) {
    program.inputs.push_back(dtype_of_register(type));
    return add({.op = Op::load, .index = static_cast<std::uint32_t>(program.inputs.size() - 1)},
               type);
  }
  std::uint16_t constant(double value) {
    program.constants.push_back({.type = RegisterType::f64, .real = value});
    return add(
        {.op = Op::constant, .index = static_cast<std::uint32_t>(program.constants.size() - 1)},
        RegisterType::f64);
  }
  std::uint16_t operator()(Op op, std::uint16_t a, std::uint16_t b = 0) {
    return add({.op = op, .in = {a, b}}, RegisterType::f64);
  }
};

// sqrt(a*a + b*b)*c - 0.5*a
Program norm_chain() {
  Builder b;
  const auto x = b.load(RegisterType::f64);
  const auto y = b.load(RegisterType::f64);
  const auto z = b.load(RegisterType::f64);
  const auto half = b.constant(0.5);
  const auto sum = b(Op::add, b(Op::multiply, x, x), b(Op::multiply, y, y));
  const auto product = b(Op::multiply, b(Op::square_root, sum), z);
  b.program.outputs = {{b(Op::subtract, product, b(Op::multiply, half, x)), DType::f64}};
  return b.program;
}

// exp(-0.1*x)*sin(x) + log(x)
Program wave_chain() {
  Builder b;
  const auto x = b.load(RegisterType::f64);
  const auto damping = b(Op::exp, b(Op::multiply, b.constant(-0.1), x));
  const auto wave = b(Op::multiply, damping, b(Op::sin, x));
  b.program.outputs = {{b(Op::add, wave, b(Op::log, x)), DType::f64}};
  return b.program;
}

std::size_t bytes_of(std::int64_t rows, DType dtype) {
  return static_cast<std::size_t>(rows) * size_of(dtype);
}

// Columns of numbers between 1 and 20, or of truth values.
struct Data {
  std::vector<std::vector<std::byte>> inputs;
  std::vector<ProgramSource> sources;
  std::vector<std::vector<std::byte>> outputs;
  std::vector<std::byte*> to;

  Data(const Program& program, std::int64_t rows) {
    for (const DType dtype : program.inputs) {
      std::vector<std::byte> column(bytes_of(rows, dtype));
      visit_numeric(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        auto* values = reinterpret_cast<T*>(column.data());
        for (std::int64_t i = 0; i < rows; ++i) {
          const double value = 1 + static_cast<double>(i * 7919 % 1009) / 53;
          if constexpr (std::is_same_v<T, Half>)
            values[i] = to_half(value);
          else if constexpr (std::is_same_v<T, bool>)
            values[i] = i % 3 == 0;
          else if constexpr (is_complex(dtype_of<T>))
            values[i] = {static_cast<typename T::value_type>(value), 1};
          else
            values[i] = static_cast<T>(value);
        }
      });
      inputs.push_back(std::move(column));
      sources.push_back({inputs.back().data(), {static_cast<std::int64_t>(size_of(dtype))}});
    }
    for (const ProgramOutput& output : program.outputs)
      outputs.emplace_back(bytes_of(rows, output.dtype));
    for (auto& output : outputs) to.push_back(output.data());
  }
};

void run_chain(const Backend& backend, const std::string& what, const Program& program,
               std::int64_t rows) {
  const auto compiled = backend.kernels<ProgramKernels>(DType::f64).compile(program);
  const Data data(program, rows);
  const auto seconds = seconds_of([&] {
    static_cast<void>(compiled->evaluate({.shape = {rows}}, data.sources, 0, rows, data.to));
  });
  const double gigabytes = static_cast<double>(rows) * 8e-9 *
                           static_cast<double>(program.inputs.size() + program.outputs.size());
  const double median = seconds[seconds.size() / 2];
  std::printf("%-40s %8.2f %8.2f GB/s %8.1f M elements/s\n", what.c_str(),
              gigabytes / seconds.front(), gigabytes / median,
              static_cast<double>(rows) * 1e-6 / median);
}

void run_plain_read() {
  const std::vector<double> values(std::size_t{1} << 26, 1.0);
  volatile double sink = 0;
  const auto seconds = seconds_of([&] {
    double sums[8] = {};
    for (std::size_t i = 0; i < values.size(); i += 8)
      for (std::size_t j = 0; j < 8; ++j) sums[j] += values[i + j];
    sink = sums[0] + sums[7];
  });
  const double gigabytes = static_cast<double>(values.size()) * 8e-9;
  std::printf("%-40s %8.2f %8.2f GB/s\n", "plain read", gigabytes / seconds.front(),
              gigabytes / seconds[seconds.size() / 2]);
}

void run_small(const Backend& backend) {
  const Program program = norm_chain();
  const auto& kernels = backend.kernels<ProgramKernels>(DType::f64);
  constexpr int calls = 1000;
  auto seconds = seconds_of([&] {
    for (int i = 0; i < calls; ++i) static_cast<void>(kernels.compile(program));
  });
  std::printf("%-40s %8.2f us\n", "compile the first chain", seconds.front() / calls * 1e6);
  const auto compiled = kernels.compile(program);
  for (const std::int64_t rows : {1, 100, 1000}) {
    const Data data(program, rows);
    seconds = seconds_of([&] {
      for (int i = 0; i < calls; ++i)
        static_cast<void>(compiled->evaluate({.shape = {rows}}, data.sources, 0, rows, data.to));
    });
    std::printf("%-40s %8.2f us\n",
                ("evaluate it for " + std::to_string(rows) + " elements").c_str(),
                seconds.front() / calls * 1e6);
  }
}

// ns for each element of one instruction, for each type that it takes.
void run_instructions(const Backend& backend) {
  constexpr std::int64_t rows = 8192;
  std::printf("\n%-16s", "ns/element");
  for (int t = 0; t < register_types; ++t)
    std::printf("%8s", std::string(name(dtype_of_register(static_cast<RegisterType>(t)))).c_str());
  std::printf("\n");
  for (int o = 0; o < ops; ++o) {
    const auto op = static_cast<Op>(o);
    const OpInfo& row = info(op);
    if (row.operands == 0 || op == Op::convert || op == Op::wrap) continue;
    std::printf("%-16s", std::string(row.name).c_str());
    for (int t = 0; t < register_types; ++t) {
      const auto type = static_cast<RegisterType>(t);
      if ((row.types >> t & 1) == 0) {
        std::printf("%8s", "");
        continue;
      }
      Builder b;
      Instruction step{.op = op};
      for (int i = 0; i < row.operands; ++i) {
        RegisterType operand = type;
        if (op == Op::select && i == 0) operand = RegisterType::b8;
        if (op == Op::load_exponent && i == 1) operand = RegisterType::i32;
        step.in[static_cast<std::size_t>(i)] = b.load(operand);
      }
      RegisterType out = type;
      if (row.result == OpInfo::Result::truth) out = RegisterType::b8;
      if (row.result == OpInfo::Result::part)
        out = type == RegisterType::c64 ? RegisterType::f32 : RegisterType::f64;
      if (row.result == OpInfo::Result::whole)
        out = type == RegisterType::f32 ? RegisterType::c64 : RegisterType::c128;
      b.program.outputs = {{b.add(step, out), dtype_of_register(out)}};
      const auto compiled = backend.kernels<ProgramKernels>(DType::f64).compile(b.program);
      const Data data(b.program, rows);
      const auto seconds = seconds_of([&] {
        static_cast<void>(compiled->evaluate({.shape = {rows}}, data.sources, 0, rows, data.to));
      });
      std::printf("%8.2f", seconds.front() / rows * 1e9);
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) repetitions = std::max(1, std::atoi(argv[1]));
  const auto backend = make_host_backend(1);
  std::printf("%s\n%-40s %8s %8s\n", backend->description().c_str(), "", "best", "median");
  run_plain_read();
  // beyond the caches, and in the second one
  for (const std::int64_t rows : {std::int64_t{1} << 24, std::int64_t{1} << 15}) {
    const std::string size = ", " + std::to_string(rows * 8 >> 10) + " KiB";
    run_chain(*backend, "sqrt(a*a + b*b)*c - 0.5*a" + size, norm_chain(), rows);
    run_chain(*backend, "exp(-0.1*x)*sin(x) + log(x)" + size, wave_chain(), rows);
  }
  run_small(*backend);
  run_instructions(*backend);
  return 0;
}
