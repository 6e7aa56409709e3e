// same_fields A.h5 B.h5...: exit code 0 if all files hold the same /fields/u and /fields/v as A to
// the bit; says what differs.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "serried/array/array.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_info.hpp"

namespace {

bool are_same(const serried::Context& ctx, const std::string& a, const std::string& b,
              const std::string& object) {
  const auto open = [&](const std::string& path) {
    return serried::Dataset::open(ctx, serried::parse_address(path + ":" + object)).to_array();
  };
  const serried::Array first = open(a);
  const serried::Array second = open(b);
  if (first.shape() != second.shape() || first.shape().elements() == 0) {
    std::printf("%s: shape %s and %s\n", object.c_str(), first.shape().to_string().c_str(),
                second.shape().to_string().c_str());
    return false;
  }
  const auto left = first.local<double>();
  const auto right = second.local<double>();
  // A field of one value would be equal at any number of ranks, whatever the program did.
  const auto [low, high] = std::minmax_element(left.begin(), left.end());
  const bool is_same =
      std::memcmp(left.data(), right.data(), left.size_bytes()) == 0 && *low < *high;
  if (!is_same) std::printf("%s differs between %s and %s\n", object.c_str(), a.c_str(), b.c_str());
  return is_same;
}

// The attribute as text, or nothing.
std::string step_of(const serried::Context& ctx, const std::string& path) {
  const serried::FileInfo info = serried::inspect_file(ctx, path);
  for (const serried::AttributeInfo& attribute : info.objects.front().attributes)
    if (attribute.name == "step") return attribute.value;
  return {};
}

bool are_of_same_step(const serried::Context& ctx, const std::string& a, const std::string& b) {
  const std::string step = step_of(ctx, a);
  const bool is_same = !step.empty() && step == step_of(ctx, b);
  if (!is_same) std::printf("%s and %s are not of the same step\n", a.c_str(), b.c_str());
  return is_same;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    const serried::Runtime runtime;
    const serried::Context ctx(runtime);
    for (int i = 2; i < argc; ++i)
      if (!are_same(ctx, argv[1], argv[i], "/fields/u") ||
          !are_same(ctx, argv[1], argv[i], "/fields/v") || !are_of_same_step(ctx, argv[1], argv[i]))
        return 1;
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "same_fields: %s\n", error.what());
    return 1;
  }
}
