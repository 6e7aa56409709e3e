#pragma once

#include <memory>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/context.hpp"
#include "serried/io/output_claim.hpp"

namespace SERRIED_API serried {

/// The outputs of a run that get their names together, at its end: until publish() a file that is
/// complete (by FileWriter::commit() or write_text_file()) stays under its temporary name, so that
/// a run which fails at its last output leaves none of the others either.
class OutputSet {
 public:
  OutputSet();
  /// Removes what has not got its name. Local.
  ~OutputSet();
  OutputSet(const OutputSet&) = delete;
  OutputSet& operator=(const OutputSet&) = delete;

  /// Takes an output in, before it is complete. Local.
  /// @throws InvalidArgument if it is complete already.
  void add(OutputClaim claim);

  /// Gives all complete outputs their names, in the order of add(), and lets go of the others.
  /// Where one cannot be renamed, those that were already are removed again. Collective.
  /// @throws RankError (kind io); then none of the outputs is there.
  void publish(const Context& ctx);

 private:
  std::vector<std::shared_ptr<OutputClaim::Impl>> claims_;
};

}  // namespace serried
