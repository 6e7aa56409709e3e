#include "serried/base/glm_family.hpp"

#include <array>

#include "base/glm_functors.hpp"

namespace serried {
namespace {

template <class... Functors>
constexpr auto facts_of(glm::List<Functors...>) {
  return std::array{Functors::facts...};
}
constexpr auto family_facts = facts_of(glm::Families());
constexpr auto link_facts = facts_of(glm::Links());

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < family_facts.size(); ++i)
    if (family_facts[i].family != static_cast<GlmFamily>(i)) return false;
  for (std::size_t i = 0; i < link_facts.size(); ++i)
    if (link_facts[i].link != static_cast<GlmLink>(i)) return false;
  return true;
}
static_assert(is_in_order(),
              "the lists of glm_functors.hpp stand in the order of the enumerations");

}  // namespace

std::span<const GlmFamilyFacts> glm_families() {
  return family_facts;
}
std::span<const GlmLinkFacts> glm_links() {
  return link_facts;
}

const GlmFamilyFacts& facts(GlmFamily family) {
  return family_facts[static_cast<std::size_t>(family)];
}
const GlmLinkFacts& facts(GlmLink link) {
  return link_facts[static_cast<std::size_t>(link)];
}

bool is_allowed(GlmFamily family, GlmLink link) {
  if (family != GlmFamily::binomial) return !facts(link).is_for_probabilities;
  return facts(link).is_for_probabilities || link == GlmLink::log || link == GlmLink::identity;
}

}  // namespace serried
