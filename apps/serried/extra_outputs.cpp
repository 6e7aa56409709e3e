#include "extra_outputs.hpp"

#include <filesystem>

#include "output_check.hpp"
#include "serried/base/build_info.hpp"
#include "serried/comm/agree.hpp"
#include "serried/io/hdf5_library.hpp"
#include "serried/io/text_file.hpp"
#include "serried/report/run_report.hpp"
#include "serried/report/trace.hpp"
#include "session.hpp"

namespace serried::app {

void ExtraOutputs::claim(const Context& ctx, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& others) {
  inputs_ = inputs;
  is_writing_ = ctx.rank() == 0;
  std::vector<std::string> before = others;
  for (const std::string& path : {options_.page_path, options_.picture_path, options_.trace_path}) {
    if (path.empty()) continue;
    for (const std::string& other : before) check_outputs_differ(ctx, other, path);
    before.push_back(path);
    outputs_.add(check_output(ctx, path, inputs, 0));
  }
}

void ExtraOutputs::keep_run(const Session& session) {
  if (has_page()) run_ = collect_run_report(session.runtime, session.ctx);
}

Page& ExtraOutputs::begin_page(const Session& session, const std::string& title,
                               const std::string& lead) {
  if (!run_) keep_run(session);
  return page_.emplace(title, lead, is_writing_);
}

void ExtraOutputs::write(const Session& session) {
  if (!has_any()) return;
  const Context& ctx = session.ctx;
  if (has_page()) {
    const auto phase = ctx.recorder().phase("report");
    std::string html;
    agree_on_root(ctx.comm(), 0, [&] {
      std::error_code ignored;
      html = page_.value().finish(
          run_.value(), {.command_line = session.line.text,
                         .working_folder = std::filesystem::current_path(ignored).string(),
                         .configuration = std::string(build_info().configuration),
                         .hdf5_library = hdf5_library(),
                         .seed = seed_,
                         .inputs = inputs_});
    });
    write_text_file(ctx, options_.page_path, html);
  }
  if (has_picture()) {
    const auto phase = ctx.recorder().phase("report");
    write_text_file(ctx, options_.picture_path, picture_);
  }
  if (!options_.trace_path.empty())
    write_text_file(ctx, options_.trace_path, collect_trace(session.runtime, ctx));
}

}  // namespace serried::app
