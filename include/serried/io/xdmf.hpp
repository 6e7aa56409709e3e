#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/shape.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// A dataset in an HDF5 file, as XDMF names it.
struct XdmfData {
  std::string file;     ///< its path, seen from the program's working folder
  std::string dataset;  ///< its path in the file
  Shape shape;          ///< in the file
  DType dtype = DType::f64;
  bool is_big_endian = false;
  /// Index along the leading axis, where that axis is no axis of the grid but e.g. time: the
  /// values are those of this one index.
  std::optional<std::int64_t> leading_index = std::nullopt;
};

/// Equally spaced grid points. One number for each axis, slowest axis first, as in Shape.
struct XdmfUniform {
  std::vector<double> origin;   ///< empty: 0
  std::vector<double> spacing;  ///< empty: 1
};

/// The coordinates of one axis: numbers, or a 1-d dataset.
using XdmfAxis = std::variant<std::vector<double>, XdmfData>;

/// Grid points at given coordinates along each axis, slowest axis first.
struct XdmfRectilinear {
  std::vector<XdmfAxis> axes;
};

/// A grid of two axes whose points have coordinates of their own: x (longitude) and y (latitude) in
/// the shape of the grid.
struct XdmfCurvilinear {
  XdmfData x;
  XdmfData y;
};

/// A field on a grid's points: numbers in the shape of the grid.
struct XdmfAttribute {
  std::string name;
  XdmfData data;
};

/// Fields on the points of a grid of two or three axes.
struct XdmfGrid {
  std::string name;
  Shape shape;  ///< points along each axis, slowest axis first (y x, or z y x)
  std::variant<XdmfUniform, XdmfRectilinear, XdmfCurvilinear> geometry;
  std::vector<XdmfAttribute> attributes;
  std::optional<double> time = std::nullopt;
};

/// XDMF 3, which ParaView and VisIt open. Several grids become a collection in time. Names of HDF5
/// files are written relative to the folder of the .xmf file, so that both can be moved together.
/// Local.
/// @param path of the .xmf file that the text is for.
/// @throws InvalidArgument for no grids, grids that are not of two or three axes, data whose shape
/// is not that of the grid, a number of coordinates other than the shape's, dtypes that XDMF has
/// not (b8, f16 and complex), and a collection whose grids have no time.
[[nodiscard]] std::string to_xdmf(const std::string& path, const std::vector<XdmfGrid>& grids);

/// Writes to_xdmf's text: the file is complete or not there, and one of that name is replaced at
/// once. Collective.
/// @throws what to_xdmf throws; RankError (kind io) if it cannot be written.
void write_xdmf(const Context& ctx, const std::string& path, const std::vector<XdmfGrid>& grids);

}  // namespace serried
