#include "io/provenance.hpp"

#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "comm/mpi_version.hpp"
#include "io/hdf5/handle.hpp"
#include "serried/base/build_info.hpp"

namespace serried {
namespace {

std::string describe_input(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path;
  const double modified = static_cast<double>(status.st_mtim.tv_sec) +
                          1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
  return path + " (" + std::to_string(status.st_size) + " bytes, modified " + utc_text(modified) +
         ")";
}

/// "2 x host (1 thread, AVX-512)": equal descriptions are counted, in the order of the first rank.
std::string describe_devices(const Context& ctx) {
  std::vector<std::pair<std::string, int>> counted;
  for (const std::string& device : ctx.comm().allgather_text(ctx.backend()->description())) {
    bool is_known = false;
    for (auto& [known, count] : counted)
      if (known == device) {
        ++count;
        is_known = true;
      }
    if (!is_known) counted.emplace_back(device, 1);
  }
  std::string text;
  for (const auto& [device, count] : counted)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " x " + device;
  return text;
}

std::string library_versions() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return "HDF5 " + std::to_string(major) + "." + std::to_string(minor) + "." +
         std::to_string(release) + ", " + comm::mpi_library_version();
}

std::string variable(const char* key) {
  const char* value = std::getenv(key);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string utc_text(double seconds_since_epoch) {
  const auto seconds = static_cast<std::time_t>(seconds_since_epoch);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return text.data();
}

std::vector<std::pair<std::string, std::string>> provenance_attributes(
    const Context& ctx, const Provenance& provenance) {
  std::string inputs;
  for (const std::string& input : provenance.inputs)
    inputs += (inputs.empty() ? "" : "\n") + describe_input(input);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const BuildInfo build = build_info();
  std::vector<std::pair<std::string, std::string>> attributes{
      {"serried_version", std::string(build.version)},
      {"serried_commit", std::string(build.commit)},
      {"serried_configuration", std::string(build.configuration)},
      {"command_line", provenance.command_line},
      {"inputs", inputs},
      {"seed", provenance.seed},
      {"ranks", std::to_string(ctx.size())},
      {"devices", describe_devices(ctx)},
      {"libraries", library_versions()},
      {"job_id", variable("SLURM_JOB_ID")},
      {"started_utc", utc_text(now - ctx.recorder().now_s())},
      {"finished_utc", utc_text(now)},
  };
  // what does not apply is left out, the same on all ranks
  std::vector<std::pair<std::string, std::string>> kept;
  for (auto& [name, value] : attributes) {
    value = ctx.comm().broadcast_text(value, 0);
    if (!value.empty()) kept.emplace_back(name, value);
  }
  return kept;
}

}  // namespace serried
