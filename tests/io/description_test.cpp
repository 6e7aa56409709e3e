// ranks: 1
// What the process says that reads files from elsewhere, when a file has spoiled its memory.
#include "io/guard/description.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "io/coordinates.hpp"
#include "io/metadata.hpp"
#include "io/wire.hpp"

namespace serried {
namespace {

using Coordinates = std::vector<Coordinate>;

/// Of u[1:6:2, :, 4], of shape (7, 2, 5) in chunks of (4, 2, 5), with times.
struct Found {
  Found() {
    ItemMeta item;
    item.file = "run.h5";
    item.object = "/u";
    item.type.dtype = DType::i16;
    item.rule.raw = DType::u16;
    item.rule.result = DType::f32;
    item.rule.arithmetic = DType::f32;
    item.extents = {7, 2, 5};
    item.axes = {{1, 2, 3, false}, {0, 1, 2, false}, {4, 1, 1, true}};
    item.chunks = {4, 2, 5};
    meta.parts.push_back({"run.h5:/u[1:6:2, :, 4]", false, {item}, Shape{3, 2}});
    meta.dtype = DType::f32;
    coordinates.push_back({"time", 0, DType::i8, {0, 1, 2}, {}, std::vector<std::byte>(3)});
  }
  ItemMeta& item() { return meta.parts.front().items.front(); }
  Coordinate& time() { return coordinates.front(); }

  [[nodiscard]] std::string bytes() const {
    WireWriter list;
    put_annotations(list, {.coordinates = coordinates, .text_attributes = {{"units", "m"}}});
    WireWriter wire;
    wire.put(meta.to_bytes());
    wire.put(list.bytes());
    return wire.bytes();
  }

  DatasetMeta meta;
  Coordinates coordinates;
};

void take(const Found& found) {
  static_cast<void>(
      guard::take_description(found.bytes(), 1, {.samples = {SampleAxes::Kind::axes, {0}}}));
}

TEST(Description, sound_one_is_taken) {
  EXPECT_NO_THROW(take(Found()));
  Found series;
  PartMeta& part = series.meta.parts.front();
  part.is_series = true;
  part.items.push_back(series.item());
  part.shape = Shape{2, 3, 2};
  series.coordinates.clear();
  EXPECT_NO_THROW(take(series));
}

TEST(Description, nonsense_is_refused) {
  const auto no_dtype = static_cast<DType>(200);
  const std::vector<std::pair<const char*, std::function<void(Found&)>>> changes = {
      {"no part", [](Found& f) { f.meta.parts.clear(); }},
      {"two parts", [](Found& f) { f.meta.parts.push_back(f.meta.parts.front()); }},
      {"no item", [](Found& f) { f.meta.parts.front().items.clear(); }},
      {"two items", [](Found& f) { f.meta.parts.front().items.push_back(f.item()); }},
      {"other shape",
       [](Found& f) {
         f.meta.parts.front().shape = Shape{3, 3};
       }},
      {"no dtype", [&](Found& f) { f.meta.dtype = f.item().rule.result = no_dtype; }},
      {"no type", [&](Found& f) { f.item().type.dtype = no_dtype; }},
      {"text", [](Found& f) { f.meta.dtype = f.item().rule.result = DType::string; }},
      {"other result", [](Found& f) { f.item().rule.result = DType::f64; }},
      {"wider type", [](Found& f) { f.item().type.dtype = DType::f64; }},
      {"arithmetic", [](Found& f) { f.item().rule.arithmetic = DType::i8; }},
      {"an axis less", [](Found& f) { f.item().axes.pop_back(); }},
      {"an extent less", [](Found& f) { f.item().extents.pop_back(); }},
      {"negative start", [](Found& f) { f.item().axes[0].start = -1; }},
      {"start beyond", [](Found& f) { f.item().axes[2].start = 5; }},
      {"end beyond", [](Found& f) { f.item().axes[0].step = 3; }},
      {"overflow", [](Found& f) { f.item().axes[0].step = INT64_MAX; }},
      {"no step", [](Found& f) { f.item().axes[0].step = 0; }},
      {"negative extent", [](Found& f) { f.item().extents[0] = -7; }},
      {"two of an index",
       [](Found& f) {
         f.item().axes[2] = {0, 1, 2, true};
       }},
      {"chunks of less axes", [](Found& f) { f.item().chunks.pop_back(); }},
      {"chunk of nothing", [](Found& f) { f.item().chunks[1] = 0; }},
      {"chunk of too much",
       [](Found& f) {
         f.item().chunks = {1 << 20, 1 << 20, std::int64_t{1} << 40};
       }},
      {"axis of times", [](Found& f) { f.time().axis = 1; }},
      {"negative axis of times", [](Found& f) { f.time().axis = -1; }},
      {"dtype of times", [&](Found& f) { f.time().dtype = no_dtype; }},
      {"times missing", [](Found& f) { f.time().values.pop_back(); }},
      {"bytes missing", [](Found& f) { f.time().bytes.pop_back(); }}};
  for (const auto& [what, change] : changes) {
    Found found;
    change(found);
    EXPECT_THROW(take(found), Error) << what;
  }
}

/// Spoiled where a Shape keeps its number of dimensions.
TEST(Description, shape_of_too_many_dimensions_is_refused) {
  for (const int dimensions : {-1, max_dimensions + 1, 1 << 20}) {
    WireWriter wire;
    wire.put(Shape{3, 2});
    std::string bytes = wire.bytes();
    bytes.replace(sizeof(std::int64_t) * max_dimensions, sizeof(int),
                  reinterpret_cast<const char*>(&dimensions), sizeof(int));
    WireReader reader(bytes);
    Shape shape;
    EXPECT_THROW(reader.get(shape), Error) << dimensions;
    EXPECT_EQ(shape, Shape());
  }
}

}  // namespace
}  // namespace serried
