// serial
#include "serried/base/temporary_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace serried {
namespace {

namespace fs = std::filesystem;

std::string make_file(const std::string& name) {
  const std::string path = (fs::temp_directory_path() / name).string();
  std::ofstream(path) << "x";
  return path;
}

TEST(TemporaryFiles, removes_what_is_registered) {
  const std::string a = make_file("serried_temporary_a");
  const std::string b = make_file("serried_temporary_b");
  register_temporary_file(a);
  register_temporary_file(b);
  forget_temporary_file(b);
  forget_temporary_file("never registered");
  remove_temporary_files();
  EXPECT_FALSE(fs::exists(a));
  EXPECT_TRUE(fs::exists(b));
  fs::remove(b);
}

TEST(TemporaryFiles, removes_once_and_endures_what_is_gone) {
  const std::string path = make_file("serried_temporary_c");
  register_temporary_file(path);
  register_temporary_file("/no such folder/file");
  fs::remove(path);
  remove_temporary_files();
  make_file("serried_temporary_c");
  remove_temporary_files();
  EXPECT_TRUE(fs::exists(path));
  fs::remove(path);
}

}  // namespace
}  // namespace serried
