// XDMF 3: a text that says where in HDF5 files the fields of a grid are.
#include "serried/io/xdmf.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <iterator>
#include <utility>

#include "base/escaped.hpp"
#include "serried/base/error.hpp"
#include "serried/io/text_file.hpp"

namespace serried {
namespace {

// The name of a file, as seen from the folder of the .xmf file. Links are not followed: the files
// may be moved together.
std::string relative_name(const std::string& path, const std::string& file) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::absolute(path).lexically_normal().parent_path();
  return fs::absolute(file).lexically_normal().lexically_relative(folder).string();
}

struct NumberType {
  std::string_view name;
  int precision;
};

NumberType number_type(DType dtype, const std::string& what) {
  switch (dtype) {
    case DType::i8:
      return {"Char", 1};
    case DType::u8:
      return {"UChar", 1};
    case DType::i16:
      return {"Short", 2};
    case DType::u16:
      return {"UShort", 2};
    case DType::i32:
      return {"Int", 4};
    case DType::u32:
      return {"UInt", 4};
    case DType::i64:
      return {"Int", 8};
    case DType::u64:
      return {"UInt", 8};
    case DType::f32:
      return {"Float", 4};
    case DType::f64:
      return {"Float", 8};
    default:
      throw InvalidArgument(
          fmt::format("XDMF: {} is {}, which it has no numbers for", what, name(dtype)));
  }
}

std::string extents_text(const Shape& shape) {
  return fmt::format("{}", fmt::join(shape.extents(), " "));
}

// A plane as a box of one layer: VTK's reader puts grids of two axes into the plane of y and z.
Shape in_space(const Shape& shape) {
  return shape.dimensions() == 2 ? shape.with_inserted(0, 1) : shape;
}

// Writes the elements of one file, each with its indentation.
class Writer {
 public:
  explicit Writer(const std::string& path) : path_(path) {}

  template <class... Args>
  void line(int depth, fmt::format_string<Args...> format, Args&&... args) {
    text_.append(static_cast<std::size_t>(2 * depth), ' ');
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  /// A dataset of the given shape, which is the file's but for a leading index.
  void data(int depth, const XdmfData& data, const Shape& shape, const std::string& what);
  void numbers(int depth, const std::vector<double>& values);
  void grid(int depth, const XdmfGrid& grid);
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  void stored(int depth, const XdmfData& data, const Shape& shape, const std::string& what);
  void geometry(int depth, const Shape& shape, const XdmfUniform& uniform);
  void geometry(int depth, const Shape& shape, const XdmfRectilinear& rectilinear);
  void geometry(int depth, const Shape& shape, const XdmfCurvilinear& curvilinear);

  std::string path_;
  std::string text_;
};

void Writer::stored(int depth, const XdmfData& data, const Shape& shape, const std::string& what) {
  const NumberType type = number_type(data.dtype, what);
  // a colon parts the names of file and dataset
  const std::string file = relative_name(path_, data.file);
  if (file.find(':') != std::string::npos)
    throw InvalidArgument("XDMF: " + data.file + " has a ':' in its name, which XDMF cannot name");
  line(depth,
       "<DataItem Format=\"HDF\" NumberType=\"{}\" Precision=\"{}\"{} Dimensions=\"{}\">{}:{}"
       "</DataItem>",
       type.name, type.precision, data.is_big_endian ? " Endian=\"Big\"" : " Endian=\"Little\"",
       extents_text(shape), escaped(file), escaped(data.dataset));
}

void Writer::data(int depth, const XdmfData& data, const Shape& shape, const std::string& what) {
  const Shape given = data.leading_index ? data.shape.without(0) : data.shape;
  if (given != shape)
    throw InvalidArgument("XDMF: " + what + " has the shape " + given.to_string() +
                          ", but its place on the grid is " + shape.to_string());
  // the reader wants as many axes as the grid has
  if (!data.leading_index) return stored(depth, data, in_space(shape), what);
  if (*data.leading_index < 0 || *data.leading_index >= data.shape[0])
    throw InvalidArgument(fmt::format("XDMF: {} of shape {} has no index {}", what,
                                      data.shape.to_string(), *data.leading_index));
  const NumberType type = number_type(data.dtype, what);
  const int axes = data.shape.dimensions();
  line(depth,
       "<DataItem ItemType=\"HyperSlab\" NumberType=\"{}\" Precision=\"{}\" Dimensions=\"{}\" "
       "Type=\"HyperSlab\">",
       type.name, type.precision, extents_text(in_space(shape)));
  std::string start = fmt::format("{}", *data.leading_index);
  std::string step = "1";
  for (int axis = 1; axis < axes; ++axis) {
    start += " 0";
    step += " 1";
  }
  line(depth + 1, "<DataItem Dimensions=\"3 {}\" Format=\"XML\">{} {} 1 {}</DataItem>", axes, start,
       step, extents_text(shape));
  stored(depth + 1, data, data.shape, what);
  line(depth, "</DataItem>");
}

void Writer::numbers(int depth, const std::vector<double>& values) {
  line(depth,
       "<DataItem Format=\"XML\" NumberType=\"Float\" Precision=\"8\" Dimensions=\"{}\">{}"
       "</DataItem>",
       values.size(), fmt::join(values, " "));
}

void Writer::geometry(int depth, const Shape& shape, const XdmfUniform& uniform) {
  const auto axes = static_cast<std::size_t>(shape.dimensions());
  const auto filled = [&](const std::vector<double>& given, double value) {
    if (!given.empty() && given.size() != axes)
      throw InvalidArgument(fmt::format("XDMF: a grid of shape {} needs {} numbers, not {}",
                                        shape.to_string(), axes, given.size()));
    return given.empty() ? std::vector<double>(axes, value) : given;
  };
  line(depth, "<Topology TopologyType=\"3DCoRectMesh\" Dimensions=\"{}\"/>",
       extents_text(in_space(shape)));
  std::vector<double> origin = filled(uniform.origin, 0);
  std::vector<double> spacing = filled(uniform.spacing, 1);
  if (axes == 2) {
    origin.insert(origin.begin(), 0);
    spacing.insert(spacing.begin(), 1);
  }
  line(depth, "<Geometry GeometryType=\"ORIGIN_DXDYDZ\">");
  numbers(depth + 1, origin);
  numbers(depth + 1, spacing);
  line(depth, "</Geometry>");
}

void Writer::geometry(int depth, const Shape& shape, const XdmfRectilinear& rectilinear) {
  const int axes = shape.dimensions();
  if (static_cast<int>(rectilinear.axes.size()) != axes)
    throw InvalidArgument(
        fmt::format("XDMF: a grid of shape {} needs coordinates of {} axes, not {}",
                    shape.to_string(), axes, rectilinear.axes.size()));
  line(depth, "<Topology TopologyType=\"3DRectMesh\" Dimensions=\"{}\"/>",
       extents_text(in_space(shape)));
  line(depth, "<Geometry GeometryType=\"VXVYVZ\">");
  // x, the fastest axis, comes first here
  for (int axis = axes - 1; axis >= 0; --axis) {
    const XdmfAxis& coordinates = rectilinear.axes[static_cast<std::size_t>(axis)];
    if (const auto* dataset = std::get_if<XdmfData>(&coordinates)) {
      data(depth + 1, *dataset, {shape[axis]}, "coordinates " + dataset->dataset);
      continue;
    }
    const auto& values = std::get<std::vector<double>>(coordinates);
    if (static_cast<std::int64_t>(values.size()) != shape[axis])
      throw InvalidArgument(fmt::format("XDMF: axis {} of a grid of shape {} has {} coordinates",
                                        axis, shape.to_string(), values.size()));
    numbers(depth + 1, values);
  }
  if (axes == 2) numbers(depth + 1, {0});
  line(depth, "</Geometry>");
}

void Writer::geometry(int depth, const Shape& shape, const XdmfCurvilinear& curvilinear) {
  if (shape.dimensions() != 2)
    throw InvalidArgument("XDMF: a curvilinear grid has two axes, not the shape " +
                          shape.to_string());
  line(depth, "<Topology TopologyType=\"3DSMesh\" Dimensions=\"{}\"/>",
       extents_text(in_space(shape)));
  line(depth, "<Geometry GeometryType=\"X_Y_Z\">");
  for (const XdmfData* part : {&curvilinear.x, &curvilinear.y})
    data(depth + 1, *part, shape, "coordinates " + part->dataset);
  numbers(depth + 1, std::vector<double>(static_cast<std::size_t>(shape.elements()), 0));
  line(depth, "</Geometry>");
}

void Writer::grid(int depth, const XdmfGrid& grid) {
  if (grid.shape.dimensions() != 2 && grid.shape.dimensions() != 3)
    throw InvalidArgument("XDMF: a grid has two or three axes, not the shape " +
                          grid.shape.to_string());
  line(depth, "<Grid Name=\"{}\" GridType=\"Uniform\">", escaped(grid.name));
  if (grid.time) line(depth + 1, "<Time Value=\"{}\"/>", *grid.time);
  std::visit([&](const auto& geometry_of) { geometry(depth + 1, grid.shape, geometry_of); },
             grid.geometry);
  for (const XdmfAttribute& attribute : grid.attributes) {
    line(depth + 1, "<Attribute Name=\"{}\" AttributeType=\"Scalar\" Center=\"Node\">",
         escaped(attribute.name));
    data(depth + 2, attribute.data, grid.shape, attribute.name);
    line(depth + 1, "</Attribute>");
  }
  line(depth, "</Grid>");
}

}  // namespace

std::string to_xdmf(const std::string& path, const std::vector<XdmfGrid>& grids) {
  if (grids.empty()) throw InvalidArgument("XDMF: there is no grid");
  Writer writer(path);
  writer.line(0, "<?xml version=\"1.0\" encoding=\"utf-8\"?>");
  writer.line(0, "<Xdmf Version=\"3.0\">");
  writer.line(1, "<Domain>");
  const bool is_series = grids.size() > 1 || grids.front().time;
  if (is_series)
    writer.line(2, "<Grid Name=\"series\" GridType=\"Collection\" CollectionType=\"Temporal\">");
  for (const XdmfGrid& grid : grids) {
    if (is_series && !grid.time)
      throw InvalidArgument("XDMF: grid " + grid.name + " of a series has no time");
    writer.grid(is_series ? 3 : 2, grid);
  }
  if (is_series) writer.line(2, "</Grid>");
  writer.line(1, "</Domain>");
  writer.line(0, "</Xdmf>");
  return std::move(writer).text();
}

void write_xdmf(const Context& ctx, const std::string& path, const std::vector<XdmfGrid>& grids) {
  write_text_file(ctx, path, to_xdmf(path, grids));
}

}  // namespace serried
