// serial
#include "serried/report/verdict.hpp"

#include <array>

#include "serried/report/phase_measurement.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

PhaseReport phase(double computation_s, double communication_s, double file_s,
                  double imbalance = 0) {
  PhaseReport report;
  report.name = "fit";
  report.critical_computation_s = computation_s;
  report.critical_communication_s = communication_s;
  report.critical_file_s = file_s;
  report.imbalance = imbalance;
  report.file_bytes = 4'000'000'000;
  return report;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(PhaseMeasurement, critical_path_is_the_rank_that_worked_longest_outside_mpi) {
  const std::array<PhaseTotals, 2> totals = {PhaseTotals{.total_s = 10,
                                                         .communication_s = 1,
                                                         .file_s = 2,
                                                         .communication_bytes = 100,
                                                         .file_bytes = 7},
                                             PhaseTotals{.total_s = 10,
                                                         .communication_s = 5,
                                                         .file_s = 1,
                                                         .communication_bytes = 20,
                                                         .file_bytes = 8}};
  const PhaseReport report = combine_phase("fit", totals);
  EXPECT_DOUBLE_EQ(report.mean_s, 10);
  EXPECT_DOUBLE_EQ(report.max_s, 10);
  EXPECT_DOUBLE_EQ(report.imbalance, 9. / 7 - 1);
  EXPECT_DOUBLE_EQ(report.critical_communication_s, 1);
  EXPECT_DOUBLE_EQ(report.critical_file_s, 2);
  EXPECT_DOUBLE_EQ(report.critical_computation_s, 7);
  EXPECT_DOUBLE_EQ(report.communication_mean_s, 3);
  EXPECT_DOUBLE_EQ(report.file_mean_s, 1.5);
  EXPECT_EQ(report.communication_bytes, 120);
  EXPECT_EQ(report.file_bytes, 15);
}

TEST(PhaseMeasurement, reading_beside_computing_is_not_counted_beyond_the_phase) {
  const std::array<PhaseTotals, 1> totals = {
      PhaseTotals{.total_s = 2, .communication_s = 0.5, .file_s = 3}};
  const PhaseReport report = combine_phase("read", totals);
  EXPECT_DOUBLE_EQ(report.critical_file_s, 1.5);
  EXPECT_DOUBLE_EQ(report.critical_computation_s, 0);
  EXPECT_DOUBLE_EQ(report.imbalance, 0);
}

TEST(PhaseMeasurement, a_phase_that_took_no_time_is_all_zero) {
  const std::array<PhaseTotals, 3> totals{};
  const PhaseReport report = combine_phase("write", totals);
  EXPECT_EQ(report.imbalance, 0);
  EXPECT_EQ(report.critical_computation_s, 0);
}

TEST(Verdict, largest_share_is_the_bound) {
  const std::array computing = {phase(6, 1, 1), phase(2, 1, 1)};
  const Verdict computation = judge_run(computing, 4);
  EXPECT_EQ(computation.bound, Bound::computation);
  EXPECT_DOUBLE_EQ(computation.computation_share, 8. / 12);
  EXPECT_DOUBLE_EQ(computation.communication_share, 2. / 12);
  EXPECT_DOUBLE_EQ(computation.file_share, 2. / 12);
  EXPECT_DOUBLE_EQ(computation.saved_by_doubling, 4. / 12);
  EXPECT_TRUE(contains(computation.sentence, "more ranks would have helped"))
      << computation.sentence;
  EXPECT_TRUE(contains(computation.sentence, "at most 33 %")) << computation.sentence;

  const std::array talking = {phase(1, 6, 1)};
  const Verdict communication = judge_run(talking, 4);
  EXPECT_EQ(communication.bound, Bound::communication);
  EXPECT_TRUE(contains(communication.sentence, "more ranks would not have helped"))
      << communication.sentence;

  const std::array reading = {phase(1, 1, 2)};
  const Verdict files = judge_run(reading, 4);
  EXPECT_EQ(files.bound, Bound::files);
  EXPECT_TRUE(contains(files.sentence, "now 2.00 GB/s")) << files.sentence;
}

TEST(Verdict, waiting_for_the_busiest_rank_is_told_apart_from_computation) {
  // The busiest rank worked 8 s, the mean 4 s: the mean rank waited half of the 8 s.
  const std::array uneven = {phase(8, 0, 0, 1.0)};
  const Verdict verdict = judge_run(uneven, 4);
  EXPECT_EQ(verdict.bound, Bound::imbalance);
  EXPECT_TRUE(contains(verdict.sentence, "waited 50 %")) << verdict.sentence;
  const std::array nearly_even = {phase(8, 0, 0, 0.3)};
  EXPECT_EQ(judge_run(nearly_even, 4).bound, Bound::computation);
}

TEST(Verdict, short_and_empty_runs_have_no_bound) {
  EXPECT_EQ(judge_run({}, 1).bound, Bound::nothing);
  const std::array brief = {phase(0.01, 0.02, 0.01)};
  const Verdict verdict = judge_run(brief, 3);
  EXPECT_EQ(verdict.bound, Bound::nothing);
  EXPECT_TRUE(contains(verdict.sentence, "40 ms")) << verdict.sentence;
}

}  // namespace
}  // namespace serried
