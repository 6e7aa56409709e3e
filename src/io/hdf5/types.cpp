#include "io/hdf5/types.hpp"

#include <cstdint>

#include "io/hdf5/errors.hpp"

namespace serried::hdf5 {
namespace {

/// The narrowest integer dtype of at least this many bits; false where there is none.
bool find_integer(std::size_t bits, bool is_signed, DType& dtype) {
  if (bits > 64) return false;
  const int step = bits <= 8 ? 0 : bits <= 16 ? 1 : bits <= 32 ? 2 : 3;
  constexpr DType signed_types[] = {DType::i8, DType::i16, DType::i32, DType::i64};
  constexpr DType unsigned_types[] = {DType::u8, DType::u16, DType::u32, DType::u64};
  dtype = is_signed ? signed_types[step] : unsigned_types[step];
  return true;
}

ElementType describe_integer(hid_t type) {
  ElementType element;
  const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
  const std::size_t bits = H5Tget_precision(type);
  element.is_number = find_integer(bits, is_signed, element.dtype);
  element.text = (is_signed ? "i" : "u") + std::to_string(bits);
  if (!element.is_number)
    element.refusal = "integers of " + std::to_string(bits) + " bits are too wide";
  return element;
}

ElementType describe_float(hid_t type) {
  ElementType element;
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits);
  const std::size_t bits = H5Tget_precision(type);
  element.text = "f" + std::to_string(bits);
  element.is_number = true;
  if (exponent_bits <= 5 && mantissa_bits <= 10) {
    element.dtype = DType::f16;
  } else if (exponent_bits <= 8 && mantissa_bits <= 23) {
    element.dtype = DType::f32;
    if (bits == 16) element.text = "bf16";
  } else if (exponent_bits <= 11 && mantissa_bits <= 52) {
    element.dtype = DType::f64;
  } else {
    element.is_number = false;
    element.refusal = "floats of " + std::to_string(bits) + " bits do not fit f64";
  }
  return element;
}

bool is_bool_enum(hid_t type) {
  if (H5Tget_nmembers(type) != 2) return false;
  signed char value = -1;
  const Type base(H5Tget_super(type));
  if (H5Tget_size(base.id()) != 1) return false;
  if (H5Tenum_valueof(type, "FALSE", &value) < 0 || value != 0) return false;
  return H5Tenum_valueof(type, "TRUE", &value) >= 0 && value == 1;
}

ElementType describe_enum(hid_t type) {
  ElementType element;
  if (is_bool_enum(type)) {
    element.is_number = true;
    element.dtype = DType::b8;
    element.text = "b8";
    return element;
  }
  const Type base(H5Tget_super(type));
  element = describe_type(base.id());
  element.text = "enum of " + element.text;
  return element;
}

ElementType refuse(std::string text, std::string refusal) {
  ElementType element;
  element.text = std::move(text);
  element.refusal = std::move(refusal);
  return element;
}

/// Compounds of two floats, by h5py's names or in full, are complex numbers.
ElementType describe_compound(hid_t type) {
  constexpr const char* no_number = "compounds are not numbers";
  if (H5Tget_nmembers(type) != 2) return refuse("compound", no_number);
  std::string names;
  ElementType parts[2];
  for (unsigned i = 0; i < 2; ++i) {
    const Type member(H5Tget_member_type(type, i));
    if (H5Tget_class(member.id()) != H5T_FLOAT) return refuse("compound", no_number);
    parts[i] = describe_type(member.id());
    char* const text = H5Tget_member_name(type, i);
    names += (i > 0 ? "," : "") + std::string(text != nullptr ? text : "");
    H5free_memory(text);
  }
  if (names != "r,i" && names != "real,imag") return refuse("compound", no_number);
  ElementType element = parts[0];
  if (!parts[1].is_number || parts[1].text != parts[0].text)
    return refuse("complex", "complex numbers whose parts differ, or do not fit f64");
  if (!element.is_number) return element;
  element.has_full_names = names == "real,imag";
  element.dtype = element.dtype == DType::f64 ? DType::c128 : DType::c64;
  element.text = "complex of " + element.text;
  return element;
}

Type make_complex_type(hid_t part, bool has_full_names) {
  const std::size_t bytes = H5Tget_size(part);
  Type type(checked(H5Tcreate(H5T_COMPOUND, 2 * bytes), "cannot make the complex type"));
  check(H5Tinsert(type.id(), has_full_names ? "real" : "r", 0, part),
        "cannot make the complex type");
  check(H5Tinsert(type.id(), has_full_names ? "imag" : "i", bytes, part),
        "cannot make the complex type");
  return type;
}

Type copy_of(hid_t type) {
  return Type(checked(H5Tcopy(type), "cannot make a type"));
}

}  // namespace

ElementType describe_type(hid_t type) {
  const H5T_class_t type_class = H5Tget_class(type);
  ElementType element;
  switch (type_class) {
    case H5T_INTEGER:
      element = describe_integer(type);
      break;
    case H5T_FLOAT:
      element = describe_float(type);
      break;
    case H5T_ENUM:
      return describe_enum(type);
    case H5T_BITFIELD:
      element.is_number = find_integer(H5Tget_precision(type), false, element.dtype);
      element.is_bit_field = true;
      element.text = "bit field of " + std::to_string(H5Tget_precision(type));
      element.refusal = "wide bit fields are not numbers";
      break;
    case H5T_STRING:
      element = refuse("string", "strings are not numbers");
      element.is_text = true;
      return element;
    case H5T_COMPOUND:
      return describe_compound(type);
    case H5T_REFERENCE:
      return refuse("reference", "references are not numbers");
    case H5T_OPAQUE:
      return refuse("opaque", "opaque data is not numbers");
    case H5T_VLEN:
      return refuse("variable-length", "variable-length elements are not numbers");
    case H5T_ARRAY:
      return refuse("array", "elements that are arrays cannot be read");
    default:
      return refuse("unknown", "this element type is not known");
  }
  if (element.is_number) element.refusal.clear();
  if (H5Tget_size(type) > 1 && H5Tget_order(type) == H5T_ORDER_BE) element.text += " big-endian";
  return element;
}

Type memory_type(DType dtype) {
  switch (dtype) {
    case DType::b8: {
      Type type(checked(H5Tenum_create(H5T_NATIVE_INT8), "cannot make the bool type"));
      signed char value = 0;
      check(H5Tenum_insert(type.id(), "FALSE", &value), "cannot make the bool type");
      value = 1;
      check(H5Tenum_insert(type.id(), "TRUE", &value), "cannot make the bool type");
      return type;
    }
    case DType::i8:
      return copy_of(H5T_NATIVE_INT8);
    case DType::u8:
      return copy_of(H5T_NATIVE_UINT8);
    case DType::i16:
      return copy_of(H5T_NATIVE_INT16);
    case DType::u16:
      return copy_of(H5T_NATIVE_UINT16);
    case DType::i32:
      return copy_of(H5T_NATIVE_INT32);
    case DType::u32:
      return copy_of(H5T_NATIVE_UINT32);
    case DType::i64:
      return copy_of(H5T_NATIVE_INT64);
    case DType::u64:
      return copy_of(H5T_NATIVE_UINT64);
    case DType::f16: {
      Type type = copy_of(H5T_IEEE_F32LE);
      // Fields first: HDF5 does not let them reach beyond the size.
      check(H5Tset_fields(type.id(), 15, 10, 5, 0, 10), "cannot make the f16 type");
      check(H5Tset_size(type.id(), 2), "cannot make the f16 type");
      check(H5Tset_ebias(type.id(), 15), "cannot make the f16 type");
      return type;
    }
    case DType::f32:
      return copy_of(H5T_NATIVE_FLOAT);
    case DType::f64:
      return copy_of(H5T_NATIVE_DOUBLE);
    case DType::c64:
      return make_complex_type(H5T_NATIVE_FLOAT, false);
    case DType::c128:
      return make_complex_type(H5T_NATIVE_DOUBLE, false);
    default:
      break;
  }
  throw InvalidArgument("files of " + std::string(name(dtype)) + " cannot be read or written");
}

Type memory_type(const ElementType& element) {
  if (element.has_full_names)
    return make_complex_type(element.dtype == DType::c64 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE,
                             true);
  if (!element.is_bit_field) return memory_type(element.dtype);
  switch (size_of(element.dtype)) {
    case 1:
      return copy_of(H5T_NATIVE_B8);
    case 2:
      return copy_of(H5T_NATIVE_B16);
    case 4:
      return copy_of(H5T_NATIVE_B32);
    default:
      return copy_of(H5T_NATIVE_B64);
  }
}

}  // namespace serried::hdf5
