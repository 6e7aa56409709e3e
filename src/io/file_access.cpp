#include "io/file_access.hpp"

#include <algorithm>

#include "comm/mpi_io.hpp"
#include "io/hdf5/errors.hpp"

namespace serried {

void note_file_access(Recorder& recorder, const std::string& key, const std::string& how) {
  const auto facts = recorder.facts();
  const auto known =
      std::find_if(facts.begin(), facts.end(), [&](const auto& fact) { return fact.first == key; });
  if (known == facts.end())
    recorder.set_fact(key, how);
  else if (known->second.find(how) == std::string::npos)
    recorder.set_fact(key, known->second + "; " + how);
}

std::string describe_parallel_access(const hdf5::File& file) {
  const hdf5::Turn turn;
  void* mpi_file = nullptr;
  if (H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &mpi_file) < 0) mpi_file = nullptr;
  return "collective, MPI-IO driver " + comm::mpi_io_driver(mpi_file);
}

}  // namespace serried
