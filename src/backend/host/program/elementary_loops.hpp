// Included once by each of elementary_avx2.cpp and elementary_avx512.cpp, within their anonymous
// namespace: the loops over a block around SLEEF's functions, and the table of them.

template <class T, class F>
void loop1(const Block& block) {
  const auto* a = reinterpret_cast<const typename T::Number*>(block.in[0]);
  auto* out = reinterpret_cast<typename T::Number*>(block.out);
  for (std::int64_t i = 0; i < block.count; i += T::lanes) T::store(out + i, F()(T::load(a + i)));
}

template <class T, class F>
void loop2(const Block& block) {
  auto* out = reinterpret_cast<typename T::Number*>(block.out);
  for (std::int64_t i = 0; i < block.count; i += T::lanes) {
    const auto offset = static_cast<std::size_t>(i) * sizeof(typename T::Number);
    const auto operand = [&](int k) {
      return T::load(
          reinterpret_cast<const typename T::Number*>(block.in[k] + (offset & block.mask[k])));
    };
    T::store(out + i, F()(operand(0), operand(1)));
  }
}

}  // namespace

const ElementaryPair SERRIED_ELEMENTARY_TABLE[] = {
#define SERRIED_ELEMENTARY_1(OP, NAME, ULP)                                              \
  {&loop1<F32, decltype([](F32::Vector a) { return SERRIED_SLEEF_F32(NAME, ULP)(a); })>, \
   &loop1<F64, decltype([](F64::Vector a) { return SERRIED_SLEEF_F64(NAME, ULP)(a); })>},
#define SERRIED_ELEMENTARY_2(OP, NAME, ULP)                \
  {&loop2<F32, decltype([](F32::Vector a, F32::Vector b) { \
            return SERRIED_SLEEF_F32(NAME, ULP)(a, b);     \
          })>,                                             \
   &loop2<F64, decltype([](F64::Vector a, F64::Vector b) { \
            return SERRIED_SLEEF_F64(NAME, ULP)(a, b);     \
          })>},
#include "backend/host/program/elementary_list.hpp"
#undef SERRIED_ELEMENTARY_1
#undef SERRIED_ELEMENTARY_2
};
