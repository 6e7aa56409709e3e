#include "output_check.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "serried/comm/agree.hpp"
#include "serried/io/file_writer.hpp"

namespace serried::app {

OutputClaim check_output(const Context& ctx, const std::string& path,
                         const std::vector<std::string>& inputs, std::int64_t least_bytes) {
  agree_on_root(ctx.comm(), 0, [&] {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path file(path);
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    if (!fs::exists(folder, ignored))
      throw IoError(fmt::format("{}: there is no folder {}", path, folder.string()));
    if (!fs::is_directory(folder, ignored))
      throw IoError(fmt::format("{}: {} is no folder", path, folder.string()));
    if (fs::is_directory(file, ignored))
      throw IoError(path + " is a folder; a file name is needed");
    if (fs::exists(file, ignored) && !fs::is_regular_file(file, ignored))
      throw IoError(path +
                    " is no regular file (but a device, a pipe or a socket), and would be "
                    "replaced by one; choose another name");
    check_output_path(path);
    for (const std::string& input : inputs)
      if (fs::equivalent(file, input, ignored))
        throw InvalidArgument(fmt::format(
            "the output {} would replace the input {}; choose another name", path, input));
  });
  return {ctx, path, least_bytes};
}

void check_outputs_differ(const Context& ctx, const std::string& a, const std::string& b) {
  agree_on_root(ctx.comm(), 0, [&] {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const auto place = [&](const fs::path& file) {
      const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
      return fs::weakly_canonical(folder, ignored) / file.filename();
    };
    if (place(a) == place(b) || fs::equivalent(a, b, ignored))
      throw InvalidArgument(
          fmt::format("{} and {} are the same file; each output is a file of its own", a, b));
  });
}

}  // namespace serried::app
