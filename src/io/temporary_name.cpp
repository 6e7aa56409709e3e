#include "io/temporary_name.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string_view>
#include <vector>

#include "base/host_name.hpp"
#include "io/mpi_io_path.hpp"

namespace serried {
namespace {

constexpr std::size_t most_name_bytes = 255;  ///< of most file systems
constexpr std::size_t most_host_letters = 16;
constexpr int hash_digits = 6;
constexpr int name_digits = 10;

/// FNV-1a: the same in every build, unlike std::hash.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return hash;
}

std::uint32_t short_hash(std::string_view text) {
  const std::uint64_t hash = hash_of(text);
  return static_cast<std::uint32_t>((hash ^ hash >> 24U ^ hash >> 48U) & 0xffffffU);
}

std::string hexadecimal(std::uint64_t number, int digits = 1) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, 16).ptr;
  const std::string shortest(text.data(), end);
  const auto width = static_cast<std::size_t>(digits);
  return std::string(width - std::min(shortest.size(), width), '0') + shortest;
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// A variable that holds a number; 0 for anything else.
std::int64_t number_in(const char* key) {
  const char* text = std::getenv(key);
  if (text == nullptr) return 0;
  std::int64_t number = 0;
  const std::string_view all(text);
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), number);
  return error == std::errc() && end == all.data() + all.size() && number > 0 ? number : 0;
}

/// Tells containers apart, whose processes have numbers of their own.
std::string pid_namespace() {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 ? std::to_string(status.st_ino) : "";
}

struct ProcessState {
  char letter = '?';
  std::uint64_t start = 0;
};

/// From /proc; all zero where that does not tell.
ProcessState state_of(const std::string& process) {
  const std::string line = first_line(("/proc/" + process + "/stat").c_str());
  // the program's name, in brackets, may hold blanks and brackets
  const std::size_t bracket = line.rfind(')');
  if (bracket == std::string::npos || bracket + 2 >= line.size()) return {};
  ProcessState state{.letter = line[bracket + 2]};
  std::size_t at = bracket + 2;
  for (int field = 3; field < 22; ++field) {
    at = line.find(' ', at);
    if (at == std::string::npos) return {};
    ++at;
  }
  std::from_chars(line.data() + at, line.data() + line.size(), state.start);
  return state;
}

template <class T>
bool read_number(std::string_view text, T& number, int base, std::size_t digits = 0) {
  if (digits != 0 && text.size() != digits) return false;
  // to_chars writes neither signs nor capitals
  if (text.find_first_not_of(base == 16 ? "0123456789abcdef" : "0123456789") != text.npos)
    return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<TemporaryOwner> read_owner(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (parts.size() != 6) return std::nullopt;
  TemporaryOwner owner;
  std::string_view host = parts[2];
  if (const std::size_t dash = host.rfind('-'); dash != host.npos) {
    owner.host_name = host.substr(0, dash);
    host = host.substr(dash + 1);
  }
  if (read_number(parts[0], owner.job, 10) && read_number(parts[1], owner.attempt, 10) &&
      read_number(host, owner.host, 16, hash_digits) &&
      read_number(parts[3], owner.boot, 16, hash_digits) && read_number(parts[4], owner.pid, 10) &&
      read_number(parts[5], owner.start, 16) && owner.pid > 0 &&
      owner.pid <= std::numeric_limits<pid_t>::max())
    return owner;
  return std::nullopt;
}

std::string full_prefix(const std::string& name) {
  return "." + name + ".tmp.";
}

std::string short_prefix(const std::string& name) {
  const std::uint64_t bits = hash_of(name) & ((std::uint64_t{1} << (4 * name_digits)) - 1);
  return ".~" + hexadecimal(bits, name_digits) + ".tmp.";
}

}  // namespace

std::string TemporaryOwner::to_string() const {
  return "process " + std::to_string(pid) +
         (host_name.empty() ? std::string() : " on host " + host_name) +
         (job == 0 ? std::string() : ", Slurm job " + std::to_string(job));
}

TemporaryOwner this_owner() {
  TemporaryOwner owner;
  owner.job = number_in("SLURM_JOB_ID");
  owner.attempt = owner.job == 0 ? 0 : number_in("SLURM_RESTART_COUNT");
  const std::string name = host_name();
  owner.host = short_hash(name + '\n' + first_line("/etc/machine-id") + '\n' + pid_namespace());
  owner.host_name = name.substr(0, most_host_letters);
  for (char& letter : owner.host_name) {
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') || letter == '-';
    if (!is_plain) letter = '_';
  }
  owner.boot = short_hash(first_line("/proc/sys/kernel/random/boot_id"));
  owner.pid = ::getpid();
  owner.start = state_of("self").start;
  return owner;
}

namespace {

/// The parts behind an output's own name, and where the host's name goes.
struct OwnerText {
  std::string begin;
  std::string end;
};

OwnerText text_of(const TemporaryOwner& owner) {
  return {std::to_string(owner.job) + "." + std::to_string(owner.attempt) + ".",
          hexadecimal(owner.host, hash_digits) + "." + hexadecimal(owner.boot, hash_digits) + "." +
              std::to_string(owner.pid) + "." + hexadecimal(owner.start)};
}

std::string short_name(const std::string& path, const TemporaryOwner& owner) {
  const auto [folder, name] = split_path(path);
  const auto [begin, end] = text_of(owner);
  return folder + short_prefix(name) + begin + end;
}

}  // namespace

std::string temporary_name(const std::string& path, const TemporaryOwner& owner) {
  const auto [folder, name] = split_path(path);
  const auto [begin, end] = text_of(owner);
  const std::string full = full_prefix(name) + begin + owner.host_name + "-" + end;
  if (!name.starts_with('~') && full.size() <= most_name_bytes &&
      folder.size() + full.size() <= max_mpi_io_path)
    return folder + full;
  return short_name(path, owner);
}

std::string second_temporary_name(const std::string& path) {
  const std::string second = short_name(path, this_owner());
  return second == temporary_name(path) ? "" : second;
}

std::string temporary_name(const std::string& path) {
  return temporary_name(path, this_owner());
}

std::optional<TemporaryOwner> owner_of(const std::string& path, const std::string& entry) {
  const std::string name = split_path(path).second;
  for (const std::string& prefix : {full_prefix(name), short_prefix(name)}) {
    const bool is_of_another = name.starts_with('~') && prefix == full_prefix(name);
    if (is_of_another || !entry.starts_with(prefix)) continue;
    if (auto owner = read_owner(std::string_view(entry).substr(prefix.size()))) return owner;
  }
  return std::nullopt;
}

Standing standing_of(const TemporaryOwner& owner, const TemporaryOwner& self) {
  if (owner.job != 0 && owner.job == self.job && owner.attempt != self.attempt)
    return owner.attempt < self.attempt ? Standing::earlier_attempt : Standing::later_attempt;
  if (owner.host != self.host) return Standing::unknown;
  if (owner.boot != self.boot) return Standing::gone;
  // a process of another user may be hidden in /proc, but not from kill()
  if (::kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == ESRCH) return Standing::gone;
  const ProcessState state = state_of(std::to_string(owner.pid));
  if (state.start == 0 || owner.start == 0) return Standing::unknown;
  const bool is_over = state.letter == 'Z' || state.letter == 'X';
  return is_over || state.start != owner.start ? Standing::gone : Standing::alive;
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"./", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

}  // namespace serried
