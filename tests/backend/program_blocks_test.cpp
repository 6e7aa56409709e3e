// serial
// How programs are walked: pieces, strides, padding, narrow dtypes, failures, positions.
#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "backend/guarded_memory.hpp"
#include "backend/program_support.hpp"

namespace serried::test {
namespace {

using enum RegisterType;

// Several types, a value read twice, a constant, a narrow output, and registers written again.
Program mixed_program() {
  ProgramBuilder b;
  const auto x = b.load(DType::f32);
  const auto k = b.load(DType::i16);
  const auto y = b.load(DType::f64);
  const auto half = b.constant({.type = f64, .real = 0.5});
  const auto wide = b.add({.op = Op::convert, .in = {x}}, f64);
  const auto product = b.add({.op = Op::multiply, .in = {wide, half}}, f64);
  b.program.code.push_back({.op = Op::add, .out = product, .in = {product, y}});
  b.program.code.push_back({.op = Op::exp, .out = wide, .in = {product}});
  const auto is_less = b.add({.op = Op::less, .in = {y, wide}}, b8);
  const auto chosen = b.add({.op = Op::select, .in = {is_less, wide, product}}, f64);
  const auto sum = b.add({.op = Op::add, .in = {k, k}}, i32);
  const auto narrow =
      b.add({.op = Op::wrap, .in = {sum}, .index = static_cast<std::uint32_t>(DType::i16)}, i32);
  b.output(chosen);
  b.output(narrow, DType::i16);
  b.output(is_less);
  b.output(x);
  b.output(half);
  return b.program;
}

std::vector<Column> mixed_inputs(std::size_t rows) {
  std::vector<std::int16_t> k(rows);
  for (std::size_t i = 0; i < rows; ++i) k[i] = static_cast<std::int16_t>(i * 31);
  return {column(any_numbers<float>(1, rows)), column(k), column(any_numbers<double>(2, rows))};
}

TEST(ProgramBlocks, pieces_have_the_bits_of_the_whole) {
  constexpr std::int64_t rows = 5003;
  const auto inputs = mixed_inputs(rows);
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    const auto compiled = compile(mixed_program());
    const Evaluated whole = evaluate(*compiled, inputs, rows, 0, rows);
    std::vector<std::pair<std::int64_t, std::int64_t>> pieces{{0, 1}, {0, 64}, {1, 65}, {7, 7}};
    for (std::uint64_t i = 0; i < 200; ++i) {
      const auto words = philox_words(9, 9, i);
      const auto begin = static_cast<std::int64_t>(words[0] % rows);
      const auto most = static_cast<std::uint64_t>(rows - begin);
      pieces.emplace_back(begin, begin + static_cast<std::int64_t>(words[1] % most));
    }
    for (const auto& [begin, end] : pieces) {
      const Evaluated piece = evaluate(*compiled, inputs, rows, begin, end);
      for (std::size_t o = 0; o < whole.outputs.size(); ++o) {
        const auto bytes = static_cast<std::int64_t>(size_of(compiled->program().outputs[o].dtype));
        ASSERT_TRUE(std::equal(piece.outputs[o].begin(), piece.outputs[o].end(),
                               whole.outputs[o].begin() + begin * bytes))
            << "output " << o << " of [" << begin << ", " << end << ")";
      }
    }
  }
}

TEST(ProgramBlocks, one_compiled_program_serves_several_threads) {
  constexpr std::int64_t rows = 30'000;
  const auto inputs = mixed_inputs(rows);
  const auto compiled = compile(mixed_program());
  const Evaluated whole = evaluate(*compiled, inputs, rows, 0, rows);
  std::vector<Evaluated> results(4);
  std::vector<std::thread> threads;
  for (Evaluated& result : results)
    threads.emplace_back([&] { result = evaluate(*compiled, inputs, rows, 0, rows); });
  for (auto& thread : threads) thread.join();
  for (const Evaluated& result : results) EXPECT_EQ(result.outputs, whole.outputs);
}

// Axes in any order and direction, some repeated.
TEST(ProgramBlocks, any_strides_find_their_elements) {
  for (std::uint64_t trial = 0; trial < 400; ++trial) {
    auto draw = [&, i = std::uint64_t{0}](std::uint64_t most) mutable {
      return static_cast<std::int64_t>(philox_words(5, trial, i++)[0] % most);
    };
    const auto dimensions = static_cast<std::size_t>(draw(5));
    std::vector<std::int64_t> extents(dimensions);
    for (auto& extent : extents) extent = 1 + draw(trial % 7 == 0 ? 40 : 9);
    const Shape shape{std::span<const std::int64_t>(extents)};
    const std::int64_t elements = shape.elements();
    std::vector<std::int32_t> values(70'000);
    std::iota(values.begin(), values.end(), 0);
    std::vector<ProgramSource> sources;
    std::vector<std::vector<std::int64_t>> strides;
    for (int s = 0; s < 2; ++s) {
      std::vector<std::size_t> order(dimensions);
      std::iota(order.begin(), order.end(), std::size_t{0});
      // in C order, or exchanged
      if (draw(2) == 0 && dimensions > 1) std::swap(order[0], order[dimensions - 1]);
      std::vector<std::int64_t> steps(dimensions);
      std::int64_t step = 1;
      for (std::size_t k = dimensions; k-- > 0;) {
        const std::int64_t kind = draw(6);
        steps[order[k]] = kind == 0 ? 0 : kind == 1 ? -step : step;
        if (kind != 0) step *= extents[order[k]] + (draw(4) == 0 ? 1 : 0);
        if (step > 30'000) step = 1;
      }
      ProgramSource source{reinterpret_cast<const std::byte*>(values.data() + 35'000), {}};
      for (std::size_t k = 0; k < dimensions; ++k) source.strides[k] = steps[k] * 4;
      std::int64_t low = 0;
      std::int64_t high = 0;
      for (std::size_t k = 0; k < dimensions; ++k)
        (steps[k] < 0 ? low : high) += steps[k] * (extents[k] - 1);
      if (low < -35'000 || high >= 35'000) {
        source.strides = {};
        steps.assign(dimensions, 0);
      }
      sources.push_back(source);
      strides.push_back(steps);
    }
    ProgramBuilder b;
    const auto x = b.load(DType::i32);
    const auto y = b.load(DType::i32);
    const auto thousand = b.constant({.type = i32, .integer = 100'000});
    const auto scaled = b.add({.op = Op::multiply, .in = {x, thousand}}, i32);
    b.output(b.add({.op = Op::add, .in = {scaled, y}}, i32));
    const auto compiled = compile(b.program);
    const std::int64_t begin = draw(static_cast<std::uint64_t>(elements));
    const std::int64_t end = begin + 1 + draw(static_cast<std::uint64_t>(elements - begin));
    std::vector<std::int32_t> out(static_cast<std::size_t>(end - begin));
    std::byte* const to[] = {reinterpret_cast<std::byte*>(out.data())};
    EXPECT_EQ(compiled->evaluate({.shape = shape}, sources, begin, end, to), no_element);
    for (std::int64_t e = begin; e < end; ++e) {
      std::int32_t parts[2];
      for (std::size_t s = 0; s < 2; ++s) {
        std::int64_t rest = e;
        std::int64_t at = 35'000;
        for (std::size_t k = dimensions; k-- > 0;) {
          at += rest % extents[k] * strides[s][k];
          rest /= extents[k];
        }
        parts[s] = static_cast<std::int32_t>(at);
      }
      const auto wanted = static_cast<std::int32_t>(
          static_cast<std::uint32_t>(parts[0]) * 100'000u + static_cast<std::uint32_t>(parts[1]));
      ASSERT_EQ(out[static_cast<std::size_t>(e - begin)], wanted)
          << "element " << e << " of " << shape.to_string() << ", trial " << trial;
    }
  }
}

// Any bits but those of a NaN, whose narrow forms need not come back as they were.
template <std::size_t kBytes>
auto any_bits(std::uint64_t word) {
  if constexpr (kBytes == 1)
    return static_cast<std::uint8_t>(word);
  else if constexpr (kBytes == 2)
    return static_cast<std::uint16_t>((word & 0x7c00) == 0x7c00 ? word & 0x83ff : word);
  else if constexpr (kBytes == 4)
    return static_cast<std::uint32_t>(word);
  else if constexpr (kBytes == 8)
    return word;
  else
    return std::array<std::uint64_t, 2>{word, word * 3};
}

template <class T>
void check_stored_type() {
  ProgramBuilder b;
  b.output(b.load(dtype_of<T>), dtype_of<T>);
  const auto compiled = compile(b.program);
  for (const std::int64_t rows : {1, 63, 64, 65, 1000, 1024, 1025, 3000}) {
    // the last byte before a page that must not be touched
    const GuardedMemory<T> data(rows, [](std::int64_t i) {
      const auto word = philox_words(1, 2, static_cast<std::uint64_t>(i))[0];
      if constexpr (std::is_same_v<T, bool>)
        return word % 2 == 0;
      else
        return std::bit_cast<T>(any_bits<sizeof(T)>(word));
    });
    for (const std::int64_t begin : {std::int64_t{0}, rows / 3}) {
      const ProgramSource source{reinterpret_cast<const std::byte*>(data.data()),
                                 {static_cast<std::int64_t>(sizeof(T))}};
      const GuardedMemory<T> out(rows - begin, [](std::int64_t) { return T{}; });
      std::byte* const to[] = {reinterpret_cast<std::byte*>(const_cast<T*>(out.data()))};
      EXPECT_EQ(compiled->evaluate({.shape = {rows}}, {&source, 1}, begin, rows, to), no_element);
      EXPECT_EQ(std::memcmp(out.data(), data.data() + begin,
                            static_cast<std::size_t>(rows - begin) * sizeof(T)),
                0)
          << name(dtype_of<T>) << ", " << rows << " rows from " << begin;
    }
  }
}

TEST(ProgramBlocks, every_dtype_is_loaded_and_stored_within_its_memory) {
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    for (int i = 0; i <= static_cast<int>(DType::c128); ++i)
      visit_numeric(static_cast<DType>(i),
                    [](auto tag) { check_stored_type<typename decltype(tag)::type>(); });
  }
}

TEST(ProgramBlocks, a_byte_that_is_not_0_is_true) {
  std::vector<std::uint8_t> bytes(200);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  ProgramBuilder b;
  b.output(b.load(DType::b8));
  const Evaluated result = evaluate(b.program, {column(bytes)}, 200);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    EXPECT_EQ(element<std::uint8_t>(result.outputs[0], i), i == 0 ? 0 : 1);
}

TEST(ProgramBlocks, positions_count_along_each_axis) {
  ProgramBuilder b;
  for (std::uint32_t axis = 0; axis < 3; ++axis)
    b.output(b.add({.op = Op::position, .index = axis}, i64));
  const auto compiled = compile(b.program);
  const Shape shape{40, 7, 11};
  for (const std::int64_t begin : {0, 1, 500, 3000}) {
    const std::int64_t end = std::min<std::int64_t>(begin + 2500, 3080);
    std::vector<std::vector<std::int64_t>> out(
        3, std::vector<std::int64_t>(static_cast<std::size_t>(end - begin)));
    std::vector<std::byte*> to;
    for (auto& column : out) to.push_back(reinterpret_cast<std::byte*>(column.data()));
    EXPECT_EQ(compiled->evaluate({.shape = shape, .first_row = 1000}, {}, begin, end, to),
              no_element);
    for (std::int64_t e = begin; e < end; ++e) {
      const auto i = static_cast<std::size_t>(e - begin);
      ASSERT_EQ(out[0][i], 1000 + e / 77);
      ASSERT_EQ(out[1][i], e / 11 % 7);
      ASSERT_EQ(out[2][i], e % 11);
    }
  }
  std::vector<std::int64_t> out(4);
  std::byte* const to[] = {reinterpret_cast<std::byte*>(out.data()), nullptr, nullptr};
  EXPECT_THROW((void)compiled->evaluate({.shape = {4}}, {}, 0, 4, to), InvalidArgument);
}

TEST(ProgramBlocks, outputs_may_replace_inputs) {
  constexpr std::int64_t rows = 3000;
  ProgramBuilder b;
  const auto x = b.load(DType::f64);
  const auto y = b.load(DType::f64);
  const auto sum = b.add({.op = Op::add, .in = {x, y}}, f64);
  const auto difference = b.add({.op = Op::subtract, .in = {x, y}}, f64);
  b.output(difference);
  b.output(sum);
  const std::vector<double> first = any_numbers<double>(1, rows);
  const std::vector<double> second = any_numbers<double>(2, rows);
  const Evaluated wanted = evaluate(b.program, {column(first), column(second)}, rows);
  for (const bool is_crossed : {false, true}) {
    Column columns[] = {column(first), column(second)};
    const std::vector<ProgramSource> sources{{columns[0].data(), {8}}, {columns[1].data(), {8}}};
    std::byte* const to[] = {columns[is_crossed ? 1 : 0].data(),
                             columns[is_crossed ? 0 : 1].data()};
    EXPECT_EQ(compile(b.program)->evaluate({.shape = {rows}}, sources, 0, rows, to), no_element);
    EXPECT_EQ(columns[is_crossed ? 1 : 0], wanted.outputs[0]);
    EXPECT_EQ(columns[is_crossed ? 0 : 1], wanted.outputs[1]);
  }
  // a result that is not the last step, over an input that later steps read
  ProgramBuilder c;
  const auto z = c.load(DType::f64);
  const auto doubled = c.add({.op = Op::add, .in = {z, z}}, f64);
  static_cast<void>(c.add({.op = Op::multiply, .in = {z, doubled}}, f64));
  c.output(doubled);
  Column values = column(first);
  const ProgramSource source{values.data(), {8}};
  std::byte* const to[] = {values.data()};
  EXPECT_EQ(compile(c.program)->evaluate({.shape = {rows}}, {&source, 1}, 0, rows, to), no_element);
  EXPECT_EQ(values, evaluate(c.program, {column(first)}, rows).outputs[0]);
}

TEST(ProgramBlocks, the_first_failure_is_reported_and_none_of_padding) {
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    ProgramBuilder b;
    const auto base = b.load(DType::i64);
    const auto exponent = b.load(DType::i64);
    const auto x = b.load(DType::f64);
    b.output(b.add({.op = Op::power, .in = {base, exponent}}, i64));
    b.output(b.add({.op = Op::convert, .in = {x}}, i32));
    constexpr std::int64_t rows = 4000;
    std::vector<std::int64_t> exponents(rows, 2);
    std::vector<double> numbers(rows, -7.9);
    const Column bases = column(std::vector<std::int64_t>(rows, 3));
    const auto compiled = compile(b.program);
    const auto failed = [&](std::int64_t begin, std::int64_t end) {
      return evaluate(*compiled, {bases, column(exponents), column(numbers)}, rows, begin, end)
          .failed;
    };
    EXPECT_EQ(failed(0, rows), no_element);
    numbers[2100] = 1e10;
    exponents[2200] = -1;
    exponents[2050] = -3;
    EXPECT_EQ(failed(0, rows), 2050);
    EXPECT_EQ(failed(2051, rows), 2100);
    EXPECT_EQ(failed(2101, rows), 2200);
    EXPECT_EQ(failed(2201, rows), no_element);
    // in a partial block the next elements are not read, and padding is no element
    EXPECT_EQ(failed(2000, 2050), no_element);
    numbers.assign(rows, std::numeric_limits<double>::quiet_NaN());
    EXPECT_EQ(failed(10, 20), 10);
  }
  // numbers whose zeros of the padding would fail
  ProgramBuilder b;
  const auto x = b.load(DType::f64);
  const auto one = b.constant({.type = f64, .real = 1});
  const auto ratio = b.add({.op = Op::divide, .in = {one, x}}, f64);
  b.output(b.add({.op = Op::convert, .in = {ratio}}, i64));
  EXPECT_EQ(evaluate(b.program, {column(std::vector<double>(70, 0.25))}, 70).failed, no_element);
  EXPECT_EQ(evaluate(b.program, {column(std::vector<double>(70, 0.0))}, 70).failed, 0);
}

TEST(ProgramBlocks, constants_fail_where_they_are_evaluated) {
  ProgramBuilder b;
  const auto big = b.constant({.type = f64, .real = 1e30});
  b.output(b.add({.op = Op::convert, .in = {big}}, i64));
  const auto compiled = compile(b.program);
  EXPECT_EQ(evaluate(*compiled, {}, 100, 30, 60).failed, 30);
  EXPECT_EQ(evaluate(*compiled, {}, 100, 30, 30).failed, no_element);
}

// Of one element for all, in a domain of any shape: computed once, stored for each.
TEST(ProgramBlocks, repeated_elements_are_stored_for_each) {
  ProgramBuilder b;
  const auto x = b.load(DType::i8);
  const auto two = b.constant({.type = i32, .integer = 2});
  const auto y = b.add({.op = Op::multiply, .in = {x, two}}, i32);
  b.output(y, DType::i8);
  b.output(y);
  const std::int8_t value = -21;
  const ProgramSource source{reinterpret_cast<const std::byte*>(&value), {}};
  std::vector<std::int8_t> narrow(3000);
  std::vector<std::int32_t> wide(3000);
  std::byte* const to[] = {reinterpret_cast<std::byte*>(narrow.data()),
                           reinterpret_cast<std::byte*>(wide.data())};
  EXPECT_EQ(compile(b.program)->evaluate({.shape = {30, 100}}, {&source, 1}, 0, 3000, to),
            no_element);
  EXPECT_EQ(narrow, std::vector<std::int8_t>(3000, -42));
  EXPECT_EQ(wide, std::vector<std::int32_t>(3000, -42));
  // a domain without axes has one element
  narrow[0] = 0;
  EXPECT_EQ(compile(b.program)->evaluate({}, {&source, 1}, 0, 1, to), no_element);
  EXPECT_EQ(narrow[0], -42);
}

TEST(ProgramBlocks, numbers_of_arguments_are_checked) {
  ProgramBuilder b;
  b.output(b.load(DType::f64));
  EXPECT_THROW((void)compile(b.program)->evaluate({.shape = {1}}, {}, 0, 1, {}), InvalidArgument);
}

}  // namespace
}  // namespace serried::test
