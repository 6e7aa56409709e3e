// ranks: 1 3
#include "serried/io/file_check.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "io/h5_files.hpp"
#include "serried/io/file_info.hpp"
#include "serried/io/table_file.hpp"

namespace serried {
namespace {

using test::context;
using test::Folder;
using test::on_root;

/// A shell script in place of the program that reads files.
class FakeProgram {
 public:
  FakeProgram(const Folder& folder, const std::string& body) {
    const std::string path = folder / "program.sh";
    on_root([&] {
      std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
      std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    });
    ::setenv("SERRIED_CHECK_PROGRAM", path.c_str(), 1);
  }
  ~FakeProgram() { ::unsetenv("SERRIED_CHECK_PROGRAM"); }
  FakeProgram(const FakeProgram&) = delete;
  FakeProgram& operator=(const FakeProgram&) = delete;
};

/// The text of the error that inspecting a file ends with.
std::string refusal(ErrorKind kind, const std::string& path, const FileCheck& check) {
  try {
    static_cast<void>(inspect_file(context(), path, check));
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << path << " was not refused";
  return {};
}

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

std::string make_file(const Folder& folder) {
  const std::string path = folder / "good.h5";
  on_root([&] {
    test::H5File file(path);
    file.write("u", {3, 2}, std::vector<double>{1, 2, 3, 4, 5, 6});
    file.write("n", {2}, std::vector<std::int64_t>{7, 8});
  });
  return path;
}

TEST(FileCheck, good_file_is_listed_alike) {
  const Folder folder;
  const std::string path = make_file(folder);
  const FileInfo plain = inspect_file(context(), path);
  const FileInfo checked = inspect_file(context(), path, FileCheck{});
  ASSERT_EQ(checked.objects.size(), plain.objects.size());
  for (std::size_t i = 0; i < plain.objects.size(); ++i) {
    EXPECT_EQ(checked.objects[i].path, plain.objects[i].path);
    EXPECT_EQ(checked.objects[i].type, plain.objects[i].type);
    EXPECT_EQ(checked.objects[i].shape, plain.objects[i].shape);
  }
  EXPECT_EQ(checked.bytes, plain.bytes);
}

TEST(FileCheck, dataset_has_the_same_values) {
  const Folder folder;
  const std::string path = make_file(folder);
  for (const auto depth : {FileCheck::Depth::metadata, FileCheck::Depth::full}) {
    const Dataset data = Dataset::open(context(), parse_address(path + ":/u[1:]"),
                                       {.untrusted = FileCheck{.depth = depth}});
    EXPECT_EQ(data.shape(), (Shape{2, 2}));
    EXPECT_EQ(data.to_array().gather<double>(0),
              context().rank() == 0 ? (std::vector<double>{3, 4, 5, 6}) : std::vector<double>{});
  }
}

TEST(FileCheck, endless_work_is_ended) {
  const Folder folder;
  const std::string path = make_file(folder);
  for (const std::string body :
       {"exec sleep 1000", "exec 1>&- 2>&- 3>&- sleep 1000", "while :; do :; done"}) {
    const FakeProgram program(folder, body);
    const auto begin = std::chrono::steady_clock::now();
    const std::string text = refusal(ErrorKind::io, path, {.seconds = 0.5});
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(passed.count(), 10) << body;
    expect_part(text, path);
    expect_part(text, "took longer than 0.5 s");
  }
}

TEST(FileCheck, more_words_than_memory_are_ended) {
  const Folder folder;
  const std::string path = make_file(folder);
  // a message of 2^56 bytes is announced, and zeros without end follow
  const FakeProgram program(folder,
                            "printf '\\002\\377\\377\\377\\377\\377\\377\\377\\000' >&3; "
                            "cat /dev/zero >&3");
  expect_part(refusal(ErrorKind::io, path, {.memory_bytes = 1 << 20}), "does not fit into 1 MiB");
}

TEST(FileCheck, nonsense_is_refused_with_the_files_name) {
  const Folder folder;
  const std::string path = make_file(folder);
  // results of one byte, and of sixteen zeros: no objects, an empty description
  const FakeProgram listing(folder, "printf '\\002\\001\\0\\0\\0\\0\\0\\0\\0x' >&3");
  expect_part(refusal(ErrorKind::io, path, {}), path + ": what checking this file found makes no");
  const FakeProgram description(folder,
                                "printf '\\002\\020\\0\\0\\0\\0\\0\\0\\0' >&3; "
                                "head -c 16 /dev/zero >&3");
  try {
    static_cast<void>(
        Dataset::open(context(), parse_address(path + ":/u"), {.untrusted = FileCheck{}}));
    ADD_FAILURE() << "an empty description was taken";
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    expect_part(error.what(), path + ":/u: what checking this file found makes no sense");
  }
}

TEST(FileCheck, memory_has_a_limit) {
  const Folder folder;
  const std::string path = folder / "wide.h5";
  on_root([&] {
    test::H5File file(path);
    file.write("u", {4 << 20}, std::vector<double>(4 << 20, 1.), -1,
               {.chunks = {4 << 20}, .deflate = 1});
  });
  // 32 MiB in one chunk, which is decompressed beside its packed form
  const auto open = [&](std::int64_t bytes) {
    return Dataset::open(context(), parse_address(path),
                         {.untrusted = FileCheck{.memory_bytes = bytes}});
  };
  EXPECT_EQ(open(std::int64_t{1} << 30).rows(), 4 << 20);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  try {
    static_cast<void>(open(16 << 20));
    FAIL() << "a chunk of 32 MiB was read in 16 MiB";
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    expect_part(error.what(), path);
    expect_part(error.what(), "16 MiB");
  }
#endif
}

TEST(FileCheck, variables_of_launchers_are_left_out) {
  const Folder folder;
  const std::string path = make_file(folder);
  ::setenv("OMPI_COMM_WORLD_RANK", "0", 0);
  ::setenv("SLURM_PROCID", "0", 0);
  const FakeProgram program(
      folder, "if env | grep -q -E '^(OMPI|PMIX|PMI|SLURM|PRTE)_'; then exit 3; fi; kill -BUS $$");
  expect_part(refusal(ErrorKind::io, path, {}), "SIGBUS");
}

TEST(FileCheck, blocked_signals_and_ignored_ends_do_no_harm) {
  const Folder folder;
  const std::string path = make_file(folder);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  const auto old = std::signal(SIGCHLD, SIG_IGN);
  const FileInfo info = inspect_file(context(), path, FileCheck{});
  EXPECT_EQ(info.objects.size(), 3u);
  {
    const FakeProgram program(folder, "kill -TERM $$; sleep 1000");
    static_cast<void>(refusal(ErrorKind::internal, path, {.seconds = 5}));  // its status is lost
  }
  std::signal(SIGCHLD, old);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST(FileCheck, table_is_read_whole) {
  const Folder folder;
  const std::string path = make_file(folder);
  check_table_file(path, {});
  on_root([&] {
    test::H5File file(folder / "linked.h5");
    H5Lcreate_external("good.h5", "/u", file.id(), "centers", H5P_DEFAULT, H5P_DEFAULT);
  });
  EXPECT_THROW(check_table_file(folder / "linked.h5", {}), Error);
  EXPECT_THROW(check_table_file(folder / "none.h5", {}), Error);
}

}  // namespace
}  // namespace serried
