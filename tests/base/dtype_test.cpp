// serial
#include "serried/base/dtype.hpp"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace serried {
namespace {

struct Known {
  DType dtype;
  const char* name;
  const char* long_name;
  std::size_t bytes;
};

const std::vector<Known> all_dtypes{
    {DType::b8, "b8", "bool", 1},
    {DType::i8, "i8", "int8", 1},
    {DType::u8, "u8", "uint8", 1},
    {DType::i16, "i16", "int16", 2},
    {DType::u16, "u16", "uint16", 2},
    {DType::i32, "i32", "int32", 4},
    {DType::u32, "u32", "uint32", 4},
    {DType::i64, "i64", "int64", 8},
    {DType::u64, "u64", "uint64", 8},
    {DType::f16, "f16", "float16", 2},
    {DType::f32, "f32", "float32", 4},
    {DType::f64, "f64", "float64", 8},
    {DType::c64, "c64", "complex64", 8},
    {DType::c128, "c128", "complex128", 16},
    {DType::string, "string", "str", 0},
    {DType::categorical, "categorical", "category", 4},
    {DType::timestamp, "timestamp", "datetime64[ns]", 8},
};

TEST(DType, names_and_sizes) {
  for (std::size_t i = 0; i < all_dtypes.size(); ++i) {
    const Known& known = all_dtypes[i];
    EXPECT_EQ(static_cast<std::size_t>(known.dtype), i);  // none is left out
    EXPECT_EQ(name(known.dtype), known.name);
    EXPECT_EQ(size_of(known.dtype), known.bytes);
  }
}

TEST(DType, parse_both_names) {
  for (const Known& known : all_dtypes) {
    EXPECT_EQ(parse_dtype(known.name), known.dtype);
    EXPECT_EQ(parse_dtype(known.long_name), known.dtype);
  }
  for (const char* text : {"", "f", "F32", "f32 ", "float", "int", "i128"})
    EXPECT_THROW((void)parse_dtype(text), InvalidArgument) << text;
}

TEST(DType, classes_are_a_partition_of_the_numbers) {
  for (const Known& known : all_dtypes) {
    const DType d = known.dtype;
    const int classes = (d == DType::b8) + is_integer(d) + is_floating(d) + is_complex(d);
    EXPECT_EQ(classes, d <= DType::c128 ? 1 : 0) << known.name;
    EXPECT_EQ(is_real(d), classes == 1 && !is_complex(d)) << known.name;
  }
}

TEST(DType, visit_gives_the_type_of_the_dtype) {
  for (const Known& known : all_dtypes) {
    const auto check = [&]<class T>(TypeTag<T>) {
      EXPECT_EQ(dtype_of<T>, known.dtype);
      EXPECT_EQ(dtype_of<const T>, known.dtype);
      EXPECT_EQ(sizeof(T), known.bytes);
      return known.bytes;
    };
    if (is_real(known.dtype))
      EXPECT_EQ(visit_real(known.dtype, check), known.bytes);
    else
      EXPECT_THROW(visit_real(known.dtype, check), InvalidArgument) << known.name;
    if (known.dtype <= DType::c128)
      EXPECT_EQ(visit_numeric(known.dtype, check), known.bytes);
    else
      EXPECT_THROW(visit_numeric(known.dtype, check), InvalidArgument) << known.name;
  }
}

TEST(Error, exit_codes_by_kind) {
  EXPECT_EQ(exit_code(ErrorKind::internal), 1);
  EXPECT_EQ(exit_code(ErrorKind::device), 1);
  EXPECT_EQ(exit_code(ErrorKind::invalid_argument), 2);
  EXPECT_EQ(exit_code(ErrorKind::data), 3);
  EXPECT_EQ(exit_code(ErrorKind::numeric), 3);
  EXPECT_EQ(exit_code(ErrorKind::io), 4);
  EXPECT_EQ(IoError("x").kind(), ErrorKind::io);
  EXPECT_EQ(NumericError("x").kind(), ErrorKind::numeric);
  EXPECT_EQ(DeviceError("x").kind(), ErrorKind::device);
  EXPECT_EQ(RankError(3, ErrorKind::data, "x").rank(), 3);
}

}  // namespace
}  // namespace serried
