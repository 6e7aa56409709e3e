#include "io/picks.hpp"

#include "io/geometry.hpp"

namespace serried {
namespace {

Pick pick_of(const FileRead& read, std::size_t user,
             const std::vector<std::int64_t>& slab_strides) {
  const Transfer& transfer = read.users[user];
  Pick pick;
  pick.count = transfer.count;
  pick.to_strides = transfer.strides;
  pick.to_offset = transfer.offset;
  pick.elements = transfer.elements;
  pick.first_user = user;
  for (std::size_t i = 0; i < transfer.count.size(); ++i) {
    const SelectedAxis& axis = transfer.item->axes[i];
    const std::int64_t first = axis.start + transfer.begin[i] * axis.step;
    pick.from_offset += (first - read.box.start[i]) / read.box.step[i] * slab_strides[i];
    const bool is_one = transfer.count[i] == 1;
    pick.from_strides.push_back(is_one ? 0 : axis.step / read.box.step[i] * slab_strides[i]);
    if (is_one) pick.to_strides[i] = 0;
  }
  return pick;
}

void put_in_front(Pick& pick, std::int64_t count, std::int64_t from, std::int64_t to) {
  pick.count.insert(pick.count.begin(), count);
  pick.from_strides.insert(pick.from_strides.begin(), from);
  pick.to_strides.insert(pick.to_strides.begin(), to);
  pick.elements *= count;
}

}  // namespace

std::vector<Pick> list_picks(const FileRead& read) {
  const std::vector<std::int64_t> slab_strides = c_strides(read.box.count);
  std::vector<Pick> each;
  for (std::size_t user = 0; user < read.users.size(); ++user)
    each.push_back(pick_of(read, user, slab_strides));
  std::vector<Pick> picks;
  for (std::size_t i = 0; i < each.size();) {
    const auto is_like = [&](std::size_t a) {
      return a < each.size() && each[a].count == each[i].count &&
             each[a].from_strides == each[i].from_strides &&
             each[a].to_strides == each[i].to_strides;
    };
    std::size_t end = i + 1;
    std::int64_t from = 0;
    std::int64_t to = 0;
    if (is_like(end)) {
      from = each[end].from_offset - each[i].from_offset;
      to = each[end].to_offset - each[i].to_offset;
    }
    while (is_like(end) && each[end].from_offset - each[end - 1].from_offset == from &&
           each[end].to_offset - each[end - 1].to_offset == to)
      ++end;
    Pick& pick = picks.emplace_back(each[i]);
    if (end - i > 1) put_in_front(pick, static_cast<std::int64_t>(end - i), from, to);
    i = end;
  }
  return picks;
}

bool is_whole_slab(const FileRead& read, const std::vector<Pick>& picks) {
  return picks.size() == 1 && picks.front().elements == read.box.elements() &&
         picks.front().from_strides == picks.front().to_strides;
}

std::vector<std::int64_t> place_in_file(const FileRead& read, const Pick& pick,
                                        std::int64_t number) {
  const std::int64_t of_one = read.users[pick.first_user].elements;
  const Transfer& transfer =
      read.users[pick.first_user + static_cast<std::size_t>(number / of_one)];
  number %= of_one;
  std::vector<std::int64_t> index(transfer.count.size());
  for (std::size_t i = index.size(); i-- > 0;) {
    const SelectedAxis& axis = transfer.item->axes[i];
    index[i] = axis.start + (transfer.begin[i] + number % transfer.count[i]) * axis.step;
    number /= transfer.count[i];
  }
  return index;
}

}  // namespace serried
