#include <algorithm>
#include <string_view>

#include "json_output.hpp"
#include "page_output.hpp"
#include "serried/base/build_info.hpp"
#include "serried/base/error.hpp"
#include "serried/io/hdf5_library.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// Keeps the object of that name and what lies below it.
void keep_below(FileInfo& file, const std::string& object) {
  if (object.empty() || object == "/") return;
  const std::string folder = object + "/";
  std::vector<ObjectInfo> kept;
  for (ObjectInfo& candidate : file.objects)
    if (candidate.path == object || candidate.path.starts_with(folder))
      kept.push_back(std::move(candidate));
  if (kept.empty()) throw RankError(0, ErrorKind::io, file.path + " holds no object " + object);
  file.objects = std::move(kept);
}

/// What this rank sees of CUDA; nothing where there is no GPU.
void find_gpus(ProgramInfo& info) {
  try {
    info.cuda = find_cuda();
  } catch (const DeviceError&) {
    return;  // the choice of the device says why
  }
  try {
    info.nccl = nccl_version();
  } catch (const DeviceError& error) {
    info.nccl = error.what();
  }
}

void show_program(const Session& session) {
  const BuildInfo build = build_info();
  const RunReport report = collect_run_report(session.runtime, session.ctx);
  ProgramInfo info{.version = std::string(build.version),
                   .commit = std::string(build.commit),
                   .configuration = std::string(build.configuration),
                   .mpi_library = session.runtime.mpi_library(),
                   .hdf5_library = hdf5_library(),
                   .device = {},
                   .cuda = {},
                   .nccl = {},
                   .ranks = report.ranks};
  find_gpus(info);
  for (const auto& [key, value] : session.ctx.recorder().facts())
    if (key == "device") info.device = value;
  const Seconds seconds = measure_seconds(session, {});
  print_result(session, session.common().is_json
                            ? to_json(info, seconds)
                            : to_text(info) + '\n' + ranks_to_text(report.ranks));
  if (session.extras.has_page()) fill_page(session, info);
}

}  // namespace

void run_info(const Session& session, const InfoCommand& command) {
  std::vector<std::string> paths;
  for (const Address& address : command.files) paths.push_back(address.path);
  session.extras.claim(session.ctx, paths, {});
  if (command.files.empty()) return show_program(session);
  std::vector<FileInfo> files;
  {
    const auto phase = session.ctx.recorder().phase("read");
    for (const Address& address : command.files) {
      files.push_back(inspect_file(session.ctx, address.path, session.common().untrusted));
      keep_below(files.back(), address.object);
    }
  }
  const Seconds seconds = measure_seconds(session, {"read"});
  std::string text;
  for (const FileInfo& file : files) text += (text.empty() ? "" : "\n") + to_text(file);
  print_result(session, session.common().is_json ? to_json(files, seconds) : text);
  if (session.extras.has_page()) fill_page(session, files);
}

}  // namespace serried::app
