#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "io/element_boxes.hpp"
#include "io/hdf5/handle.hpp"
#include "serried/base/dtype.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::hdf5 {

/// Writes this rank's boxes of a dataset from contiguous memory. Every rank makes the same number
/// of H5Dwrite calls, with an empty selection where it has nothing left, because filters need
/// collective transfers. Memory and file selections have the same number of dimensions (a 1-D
/// memory space against a chunked N-d dataset is several times slower). `what` begins the text of
/// errors. Collective.
/// @throws RankError (kind io).
void write_boxes(const Communicator& comm, hid_t dataset, const Shape& shape, DType dtype,
                 const std::vector<ElementBox>& boxes, const std::byte* data,
                 const std::string& what);

}  // namespace serried::hdf5
