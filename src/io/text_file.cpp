#include "serried/io/text_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "io/output_claim_impl.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

void fill_file(const std::string& path, const std::string& temporary, const std::string& text) {
  const auto refuse = [&] { throw IoError("cannot write " + path + ": " + std::strerror(errno)); };
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file(std::fopen(temporary.c_str(), "we"));
  if (file == nullptr) refuse();
  if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) refuse();
  if (std::fclose(file.release()) != 0) refuse();
}

}  // namespace

void write_text_file(const Context& ctx, const std::string& path, const std::string& text) {
  const auto span = ctx.recorder().span("write a text", Activity::file);
  const std::shared_ptr<OutputClaim::Impl> output = OutputClaim::Impl::of(ctx, path);
  output->make(ctx);
  try {
    agree_on_root(ctx.comm(), 0, [&] { fill_file(path, output->temporary, text); });
    output->complete(ctx);
  } catch (...) {
    output->remove();
    throw;
  }
}

}  // namespace serried
