#include "backend/host/program/compiled_program.hpp"

#include <algorithm>
#include <complex>
#include <cstring>
#include <string>

#include "backend/host/program/functions.hpp"
#include "backend/host/program/source.hpp"
#include "serried/base/error.hpp"

namespace serried::host::program {
namespace {

constexpr std::size_t lines_of(std::size_t elements, std::size_t bytes) {
  return (elements * bytes + sizeof(Line) - 1) / sizeof(Line);
}
constexpr auto granule_size = static_cast<std::size_t>(granule);
constexpr auto block_size = static_cast<std::size_t>(block_elements);

constexpr std::int64_t whole_granules(std::int64_t count) {
  return (count + granule - 1) / granule * granule;
}

void fill_granule(const void* element, std::size_t bytes, std::byte* to) {
  for (std::size_t i = 0; i < granule_size; ++i) std::memcpy(to + i * bytes, element, bytes);
}

}  // namespace

/// What a call needs beside the program; kept by each thread for its next call.
struct Workspace {
  struct Operand {
    const std::byte* data = nullptr;
    std::byte* direct = nullptr;  ///< where the value is written in an output
    std::size_t mask = ~std::size_t{0};
    bool is_uniform = false;
  };

  std::vector<Line> slots;
  std::vector<Line> uniform;  ///< a granule for each uniform value
  std::vector<Line> raw;      ///< a block as it is stored
  std::vector<Source> sources;
  std::vector<Operand> values;
  std::vector<std::byte*> outputs;
  bool can_read_directly = true;

  /// What the next block will read of an input whose elements lie one after another.
  struct Stream {
    const std::byte* data = nullptr;  ///< of the domain's first element
    std::int64_t element_bytes = 0;
  };
  std::vector<Stream> streams;
  std::int64_t elements = 0;  ///< of the domain
  std::int64_t shares = 0;    ///< steps of a block, each of which fetches a share of the next one
  std::int64_t shares_fetched = 0;

  void fetch_share(std::int64_t block);
};

// Arithmetic on a block in the first cache leaves the memory idle: so the next block is fetched
// meanwhile, a few lines at each step, because a core waits where it fetches many at once.
void Workspace::fetch_share(std::int64_t block) {
  const std::int64_t share = shares_fetched++;
  if (block >= elements) return;
  for (const Stream& stream : streams) {
    constexpr auto line_bytes = static_cast<std::int64_t>(sizeof(Line));
    const std::int64_t lines = block_elements * stream.element_bytes / line_bytes;
    const std::byte* const next = stream.data + block * stream.element_bytes;
    const std::int64_t end = lines * (share + 1) / shares;
    for (std::int64_t line = lines * share / shares; line < end; ++line)
      __builtin_prefetch(next + line * line_bytes);
  }
}

HostProgram::HostProgram(Program program) : program_(std::move(program)) {
  check(program_);
  std::vector<std::uint32_t> value_of_register(program_.registers.size(), none);
  values_.reserve(program_.code.size());
  steps_.reserve(program_.code.size());
  for (const Instruction& instruction : program_.code) make_step(instruction, value_of_register);
  for (const ProgramOutput& output : program_.outputs)
    make_output(output, value_of_register[output.from]);
  assign_slots();
}

void HostProgram::make_step(const Instruction& instruction,
                            std::vector<std::uint32_t>& value_of_register) {
  Value value;
  value.type = program_.registers[instruction.out];
  Step step{.op = instruction.op,
            .operands = static_cast<std::uint8_t>(info(instruction.op).operands),
            .index = instruction.index,
            .out = static_cast<std::uint32_t>(values_.size())};
  for (std::size_t k = 0; k < step.operands; ++k) step.in[k] = value_of_register[instruction.in[k]];
  bool is_made = false;
  if (step.op == Op::constant) {
    make_constant(program_.constants[instruction.index], value);
    is_made = true;
  } else if (step.op == Op::load) {
    step.function = find_widen(program_.inputs[instruction.index]);
  } else if (step.op != Op::position) {
    const RegisterType type = values_[step.in[step.op == Op::select ? 1 : 0]].type;
    step.function = find_function(instruction, type, value.type);
    if (step.function == nullptr)
      throw InvalidArgument("the host backend has no instruction " +
                            std::string(info(step.op).name) + " of " +
                            std::string(name(dtype_of_register(type))));
    is_made = fold_constant(step, value);
  }
  if (!is_made) {
    value.step = static_cast<std::uint32_t>(steps_.size());
    value.last_use = value.step;
    for (std::size_t k = 0; k < step.operands; ++k) values_[step.in[k]].last_use = value.step;
    steps_.push_back(step);
  }
  value_of_register[instruction.out] = step.out;
  values_.push_back(value);
}

void HostProgram::make_output(const ProgramOutput& output, std::uint32_t value) {
  outputs_.push_back({.value = value,
                      .narrow = find_narrow(output.dtype),
                      .bytes = static_cast<std::uint32_t>(size_of(output.dtype))});
  values_[value].last_use = none;
}

std::byte* HostProgram::new_constant(Value& value) {
  value.constant = static_cast<std::uint32_t>(constants_.size());
  constants_.resize(constants_.size() + lines_of(granule_size, size_of(value.type)));
  return constants_[value.constant].bytes;
}

void HostProgram::make_constant(const ProgramConstant& constant, Value& value) {
  std::byte* to = new_constant(value);
  const auto fill = [&](auto element) { fill_granule(&element, sizeof element, to); };
  switch (constant.type) {
    case RegisterType::b8:
      return fill(static_cast<std::uint8_t>(constant.integer));
    case RegisterType::i32:
      return fill(static_cast<std::int32_t>(constant.integer));
    case RegisterType::i64:
    case RegisterType::u64:
      return fill(constant.integer);
    case RegisterType::f32:
      return fill(static_cast<float>(constant.real));
    case RegisterType::f64:
      return fill(constant.real);
    case RegisterType::c64:
      return fill(std::complex<float>(static_cast<float>(constant.real),
                                      static_cast<float>(constant.imaginary)));
    case RegisterType::c128:
      return fill(std::complex<double>(constant.real, constant.imaginary));
  }
}

// A step of constants alone is carried out once and for all, unless it fails: then each call does.
bool HostProgram::fold_constant(const Step& step, Value& value) {
  for (std::size_t k = 0; k < step.operands; ++k)
    if (values_[step.in[k]].constant == none) return false;
  std::int64_t failed = no_element;
  Block block{.out = new_constant(value), .count = granule, .failed = &failed};
  for (std::size_t k = 0; k < step.operands; ++k)
    block.in[k] = constants_[values_[step.in[k]].constant].bytes;
  step.function(block);
  if (failed == no_element) return true;
  constants_.resize(value.constant);
  value.constant = none;
  return false;
}

// Values that are not alive at the same time share memory; a result may take that of an operand of
// its own width that is read for the last time.
void HostProgram::assign_slots() {
  std::vector<std::uint32_t> free[17];
  for (std::uint32_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    Value& out = values_[step.out];
    const std::size_t bytes = size_of(out.type);
    const auto release = [&](bool is_same_width) {
      for (std::size_t k = 0; k < step.operands; ++k) {
        Value& value = values_[step.in[k]];
        const std::size_t width = size_of(value.type);
        if (value.last_use != s || value.slot == none || (width == bytes) != is_same_width)
          continue;
        free[width].push_back(value.slot);
        value.last_use = none;
      }
    };
    release(true);
    if (free[bytes].empty()) {
      out.slot = static_cast<std::uint32_t>(slot_lines_);
      slot_lines_ += lines_of(block_size, bytes);
    } else {
      out.slot = free[bytes].back();
      free[bytes].pop_back();
    }
    release(false);
    if (out.last_use == s) free[bytes].push_back(out.slot);
  }
}

namespace {

struct Range {
  const std::byte* begin;
  const std::byte* end;
};

Range range_of(const Shape& shape, const ProgramSource& source, std::size_t bytes) {
  Range range{source.data, source.data + bytes};
  for (int i = 0; i < shape.dimensions(); ++i) {
    const std::int64_t reach = source.strides[static_cast<std::size_t>(i)] * (shape[i] - 1);
    (reach < 0 ? range.begin : range.end) += reach;
  }
  return range;
}

}  // namespace

void HostProgram::prepare(const ProgramDomain& domain, std::span<const ProgramSource> sources,
                          std::span<std::byte* const> outputs, std::int64_t elements,
                          Workspace& w) const {
  if (w.slots.size() < slot_lines_) w.slots.resize(slot_lines_);
  if (w.raw.empty()) w.raw.resize(lines_of(block_size, 16));
  w.sources.clear();
  bool is_in_place = false;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::size_t bytes = size_of(program_.inputs[i]);
    w.sources.emplace_back(domain.shape, sources[i], bytes);
    const Range range = range_of(domain.shape, sources[i], bytes);
    for (std::size_t o = 0; o < outputs.size(); ++o)
      is_in_place =
          is_in_place ||
          (outputs[o] < range.end &&
           outputs[o] + static_cast<std::size_t>(elements) * outputs_[o].bytes > range.begin);
  }
  w.streams.clear();
  for (std::size_t i = 0; i < w.sources.size(); ++i)
    if (w.sources[i].is_contiguous())
      w.streams.push_back(
          {w.sources[i].at(0), static_cast<std::int64_t>(size_of(program_.inputs[i]))});
  w.elements = domain.shape.elements();
  w.outputs.assign(outputs.begin(), outputs.end());
  w.values.assign(values_.size(), {});
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (values_[i].constant != none)
      w.values[i] = {.data = constants_[values_[i].constant].bytes, .mask = 0, .is_uniform = true};
  // Where an output replaces an input, the input is read before anything is written: by the last
  // step itself, or into memory of our own.
  w.can_read_directly = !is_in_place || outputs.size() == 1;
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    const Output& output = outputs_[o];
    const std::uint32_t step = values_[output.value].step;
    if (output.narrow != nullptr || step == none || steps_[step].op == Op::load) continue;
    if (is_in_place && (outputs.size() > 1 || step + 1 != steps_.size())) continue;
    w.values[output.value].direct = outputs[o];
  }
}

// What is the same for all elements is made once in a call. Returns whether a step has failed.
bool HostProgram::make_uniform_values(Workspace& w) const {
  const auto is_uniform = [&](const Step& step) {
    if (step.op == Op::position) return false;
    if (step.op == Op::load) return w.sources[step.index].is_uniform();
    for (std::size_t k = 0; k < step.operands; ++k)
      if (!w.values[step.in[k]].is_uniform) return false;
    return true;
  };
  std::size_t lines = 0;
  for (const Step& step : steps_) {
    if (!is_uniform(step)) continue;
    w.values[step.out].is_uniform = true;
    lines += lines_of(granule_size, size_of(values_[step.out].type));
  }
  if (lines == 0) return false;
  if (w.uniform.size() < lines) w.uniform.resize(lines);
  std::int64_t failed = no_element;
  std::size_t line = 0;
  for (const Step& step : steps_) {
    Workspace::Operand& out = w.values[step.out];
    if (!out.is_uniform) continue;
    Block block{.out = w.uniform[line].bytes, .count = granule, .failed = &failed};
    line += lines_of(granule_size, size_of(values_[step.out].type));
    if (step.op == Op::load) {
      std::byte* to = step.function == nullptr ? block.out : w.raw.front().bytes;
      fill_granule(w.sources[step.index].at(0), size_of(program_.inputs[step.index]), to);
      block.in[0] = to;
    } else {
      for (std::size_t k = 0; k < step.operands; ++k) block.in[k] = w.values[step.in[k]].data;
    }
    if (step.function != nullptr) step.function(block);
    out = {.data = block.out, .mask = 0, .is_uniform = true};
  }
  return failed != no_element;
}

void HostProgram::load_block(const Step& step, std::int64_t begin, std::int64_t count,
                             Workspace& w) const {
  const Source& source = w.sources[step.index];
  std::byte* slot = w.slots[values_[step.out].slot].bytes;
  const std::int64_t padded = whole_granules(count);
  const bool is_whole = source.is_contiguous() && count == padded;
  const std::byte* from = nullptr;
  if (is_whole && (step.function != nullptr || w.can_read_directly)) {
    from = source.at(begin);
  } else {
    const std::size_t bytes = size_of(program_.inputs[step.index]);
    std::byte* to = step.function == nullptr ? slot : w.raw.front().bytes;
    source.gather(begin, count, to);
    std::memset(to + static_cast<std::size_t>(count) * bytes, 0,
                static_cast<std::size_t>(padded - count) * bytes);
    from = to;
  }
  if (step.function != nullptr) {
    step.function({.out = slot, .in = {from}, .count = padded});
    from = slot;
  }
  w.values[step.out].data = from;
}

void HostProgram::store_block(std::size_t o, std::int64_t count, std::int64_t written,
                              Workspace& w) const {
  const Output& output = outputs_[o];
  const Workspace::Operand& value = w.values[output.value];
  const std::size_t bytes = output.bytes;
  std::byte* to = w.outputs[o] + static_cast<std::size_t>(written) * bytes;
  if (value.is_uniform) {
    const std::byte* from = value.data;
    if (output.narrow != nullptr) {
      output.narrow({.out = w.raw.front().bytes, .in = {from}, .count = granule});
      from = w.raw.front().bytes;
    }
    for (std::int64_t i = 0; i < count; i += granule)
      std::memcpy(to + static_cast<std::size_t>(i) * bytes, from,
                  static_cast<std::size_t>(std::min(granule, count - i)) * bytes);
    return;
  }
  const std::byte* from = value.data;
  if (output.narrow != nullptr) {
    const std::int64_t padded = whole_granules(count);
    std::byte* narrow = count == padded ? to : w.raw.front().bytes;
    output.narrow({.out = narrow, .in = {from}, .count = padded});
    from = narrow;
  }
  if (from != to) std::memcpy(to, from, static_cast<std::size_t>(count) * bytes);
}

// Returns the first element of the block that a step has failed for, or no_element.
std::int64_t HostProgram::run_block(const ProgramDomain& domain, std::int64_t begin,
                                    std::int64_t count, std::int64_t written, Workspace& w) const {
  const std::int64_t padded = whole_granules(count);
  std::int64_t failed = no_element;
  w.shares_fetched = 0;
  for (const Step& step : steps_) {
    Workspace::Operand& out = w.values[step.out];
    if (out.is_uniform) continue;
    if (step.function != nullptr) w.fetch_share(begin + count);
    if (step.op == Op::load) {
      load_block(step, begin, count, w);
      continue;
    }
    const Value& value = values_[step.out];
    std::byte* to = out.direct != nullptr && count == padded
                        ? out.direct + static_cast<std::size_t>(written) * size_of(value.type)
                        : w.slots[value.slot].bytes;
    if (step.op == Op::position) {
      fill_positions(domain, static_cast<int>(step.index), begin, count,
                     reinterpret_cast<std::int64_t*>(to));
    } else {
      Block block{.out = to, .count = padded, .failed = &failed};
      for (std::size_t k = 0; k < step.operands; ++k) {
        block.in[k] = w.values[step.in[k]].data;
        block.mask[k] = w.values[step.in[k]].mask;
      }
      step.function(block);
    }
    out.data = to;
  }
  for (std::size_t o = 0; o < outputs_.size(); ++o) store_block(o, count, written, w);
  return failed < count ? failed : no_element;
}

const std::byte* HostProgram::find_stored(const ProgramDomain& domain,
                                          std::span<const ProgramSource> sources,
                                          int output) const {
  const Output& of = outputs_[static_cast<std::size_t>(output)];
  const std::uint32_t made_by = values_[of.value].step;
  if (of.narrow != nullptr || made_by == none) return nullptr;
  const Step& step = steps_[made_by];
  if (step.op != Op::load || step.function != nullptr) return nullptr;
  const Source source(domain.shape, sources[step.index], size_of(program_.inputs[step.index]));
  return source.is_contiguous() ? source.at(0) : nullptr;
}

std::int64_t HostProgram::evaluate(const ProgramDomain& domain,
                                   std::span<const ProgramSource> sources, std::int64_t begin,
                                   std::int64_t end, std::span<std::byte* const> outputs) const {
  if (sources.size() != program_.inputs.size() || outputs.size() != outputs_.size())
    throw InvalidArgument("a program of " + std::to_string(program_.inputs.size()) +
                          " inputs and " + std::to_string(outputs_.size()) + " outputs was given " +
                          std::to_string(sources.size()) + " and " +
                          std::to_string(outputs.size()));
  for (const Step& step : steps_)
    if (step.op == Op::position && static_cast<int>(step.index) >= domain.shape.dimensions())
      throw InvalidArgument("a program asks for positions along axis " +
                            std::to_string(step.index) + " of a domain of shape " +
                            domain.shape.to_string());
  if (begin >= end) return no_element;
  thread_local Workspace workspace;
  Workspace& w = workspace;
  prepare(domain, sources, outputs, end - begin, w);
  std::int64_t first_failed = make_uniform_values(w) ? begin : no_element;
  w.shares = std::ranges::count_if(steps_, [&](const Step& step) {
    return step.function != nullptr && !w.values[step.out].is_uniform;
  });
  // the processor fetches ahead by itself for the only step
  if (w.shares < 2) w.streams.clear();
  for (std::int64_t at = begin; at < end; at += block_elements) {
    const std::int64_t failed =
        run_block(domain, at, std::min(block_elements, end - at), at - begin, w);
    if (failed != no_element) first_failed = std::min(first_failed, at + failed);
  }
  return first_failed;
}

}  // namespace serried::host::program
