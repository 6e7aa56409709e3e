#include "comm/mpi_io.hpp"

#include <mpi.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "support/spmd.hpp"

namespace serried {
namespace {

/// What Open MPI's description of a component looks like, `at` bytes after the begin.
std::vector<char> described(std::size_t at, const char* project, const char* type,
                            const char* name) {
  std::vector<char> bytes(at + 200, 'x');
  const auto put = [&](std::size_t field, const char* text, std::size_t size) {
    std::memset(&bytes[at + field], 0, size);
    std::memcpy(&bytes[at + field], text, std::strlen(text));
  };
  put(0, project, 16);
  put(28, type, 32);
  put(72, name, 64);
  return bytes;
}

TEST(MpiIo, find_io_component_reads_the_description) {
  EXPECT_EQ(comm::find_io_component(described(0, "ompi", "io", "ompio")), "ompio");
  EXPECT_EQ(comm::find_io_component(described(220, "ompi", "io", "romio321")), "romio321");
  EXPECT_EQ(comm::find_io_component(described(221, "ompi", "io", "romio321")), "");
  EXPECT_EQ(comm::find_io_component(described(4, "opal", "io", "ompio")), "");
  EXPECT_EQ(comm::find_io_component(described(4, "ompi", "coll", "tuned")), "");
  EXPECT_EQ(comm::find_io_component(described(4, "ompi", "io", "")), "");
  EXPECT_EQ(comm::find_io_component(described(4, "ompi", "io", "no name")), "");
  EXPECT_EQ(comm::find_io_component({}), "");
  std::vector<char> cut = described(0, "ompi", "io", "ompio");
  cut.resize(135);
  EXPECT_EQ(comm::find_io_component(cut), "");
  std::vector<char> two = described(0, "ompi", "io", "ompio");
  const std::vector<char> other = described(0, "ompi", "io", "romio321");
  two.insert(two.end(), other.begin(), other.end());
  EXPECT_EQ(comm::find_io_component(two), "");
}

TEST(MpiIo, mpi_io_driver_of_an_open_file) {
  EXPECT_EQ(comm::mpi_io_driver(nullptr), "unknown");
  MPI_File file = MPI_FILE_NULL;
  EXPECT_EQ(comm::mpi_io_driver(&file), "unknown");
  const auto& comm = test::runtime().communicator();
  std::string path = "/tmp/serried_mpi_io_XXXXXX";
  if (comm.rank() == 0) {
    const int made = ::mkstemp(path.data());
    ASSERT_GE(made, 0);
  }
  path = comm.broadcast_text(path, 0);
  const int code = MPI_File_open(MPI_Comm_f2c(comm.fortran_handle()), path.c_str(),
                                 MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL, &file);
  const char* const variable = std::getenv("OMPI_MCA_io");
  const std::string chosen = variable != nullptr ? variable : "";
  const bool is_one = !chosen.empty() && chosen.find_first_of("^,") == std::string::npos;
  if (code != MPI_SUCCESS && is_one) GTEST_SKIP() << "this Open MPI has no component " << chosen;
  ASSERT_EQ(code, MPI_SUCCESS);
  const std::string driver = comm::mpi_io_driver(&file);
  MPI_File_close(&file);
#ifdef OPEN_MPI
  if (is_one) {
    EXPECT_EQ(driver, chosen);
  } else {
    EXPECT_TRUE(driver == "ompio" || driver.starts_with("romio")) << driver;
  }
#elif defined(MPICH)
  EXPECT_EQ(driver, "romio");
#endif
}

}  // namespace
}  // namespace serried
