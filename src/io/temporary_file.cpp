#include "io/temporary_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <thread>

#include "io/file_space.hpp"
#include "serried/base/error.hpp"
#include "serried/base/faults.hpp"

namespace serried {
namespace {

using Warn = std::function<void(const std::string&)>;

/// How long others that claim the output at this moment may take: a few calls of the file system.
constexpr std::chrono::seconds longest_wait(10);
constexpr mode_t unsettled_mode = 0266;

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

struct Unfinished {
  std::string file;  ///< with its folder
  TemporaryOwner owner;
};

/// Unfinished files of the output in its folder, but not `own`.
std::vector<Unfinished> find_others(const std::string& path, const std::string& own,
                                    const Warn& warn) {
  const std::string folder = split_path(path).first;
  std::vector<Unfinished> others;
  const auto close = [](DIR* listing) { ::closedir(listing); };
  errno = 0;
  const std::unique_ptr<DIR, decltype(close)> listing(::opendir(folder.c_str()), close);
  while (listing != nullptr) {
    errno = 0;
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr) break;
    const std::string file = folder + entry->d_name;
    const auto owner = owner_of(path, entry->d_name);
    if (owner && file != own) others.push_back({file, *owner});
  }
  if (errno != 0)
    warn("the folder of " + path + " cannot be listed (" + write_cause(errno) +
         "): whether another run is writing that file is not known");
  return others;
}

enum class ClaimState { absent, coming, settled };

ClaimState state_of_claim(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 && errno == ENOENT) return ClaimState::absent;
  return (status.st_mode & S_IRUSR) != 0 ? ClaimState::settled : ClaimState::coming;
}

[[noreturn]] void throw_taken(const std::string& path, const Unfinished& other,
                              const std::string& who) {
  throw IoError("cannot write " + path + ": " + who + " (" + other.owner.to_string() +
                ") is writing it, to " + other.file + "; wait for it or choose another name");
}

/// What the files of others say about a claim.
enum class Answer { yes, no_one_knows_yet };

class Claim {
 public:
  Claim(const std::string& path, const std::string& own, const Warn& warn)
      : path_(path), own_(own), warn_(warn), self_(this_owner()) {}

  /// @throws IoError if the output is another's.
  [[nodiscard]] Answer ask() {
    Answer answer = Answer::yes;
    for (const Unfinished& other :
         find_others(path_, own_, [&](const std::string& text) { warn_once(path_, text); })) {
      switch (standing_of(other.owner, self_)) {
        case Standing::gone:
        case Standing::earlier_attempt:
          remove(other);
          break;
        case Standing::unknown:
          warn_once(other.file, other.file + " is an unfinished " + split_path(path_).second +
                                    " of " + other.owner.to_string() +
                                    ": it cannot be told from here whether that still runs; if "
                                    "not, remove the file");
          break;
        case Standing::later_attempt:
          throw_taken(path_, other, "a later attempt of this job");
        case Standing::alive: {
          const ClaimState state = state_of_claim(other.file);
          if (state == ClaimState::absent) break;
          if (state == ClaimState::settled || other.file < own_)
            throw_taken(path_, other, "another run");
          answer = Answer::no_one_knows_yet;
          waits_for_ = other;
        }
      }
    }
    return answer;
  }

  [[noreturn]] void give_up() const { throw_taken(path_, waits_for_, "another run"); }

 private:
  void remove(const Unfinished& other) {
    if (::unlink(other.file.c_str()) != 0 && errno != ENOENT)
      warn_once(other.file, other.file + ", which was left by " + other.owner.to_string() +
                                " that is gone, cannot be removed: " + write_cause(errno));
  }

  void warn_once(const std::string& file, const std::string& text) {
    if (warned_.insert(file).second) warn_(text);
  }

  const std::string& path_;
  const std::string& own_;
  const Warn& warn_;
  TemporaryOwner self_;
  std::set<std::string> warned_;
  Unfinished waits_for_;
};

void settle(const std::string& path, const std::string& temporary, const Descriptor& file,
            const Warn& warn) {
  Claim claim(path, temporary, warn);
  const auto end = std::chrono::steady_clock::now() + longest_wait;
  // Asked twice: a run that gives one file its name while the folder is listed has another one,
  // which the list may have missed.
  while (claim.ask() != Answer::yes || claim.ask() != Answer::yes) {
    if (std::chrono::steady_clock::now() > end) claim.give_up();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  struct stat status {};
  // some file systems have no rights to give: there all files stand at once
  if (::fstat(file.number(), &status) == 0)
    static_cast<void>(::fchmod(file.number(), (status.st_mode & 0777U) | S_IRUSR));
}

void check_place(const std::string& path) {
  const auto [folder, name] = split_path(path);
  if (name.empty()) throw IoError("cannot write " + path + ": a file name is missing");
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    throw IoError("cannot write " + path + ": the folder " + folder + " is not there (" +
                  write_cause(errno) + ")");
  if (!S_ISDIR(status.st_mode))
    throw IoError("cannot write " + path + ": " + folder + " is no folder");
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    throw IoError("cannot write " + path + ": a folder of that name is there");
}

/// An injected fault looks like a disk that fails.
bool has_fault() {
  if (!faults::is_due(faults::Kind::write)) return false;
  errno = EIO;
  return true;
}

void sync(const std::string& path, int flags) {
  const Descriptor file(::open(path.c_str(), flags | O_CLOEXEC));
  if (file.number() < 0)
    throw IoError("cannot open " + path + " to sync it: " + write_cause(errno));
  // Some file systems cannot sync a folder and say EINVAL; the rename stands all the same.
  if ((has_fault() || ::fsync(file.number()) != 0) && errno != EINVAL)
    throw IoError("cannot sync " + path + ": " + write_cause(errno));
}

}  // namespace

void claim_output(const std::string& path, const std::string& temporary, const Warn& warn) {
  check_place(path);
  const int flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
  int number = has_fault() ? -1 : ::open(temporary.c_str(), flags, unsettled_mode);
  // this very process has left it: it gave up an output whose file could not be removed then
  if (number < 0 && errno == EEXIST && ::unlink(temporary.c_str()) == 0)
    number = ::open(temporary.c_str(), flags, unsettled_mode);
  const Descriptor file(number);
  if (file.number() < 0) throw IoError("cannot write " + path + ": " + write_cause(errno));
  try {
    settle(path, temporary, file, warn);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

std::uint64_t inode_of(const std::string& file) noexcept {
  // opened, because NFS tells stat() what it knew of a name some time ago
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  const bool is_there = descriptor.number() >= 0 && ::fstat(descriptor.number(), &status) == 0;
  return is_there ? static_cast<std::uint64_t>(status.st_ino) : 0;
}

void sync_file(const std::string& path) {
  sync(path, O_RDWR);
}

void rename_files(const std::vector<FileName>& files) {
  std::size_t renamed = 0;
  try {
    for (const FileName& file : files) {
      if (has_fault() || std::rename(file.temporary.c_str(), file.path.c_str()) != 0)
        throw IoError("cannot rename " + file.temporary + " to " + file.path + ": " +
                      write_cause(errno));
      ++renamed;
    }
    std::set<std::string> folders;
    for (const FileName& file : files) {
      const std::string folder = split_path(file.path).first;
      if (!folders.insert(folder).second) continue;
      try {
        sync(folder, O_RDONLY | O_DIRECTORY);
      } catch (const IoError& error) {
        throw IoError("cannot write " + file.path + ": " + error.what());
      }
    }
  } catch (const IoError&) {
    // the run says that it failed, and then there is no output
    for (std::size_t i = 0; i < renamed; ++i) ::unlink(files[i].path.c_str());
    throw;
  }
}

void rename_and_claim(const FileName& file) {
  const std::string second = second_temporary_name(file.path);
  const std::string next = second.empty() ? file.temporary : second;
  const auto make_next = [&] {
    const Descriptor made(::open(next.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666));
    if (made.number() < 0) throw IoError("cannot write " + file.path + ": " + write_cause(errno));
  };
  if (!second.empty()) make_next();
  try {
    rename_files({file});
  } catch (const IoError&) {
    if (!second.empty()) ::unlink(second.c_str());
    throw;
  }
  if (second.empty())
    make_next();
  else if (std::rename(second.c_str(), file.temporary.c_str()) != 0) {
    const std::string cause = write_cause(errno);
    ::unlink(second.c_str());
    throw IoError("cannot hold " + file.path + ", which is written, for the next one: " + cause);
  }
}

}  // namespace serried
