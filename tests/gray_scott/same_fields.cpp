// same_fields A.h5 B.h5 STEP: exit code 0 if both files hold the same /fields/u and /fields/v to
// the bit, and both say that they are of that step; says what differs.
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

bool is_of_step(const serried::Context& ctx, const std::string& path, const std::string& step) {
  const serried::FileInfo info = serried::inspect_file(ctx, path);
  const auto& attributes = info.objects.front().attributes;
  const auto has_step = [&](const serried::AttributeInfo& attribute) {
    return attribute.name == "step" && attribute.value == step;
  };
  if (std::any_of(attributes.begin(), attributes.end(), has_step)) return true;
  std::printf("%s is not of step %s\n", path.c_str(), step.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string a = argv[1];
  const std::string b = argv[2];
  try {
    const serried::Runtime runtime;
    const serried::Context ctx(runtime);
    const bool is_right = are_same(ctx, a, b, "/fields/u") && are_same(ctx, a, b, "/fields/v") &&
                          is_of_step(ctx, a, argv[3]) && is_of_step(ctx, b, argv[3]);
    return is_right ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "same_fields: %s\n", error.what());
    return 1;
  }
}
