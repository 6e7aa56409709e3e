#pragma once

#include <string>

#include "io/hdf5/handle.hpp"
#include "serried/base/dtype.hpp"

namespace serried::hdf5 {

/// What the elements of a dataset or attribute are.
struct ElementType {
  bool is_number = false;
  bool is_text = false;
  bool is_bit_field = false;
  bool has_full_names = false;  ///< of complex numbers: "real" and "imag", not "r" and "i"
  DType dtype = DType::f64;     ///< the dtype that holds every value exactly, where it is a number
  std::string text;             ///< "f32 big-endian", "string", "compound", ...
  std::string refusal;          ///< why it cannot be read, where it is no number
};

/// Describes a file's type. Narrow types keep their width; h5py's bool enums are b8, other enums
/// their integer, bit fields unsigned integers, compounds of two floats r and i (as h5py's), or
/// real and imag, complex numbers. Local.
[[nodiscard]] ElementType describe_type(hid_t type);

/// The type of one element in memory: what reading asks HDF5 for, and what is written to files (b8
/// as h5py's bool enum, f16 as IEEE half, complex numbers as h5py's compounds). Local. @throws
/// InvalidArgument for types that are no numbers.
[[nodiscard]] Type memory_type(DType dtype);
/// As above, for reading elements of this type.
[[nodiscard]] Type memory_type(const ElementType& element);

}  // namespace serried::hdf5
