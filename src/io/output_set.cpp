#include "serried/io/output_set.hpp"

#include <algorithm>

#include "io/output_claim_impl.hpp"
#include "io/temporary_file.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

OutputSet::OutputSet() = default;
OutputSet::~OutputSet() = default;

void OutputSet::add(OutputClaim claim) {
  if (claim.impl_->state != OutputClaim::Impl::State::growing)
    throw InvalidArgument(claim.impl_->path + " is complete already");
  claim.impl_->is_deferred = true;
  claims_.push_back(std::move(claim.impl_));
}

void OutputSet::publish(const Context& ctx) {
  std::erase_if(claims_, [](const auto& claim) {
    return claim->state != OutputClaim::Impl::State::complete;
  });
  if (claims_.empty()) return;
  // What ranks that disagree have written must not get its name.
  ctx.comm().compare_calls();
  std::vector<FileName> names;
  names.reserve(claims_.size());
  for (const auto& claim : claims_)
    names.push_back({.temporary = claim->temporary, .path = claim->path});
  agree_on_root(ctx.comm(), 0, [&] { rename_files(names); });
  for (const auto& claim : claims_) claim->forget();
  claims_.clear();
}

}  // namespace serried
