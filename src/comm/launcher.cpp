#include "serried/comm/launcher.hpp"

#include <cstdlib>
#include <initializer_list>

namespace serried {
namespace {

std::optional<int> number_in_first(std::initializer_list<const char*> names) noexcept {
  for (const char* const name : names)
    if (const char* const text = std::getenv(name)) return std::atoi(text);
  return std::nullopt;
}

}  // namespace

bool is_launched() noexcept {
  for (const char* const name :
       {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"})
    if (std::getenv(name) != nullptr) return true;
  return false;
}

std::optional<int> launched_rank() noexcept {
  return number_in_first({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"});
}

std::optional<int> launched_node_rank() noexcept {
  return number_in_first({"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"});
}

}  // namespace serried
