#include "array/order/sortable.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "array/order/key_places.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

void check_sortable(const Array& array) {
  if (!is_real(array.dtype()))
    throw InvalidArgument("numbers of dtype " + std::string(name(array.dtype())) +
                          " have no order");
  if (array.is_on_device())
    throw InvalidArgument(array.describe() +
                          " lies on a device, where arrays are not sorted; "
                          "to_host()");
}

KeyPlaces key_places_of(const Array& array, bool is_falling) {
  const Context& ctx = array.context();
  const std::int64_t row_elements = array.row_elements();
  const std::int64_t first = array.local_rows().begin * row_elements;
  const std::int64_t elements = array.local_rows().size() * row_elements;
  KeyPlaces pairs;
  agree(ctx.comm(), [&] {
    pairs = KeyPlaces(ctx, elements);
    constexpr std::int64_t run = std::int64_t{1} << 16;
    const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
    ctx.backend()->threads().parallel_for((elements + run - 1) / run, [&](std::int64_t r, int) {
      const std::int64_t begin = r * run;
      const std::int64_t count = std::min(run, elements - begin);
      make_key_places(
          array.dtype(), array.local_data() + begin * bytes, 1, first + begin, is_falling,
          pairs.span().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)));
    });
  });
  return pairs;
}

}  // namespace serried
