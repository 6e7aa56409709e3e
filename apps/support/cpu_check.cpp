// Serried's programs are built for x86-64-v3. On a CPU without AVX2 and FMA they would die of an
// illegal instruction; this file, which is built for plain x86-64, says so before anything else
// runs. It uses nothing but write() and _exit(): no library code has been initialised yet.
#include <unistd.h>

namespace {

bool has_needed_instructions() {
#ifdef SERRIED_PRETEND_OLD_CPU
  return false;
#else
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#endif
}

// 101 is the first priority that programs may use: before every other constructor of the program.
__attribute__((constructor(101), used)) void check_cpu() {
  if (has_needed_instructions()) return;
  constexpr char text[] =
      "serried: this program needs a CPU with AVX2 and FMA (x86-64-v3), and this one has not both. "
      "Run it on another node.\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
  _exit(1);
}

}  // namespace
