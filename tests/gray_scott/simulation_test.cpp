// ranks: 1 2 3 4 7
// The simulation against a plain loop over the whole box, bit for bit, at every number of ranks.
#include "simulation.hpp"

#include <cstring>
#include <vector>

#include "initial_state.hpp"
#include "serried/comm/layout.hpp"
#include "support/spmd.hpp"

namespace gray_scott {
namespace {

struct Fields {
  std::vector<double> u, v;
};

// One box on one rank, every neighbour found by the remainder of its index: the oracle.
class PlainLoop {
 public:
  explicit PlainLoop(const Parameters& parameters) : p_(parameters) {
    const auto [a, b, c] = p_.cells;
    for (std::int64_t i = 0; i < a; ++i)
      for (std::int64_t j = 0; j < b; ++j)
        for (std::int64_t k = 0; k < c; ++k) {
          const auto [u, v] = initial_state(p_, {i, j, k});
          now_.u.push_back(u);
          now_.v.push_back(v);
        }
  }

  void step() {
    Fields next = now_;
    const auto [a, b, c] = p_.cells;
    for (std::int64_t i = 0; i < a; ++i)
      for (std::int64_t j = 0; j < b; ++j)
        for (std::int64_t k = 0; k < c; ++k) {
          const double u = value(now_.u, i, j, k);
          const double v = value(now_.v, i, j, k);
          const double change_u =
              p_.du * laplacian(now_.u, i, j, k) - u * v * v + p_.feed * (1.0 - u);
          const double change_v =
              p_.dv * laplacian(now_.v, i, j, k) + u * v * v - (p_.feed + p_.kill) * v;
          next.u[index(i, j, k)] = u + p_.dt * change_u;
          next.v[index(i, j, k)] = v + p_.dt * change_v;
        }
    now_ = next;
  }

  [[nodiscard]] const Fields& fields() const { return now_; }

 private:
  [[nodiscard]] std::size_t index(std::int64_t i, std::int64_t j, std::int64_t k) const {
    const auto around = [](std::int64_t at, std::int64_t n) { return (at + n) % n; };
    return static_cast<std::size_t>(
        (around(i, p_.cells[0]) * p_.cells[1] + around(j, p_.cells[1])) * p_.cells[2] +
        around(k, p_.cells[2]));
  }
  [[nodiscard]] double value(const std::vector<double>& field, std::int64_t i, std::int64_t j,
                             std::int64_t k) const {
    return field[index(i, j, k)];
  }
  [[nodiscard]] double laplacian(const std::vector<double>& field, std::int64_t i, std::int64_t j,
                                 std::int64_t k) const {
    double sum = (value(field, i - 1, j, k) + value(field, i + 1, j, k)) +
                 (value(field, i, j, k - 1) + value(field, i, j, k + 1));
    if (p_.is_3d) sum += value(field, i, j - 1, k) + value(field, i, j + 1, k);
    return sum - (p_.is_3d ? 6.0 : 4.0) * value(field, i, j, k);
  }

  Parameters p_;
  Fields now_;
};

void expect_equals_plain_loop(const Parameters& parameters, int steps) {
  const serried::Communicator& comm = serried::test::runtime().communicator();
  const auto layout = serried::Layout::uniform(parameters.cells[0], comm.size());
  std::vector<serried::RowRange> rows;
  for (int rank = 0; rank < comm.size(); ++rank) rows.push_back(layout.rows_of(rank));
  Simulation simulation(MPI_Comm_f2c(comm.fortran_handle()), parameters, rows);
  PlainLoop oracle(parameters);
  for (int step = 0; step < steps; ++step) {
    simulation.step();
    oracle.step();
  }
  EXPECT_EQ(simulation.steps_done(), steps);
  EXPECT_TRUE(simulation.is_finite());
  const std::int64_t plane = parameters.cells[1] * parameters.cells[2];
  const auto first = static_cast<std::size_t>(layout.rows_of(comm.rank()).begin * plane);
  const auto bytes = static_cast<std::size_t>(simulation.local_planes() * plane) * sizeof(double);
  EXPECT_EQ(simulation.local_planes(), layout.rows_of(comm.rank()).size());
  EXPECT_EQ(std::memcmp(simulation.u(), oracle.fields().u.data() + first, bytes), 0);
  EXPECT_EQ(std::memcmp(simulation.v(), oracle.fields().v.data() + first, bytes), 0);
}

TEST(GrayScott, equals_plain_loop_2d) {
  expect_equals_plain_loop({.cells = {29, 1, 31}}, 60);
}

TEST(GrayScott, equals_plain_loop_3d) {
  expect_equals_plain_loop({.cells = {11, 9, 10}, .is_3d = true, .seed = 5}, 25);
}

TEST(GrayScott, equals_plain_loop_fewer_rows_than_ranks) {
  expect_equals_plain_loop({.cells = {2, 1, 17}}, 30);
  expect_equals_plain_loop({.cells = {1, 1, 5}}, 30);
  expect_equals_plain_loop({.cells = {3, 1, 1}, .is_3d = true}, 10);
}

TEST(GrayScott, seed_decides_the_start) {
  const Parameters first{.seed = 1};
  const Parameters second{.seed = 2};
  EXPECT_EQ(initial_state(first, {7, 0, 9}), initial_state(first, {7, 0, 9}));
  EXPECT_NE(initial_state(first, {7, 0, 9}), initial_state(second, {7, 0, 9}));
}

TEST(GrayScott, is_finite_tells_divergence) {
  const serried::Communicator& comm = serried::test::runtime().communicator();
  const Parameters parameters{.cells = {16, 1, 16}, .dt = 50.0};
  const auto layout = serried::Layout::uniform(16, comm.size());
  std::vector<serried::RowRange> rows;
  for (int rank = 0; rank < comm.size(); ++rank) rows.push_back(layout.rows_of(rank));
  Simulation simulation(MPI_Comm_f2c(comm.fortran_handle()), parameters, rows);
  for (int step = 0; step < 200; ++step) simulation.step();
  EXPECT_FALSE(simulation.is_finite());
}

}  // namespace
}  // namespace gray_scott
