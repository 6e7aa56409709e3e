#include "simulation.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "initial_state.hpp"

namespace gray_scott {
namespace {

// The nearest rank that owns planes, going round in one direction (+1 or -1); the rank itself if no
// other does.
int neighbour(const std::vector<serried::RowRange>& rows, int rank, int direction) {
  const int ranks = static_cast<int>(rows.size());
  int other = rank;
  do {
    other = (other + direction + ranks) % ranks;
  } while (other != rank && rows[static_cast<std::size_t>(other)].size() == 0);
  return other;
}

constexpr int upward_tag = 1;
constexpr int downward_tag = 2;

// One line of cells along axis 2 of one field: its own values and those of its neighbours.
struct Line {
  const double* centre;
  const double* below;
  const double* above;
  const double* front;  // axis 1; not used in two dimensions
  const double* back;
};

template <bool is_3d>
double laplacian(const Line& line, std::int64_t left, std::int64_t k, std::int64_t right) {
  double sum = (line.below[k] + line.above[k]) + (line.centre[left] + line.centre[right]);
  if constexpr (is_3d) sum += line.front[k] + line.back[k];
  return sum - (is_3d ? 6.0 : 4.0) * line.centre[k];
}

template <bool is_3d>
void update_line(const Parameters& p, const Line& u_line, const Line& v_line,
                 double* __restrict next_u, double* __restrict next_v) {
  const std::int64_t n = p.cells[2];
  const auto update = [&](std::int64_t left, std::int64_t k, std::int64_t right) {
    const double u = u_line.centre[k];
    const double v = v_line.centre[k];
    const double reaction = u * v * v;
    const double change_u =
        p.du * laplacian<is_3d>(u_line, left, k, right) - reaction + p.feed * (1.0 - u);
    const double change_v =
        p.dv * laplacian<is_3d>(v_line, left, k, right) + reaction - (p.feed + p.kill) * v;
    next_u[k] = u + p.dt * change_u;
    next_v[k] = v + p.dt * change_v;
  };
  update(n - 1, 0, n == 1 ? 0 : 1);
  for (std::int64_t k = 1; k + 1 < n; ++k) update(k - 1, k, k + 1);
  if (n > 1) update(n - 2, n - 1, 0);
}

}  // namespace

Simulation::Simulation(MPI_Comm comm, const Parameters& parameters,
                       std::vector<serried::RowRange> rows)
    : comm_(comm), parameters_(parameters), rows_(std::move(rows)) {
  int rank = 0;
  MPI_Comm_rank(comm_, &rank);
  const serried::RowRange own = rows_[static_cast<std::size_t>(rank)];
  first_plane_ = own.begin;
  planes_ = own.size();
  plane_ = parameters_.cells[1] * parameters_.cells[2];
  below_ = neighbour(rows_, rank, -1);
  above_ = neighbour(rows_, rank, +1);
  const auto values = static_cast<std::size_t>((planes_ + 2) * plane_);
  for (std::vector<double>* field : {&u_, &v_, &next_u_, &next_v_}) field->assign(values, 0.0);
  start();
}

void Simulation::start() {
  for (std::int64_t i = 0; i < planes_; ++i)
    for (std::int64_t j = 0; j < parameters_.cells[1]; ++j)
      for (std::int64_t k = 0; k < parameters_.cells[2]; ++k) {
        const auto at = static_cast<std::size_t>((i + 1) * plane_ + j * parameters_.cells[2] + k);
        std::tie(u_[at], v_[at]) = initial_state(parameters_, {first_plane_ + i, j, k});
      }
}

void Simulation::exchange_ghosts() {
  if (planes_ == 0) return;
  std::vector<MPI_Request> requests;
  for (std::vector<double>* field : {&u_, &v_}) {
    double* const ghost_below = field->data();
    double* const first = ghost_below + plane_;
    double* const last = first + (planes_ - 1) * plane_;
    double* const ghost_above = last + plane_;
    // Messages between two ranks keep their order, so u and v need no tags of their own.
    const int count = static_cast<int>(plane_);
    requests.resize(requests.size() + 4);
    MPI_Request* const request = &requests[requests.size() - 4];
    MPI_Irecv(ghost_below, count, MPI_DOUBLE, below_, upward_tag, comm_, request);
    MPI_Irecv(ghost_above, count, MPI_DOUBLE, above_, downward_tag, comm_, request + 1);
    MPI_Isend(last, count, MPI_DOUBLE, above_, upward_tag, comm_, request + 2);
    MPI_Isend(first, count, MPI_DOUBLE, below_, downward_tag, comm_, request + 3);
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

void Simulation::step() {
  exchange_ghosts();
  const std::int64_t lines = parameters_.cells[1];
  const std::int64_t n = parameters_.cells[2];
  for (std::int64_t plane = 1; plane <= planes_; ++plane)
    for (std::int64_t j = 0; j < lines; ++j) {
      const auto line_of = [&](const std::vector<double>& field) {
        const double* const begin = field.data() + plane * plane_;
        const double* const centre = begin + j * n;
        return Line{centre, centre - plane_, centre + plane_, begin + (j + lines - 1) % lines * n,
                    begin + (j + 1) % lines * n};
      };
      const auto update = parameters_.is_3d ? update_line<true> : update_line<false>;
      const std::int64_t at = plane * plane_ + j * n;
      update(parameters_, line_of(u_), line_of(v_), next_u_.data() + at, next_v_.data() + at);
    }
  u_.swap(next_u_);
  v_.swap(next_v_);
  ++steps_done_;
}

bool Simulation::is_finite() const {
  const auto finite = [&](const double* field) {
    return std::all_of(field, field + planes_ * plane_, [](double x) { return std::isfinite(x); });
  };
  int result = finite(u()) && finite(v()) ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &result, 1, MPI_INT, MPI_LAND, comm_);
  return result != 0;
}

}  // namespace gray_scott
