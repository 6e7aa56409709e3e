// Ends before its own constructors run, or says that they did.
#include <cstdio>

namespace {
struct Early {
  Early() { std::puts("a constructor or main ran"); }
} early;
}  // namespace

int main() {
  std::puts("a constructor or main ran");
}
