// Runs a file of calls of functions on the shape of arrays, for a script that knows what must come
// out.
//
//   shape_runner CASES DATA OUTPUT [MAX_TILES]
//
// CASES is text, a line each; fields are separated by tabs:
//   operand NAME DTYPE EXTENTS PLACE OFFSET   "3,4" ("" of 0-d); PLACE is the split axis, with an
//                                             "s" behind it in tiles that a slice has shrunk, or
//                                             "r" of a replicated one; elements lie at OFFSET of
//                                             DATA, C order
//   case FUNCTION ARGUMENT...                 names of operands, and numbers
// OUTPUT gets the results (support/case_file.hpp), each with one more behind it: the tiles that it
// lies in.
#include <cstdio>
#include <map>

#include "serried/array/indexing.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/comm/runtime.hpp"
#include "support/case_file.hpp"

namespace {

using namespace serried;
using test::numbers_of;

std::vector<int> axes_of(const std::string& text) {
  std::vector<int> axes;
  for (const std::int64_t axis : numbers_of(text)) axes.push_back(static_cast<int>(axis));
  return axes;
}

/// "1:9:2", with parts left out as in Python.
Slice slice_of(const std::string& text) {
  const std::vector<std::string> parts = test::split_text(text, ':');
  Slice slice;
  if (!parts.at(0).empty()) slice.begin = std::stoll(parts[0]);
  if (!parts.at(1).empty()) slice.end = std::stoll(parts[1]);
  if (!parts.at(2).empty()) slice.step = std::stoll(parts[2]);
  return slice;
}

class Runner {
 public:
  Runner(const Context& ctx, const std::string& data, const std::string& output)
      : ctx_(ctx), data_(test::bytes_of_file(data)), output_(ctx, output) {}

  void take_line(const std::string& line) {
    fields_ = test::split_text(line, '\t');
    if (fields_.front() == "operand") {
      try {
        add_operand();
      } catch (const RankError&) {  // a failure on purpose, which happens once
        add_operand();
      }
    } else if (fields_.front() == "case") {
      output_.write([&] {
        std::vector<Array> results;
        for (const Array& result : call(fields_.at(1))) {
          results.push_back(result);
          results.push_back(tiles_of(result));
        }
        return results;
      });
    } else if (!line.empty()) {
      throw InvalidArgument("a line of no kind: " + line);
    }
  }

  bool finish() { return output_.finish(); }

 private:
  void add_operand() {
    const Shape shape = test::shape_of_text(fields_.at(3));
    const DType dtype = parse_dtype(fields_.at(2));
    const std::string& place = fields_.at(4);
    const char* const elements = data_.data() + std::stoull(fields_.at(5));
    const Array whole = Array::replicated(ctx_, shape, dtype, elements);
    Array array = whole;
    if (place.back() == 's') {
      // more rows on both sides, which a slice takes away again
      const int axis = std::stoi(place);
      std::vector<Slice> slices(static_cast<std::size_t>(axis) + 1);
      slices.back() = {.begin = 3, .end = 3 + shape[axis]};
      const Array rest =
          Array::zeros(ctx_, shape.with_extent(axis, 3), DType::b8, axis).replicate().cast(dtype);
      array = concatenate({rest, whole, rest}, axis).with_split_axis(axis).slice(slices);
    } else if (place != "r") {
      array = whole.with_split_axis(std::stoi(place));
    }
    operands_.emplace(fields_[1], array);
  }

  /// First rows of tiles, and nothing of replicated arrays: the same at every number of ranks.
  Array tiles_of(const Array& array) const {
    std::vector<std::int64_t> begins;
    if (!array.is_replicated())
      for (std::int64_t tile = 0; tile <= array.layout().tiles(); ++tile)
        begins.push_back(array.layout().tile_begin(tile));
    return Array::replicated(ctx_, Shape{static_cast<std::int64_t>(begins.size())}, DType::i64,
                             begins.data());
  }

  // the arguments of the case
  [[nodiscard]] const std::string& text(std::size_t i) const { return fields_.at(2 + i); }
  [[nodiscard]] const Array& array(std::size_t i = 0) const { return operands_.at(text(i)); }
  [[nodiscard]] std::int64_t number(std::size_t i) const { return std::stoll(text(i)); }
  [[nodiscard]] int axis(std::size_t i) const { return std::stoi(text(i)); }
  [[nodiscard]] std::vector<std::int64_t> numbers(std::size_t i) const {
    return numbers_of(text(i));
  }
  [[nodiscard]] Balance balance(std::size_t i) const {
    return text(i) == "never"    ? Balance::never
           : text(i) == "always" ? Balance::always
                                 : Balance::automatic;
  }
  [[nodiscard]] std::vector<Array> arrays(std::size_t first) const {
    std::vector<Array> all;
    for (std::size_t i = first; i + 2 < fields_.size(); ++i) all.push_back(array(i));
    return all;
  }

  [[nodiscard]] std::vector<Array> call(const std::string& name) const {
    if (name == "split") return split(array(), number(1), axis(2));
    if (name == "array_split") return array_split(array(), number(1), axis(2));
    if (name == "split_at") return split_at(array(), numbers(1), axis(2));
    if (name == "nonzero") return nonzero(array(), balance(1));
    if (name == "meshgrid")
      return meshgrid(arrays(1), text(0) == "xy" ? GridIndexing::xy : GridIndexing::ij);
    return {call_one(name)};
  }

  [[nodiscard]] Array call_one(const std::string& name) const {
    if (name == "slice") {
      std::vector<Slice> slices;
      if (!text(1).empty())
        for (const std::string& slice : test::split_text(text(1), ','))
          slices.push_back(slice_of(slice));
      return array().slice(slices);
    }
    if (name == "take_index") return take(array(), number(1), axis(2));
    if (name == "take") return take(array(), array(1), axis(2));
    if (name == "put") return put(array(), array(1), array(2), axis(3));
    if (name == "compress_axis") return compress(array(), array(1), axis(2), balance(3));
    if (name == "compress") return compress(array(), array(1), balance(2));
    if (name == "flatnonzero") return flatnonzero(array(), balance(1));
    if (name == "argwhere") return argwhere(array(), balance(1));
    if (name == "concatenate") return concatenate(arrays(1), axis(0));
    if (name == "stack") return stack(arrays(1), axis(0));
    if (name == "reshape") return reshape(array(), numbers(1));
    if (name == "ravel") return ravel(array());
    if (name == "transpose") return transpose(array(), axes_of(text(1)));
    if (name == "moveaxis") return moveaxis(array(), axis(1), axis(2));
    if (name == "swapaxes") return swapaxes(array(), axis(1), axis(2));
    if (name == "expand_dims") return expand_dims(array(), axis(1));
    if (name == "squeeze") return squeeze(array(), axes_of(text(1)));
    if (name == "broadcast_to") return broadcast_to(array(), test::shape_of_text(text(1)));
    if (name == "flip") return flip(array(), axes_of(text(1)));
    if (name == "roll") return roll(array(), numbers(1), axes_of(text(2)));
    if (name == "roll_flat") return roll(array(), number(1));
    if (name == "pad") return padded();
    if (name == "tile") return tile(array(), numbers(1));
    if (name == "repeat_each") return repeat(array(), array(1), axis(2));
    if (name == "repeat") return repeat(array(), number(1), axis(2));
    if (name == "diff") return diff(array(), axis(1), axis(2));
    if (name == "coarsen") return coarsened();
    if (name == "with_split_axis") return array().with_split_axis(axis(1));
    if (name == "balance") return array().balance();
    throw InvalidArgument("no function " + name);
  }

  [[nodiscard]] Array padded() const {
    const std::vector<std::int64_t> flat = numbers(1);
    std::vector<std::pair<std::int64_t, std::int64_t>> widths;
    for (std::size_t i = 0; i + 1 < flat.size(); i += 2) widths.emplace_back(flat[i], flat[i + 1]);
    static const std::map<std::string, PadMode> modes{{"constant", PadMode::constant},
                                                      {"edge", PadMode::edge},
                                                      {"reflect", PadMode::reflect},
                                                      {"symmetric", PadMode::symmetric},
                                                      {"wrap", PadMode::wrap}};
    return pad(array(), widths, {.mode = modes.at(text(2)), .value = std::stod(text(3))});
  }

  [[nodiscard]] Array coarsened() const {
    static const std::map<std::string, Coarsening> hows{{"sum", Coarsening::sum},
                                                        {"mean", Coarsening::mean},
                                                        {"min", Coarsening::min},
                                                        {"max", Coarsening::max}};
    return coarsen(array(), hows.at(text(1)), numbers(2), {.trims_excess = text(3) == "trim"});
  }

  Context ctx_;
  std::string data_;
  test::CaseOutput output_;
  std::vector<std::string> fields_;
  std::map<std::string, Array, std::less<>> operands_;
};

}  // namespace

int main(int argc, char** argv) {
  return test::run_cases<Runner>(argc, argv, "shape_runner");
}
