#pragma once

#include <mpi.h>

#include <cstdint>
#include <vector>

#include "parameters.hpp"
#include "serried/base/row_range.hpp"

namespace gray_scott {

/// One rank's slab of the fields, with a ghost plane on either side. The values of a cell do not
/// depend on the number of ranks: its start is a function of its global index, and a step works on
/// it and its neighbours alone.
class Simulation {
 public:
  /// Local. `rows` are the planes of axis 0 that each rank owns; ranks without planes are allowed.
  Simulation(MPI_Comm comm, const Parameters& parameters, std::vector<serried::RowRange> rows);

  /// Advances by one step of length dt (explicit Euler).
  /// Collective.
  void step();

  /// Whether every value on every rank is finite.
  /// Collective.
  [[nodiscard]] bool is_finite() const;

  [[nodiscard]] std::int64_t steps_done() const noexcept { return steps_done_; }
  /// This rank's planes, C order, without the ghost planes. Valid until the next step.
  [[nodiscard]] const double* u() const noexcept { return u_.data() + plane_; }
  [[nodiscard]] const double* v() const noexcept { return v_.data() + plane_; }
  [[nodiscard]] std::int64_t local_planes() const noexcept { return planes_; }

 private:
  void start();
  void exchange_ghosts();

  MPI_Comm comm_;
  Parameters parameters_;
  std::vector<serried::RowRange> rows_;
  std::int64_t first_plane_ = 0;
  std::int64_t planes_ = 0;
  std::int64_t plane_ = 0;  // cells of one plane
  int below_ = 0;           // the ranks that own the planes before and after this slab
  int above_ = 0;
  std::int64_t steps_done_ = 0;
  std::vector<double> u_, v_, next_u_, next_v_;
};

}  // namespace gray_scott
