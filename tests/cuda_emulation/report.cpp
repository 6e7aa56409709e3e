// What the emulation says before it ends the program.
#include <dlfcn.h>
#include <signal.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cuda_runtime.h"
#include "emulated_block.hpp"
#include "emulated_memory.hpp"

namespace serried_emulation {

const char* name_of(const void* function) {
  static std::string name;
  char where[32];
  std::snprintf(where, sizeof where, "%p", function);
  name = std::string("a kernel at ") + where;
  Dl_info info;
  if (dladdr(function, &info) == 0 || info.dli_fname == nullptr) return name.c_str();
  // A program that is not relocated has addresses from 0 on too: they are all position-independent.
  char command[4096];
  std::snprintf(command, sizeof command, "addr2line -Cfe '%s' 0x%tx 2>/dev/null", info.dli_fname,
                static_cast<const char*>(function) - static_cast<const char*>(info.dli_fbase));
  if (FILE* const pipe = popen(command, "r"); pipe != nullptr) {
    char line[2048] = "";
    if (std::fgets(line, sizeof line, pipe) != nullptr && line[0] != '?') {
      name = line;
      while (!name.empty() && name.back() == '\n') name.pop_back();
    }
    pclose(pipe);
  }
  return name.c_str();
}

std::string current_place() {
  const void* const kernel = running_kernel();
  if (kernel == nullptr) return "";
  char text[160];
  std::snprintf(text, sizeof text, "in block (%u,%u,%u), thread (%u,%u,%u) of ", blockIdx.x,
                blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
  return std::string(text) + name_of(kernel) + ": ";
}

void fail(const char* text) {
  std::fprintf(stderr, "CUDA emulation: %s%s\n", current_place().c_str(), text);
  std::abort();
}

void fail_with(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fail(text);
}

// A signal that tells of a stack which has no room left needs another stack.
void use_signal_stack() {
  static std::array<std::byte, std::size_t{256} << 10> memory;
  stack_t now{};
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  const stack_t stack{memory.data(), 0, memory.size()};
  sigaltstack(&stack, nullptr);
}

}  // namespace serried_emulation
