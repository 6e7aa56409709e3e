// serial
#include "report/rank_rows.hpp"

#include <array>

#include "support/spmd.hpp"

namespace serried {
namespace {

RankReport rank_on(const std::string& host, const std::string& cores,
                   std::int64_t memory = 2'000'000'000) {
  return {.host = host,
          .cores = cores,
          .threads = 2,
          .threads_source = "--threads",
          .instruction_level = "AVX2",
          .device = "host",
          .peak_memory_bytes = memory};
}

TEST(RankRows, unite_cpu_lists_merges_neighbours_and_overlaps) {
  const std::array<std::string, 4> lists = {"4-5,0", "1", "5-7", "12"};
  EXPECT_EQ(unite_cpu_lists(lists), "0-1,4-7,12");
  EXPECT_EQ(unite_cpu_lists(std::array<std::string, 2>{"", "unknown"}), "");
}

TEST(RankRows, bytes_to_text_has_three_digits) {
  EXPECT_EQ(bytes_to_text(0), "0 B");
  EXPECT_EQ(bytes_to_text(999), "999 B");
  EXPECT_EQ(bytes_to_text(1250), "1.25 kB");
  EXPECT_EQ(bytes_to_text(999'600), "1 MB");
  EXPECT_EQ(bytes_to_text(12'345'678'901), "12.3 GB");
}

TEST(RankRows, ranks_alike_share_a_row) {
  const std::array ranks = {rank_on("a", "0"), rank_on("a", "1", 3'000'000'000), rank_on("b", "0"),
                            rank_on("a", "0")};
  const std::vector<RankRow> rows = fold_ranks(ranks);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].ranks, "0-1");
  EXPECT_EQ(rows[0].cores, "0-1");
  EXPECT_EQ(rows[0].peak_memory, "2 GB - 3 GB");
  EXPECT_EQ(rows[0].threads, "2 (--threads)");
  EXPECT_EQ(rows[0].file_bytes, "0 B");
  EXPECT_EQ(rows[1].ranks, "2");
  EXPECT_EQ(rows[1].hosts, "b");
  EXPECT_EQ(rows[2].ranks, "3");
}

TEST(RankRows, a_thousand_ranks_fit_on_a_page) {
  std::vector<RankReport> ranks;
  for (int r = 0; r < 1000; ++r)
    ranks.push_back(rank_on("n" + std::to_string(r / 10), std::to_string(r % 10)));
  ranks.back().threads = 1;
  const std::vector<RankRow> rows = fold_ranks(ranks, 24);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].ranks, "0-998");
  EXPECT_EQ(rows[0].hosts, "n0 .. n99 (100 hosts)");
  EXPECT_EQ(rows[0].cores, "0-9");
  EXPECT_EQ(rows[1].ranks, "999");
  EXPECT_EQ(rows[1].threads, "1 (--threads)");
}

}  // namespace
}  // namespace serried
