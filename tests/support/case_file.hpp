#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/runtime.hpp"

/// Files of cases for programs whose results a script knows: one start for thousands of cases.
namespace serried::test {

inline std::vector<std::string> split_text(const std::string& text, char separator) {
  std::vector<std::string> fields(1);
  for (const char c : text) {
    if (c == separator)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

/// Numbers with commas between them; none of "".
inline std::vector<std::int64_t> numbers_of(const std::string& text) {
  std::vector<std::int64_t> numbers;
  if (!text.empty())
    for (const std::string& number : split_text(text, ',')) numbers.push_back(std::stoll(number));
  return numbers;
}

inline Shape shape_of_text(const std::string& text) {
  return Shape(std::span<const std::int64_t>(numbers_of(text)));
}

inline std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError(path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What rank 0 writes: for each case the number of results or -1; for each result its dtype, the
/// number of its axes, its split axis (-1: replicated), the extents, and the elements in C order;
/// for an error its kind and its text. Numbers are int64, texts have their length in front.
class CaseOutput {
 public:
  CaseOutput(const Context& ctx, const std::string& path) : ctx_(ctx) {
    if (ctx.rank() == 0) output_.open(path, std::ios::binary);
  }

  /// The results, or what was thrown; all ranks must have thrown the same. Collective.
  void write(const std::function<std::vector<Array>()>& run) {
    std::vector<Array> results;
    std::vector<Array> wholes;
    std::string error;
    std::string kind;
    try {
      results = run();
      for (const Array& result : results) wholes.push_back(result.replicate());
    } catch (const InvalidArgument& caught) {
      kind = "InvalidArgument";
      error = caught.what();
    } catch (const DataError& caught) {
      kind = "DataError";
      error = caught.what();
    } catch (const RankError& caught) {
      kind = "RankError";
      error = caught.what();
    } catch (const std::exception& caught) {
      kind = "exception";
      error = caught.what();
    }
    const std::vector<std::string> texts = ctx_.comm().allgather_text(kind + '\n' + error);
    for (const std::string& other : texts)
      if (other != texts.front()) {
        kind = "different";
        error = texts.front() + " | " + other;
      }
    if (!kind.empty()) return write_error(kind, error);
    put(static_cast<std::int64_t>(results.size()));
    for (std::size_t i = 0; i < results.size(); ++i) write(results[i], wholes[i]);
  }

  void write_error(const std::string& kind, const std::string& error) {
    put(-1);
    put(kind);
    put(error);
  }

  bool finish() {
    output_.close();
    return !output_.fail() || ctx_.rank() != 0;
  }

 private:
  void write(const Array& result, const Array& whole) {
    put(std::string(name(result.dtype())));
    put(result.shape().dimensions());
    put(result.is_replicated() ? -1 : result.split_axis());
    for (const std::int64_t extent : result.shape().extents()) put(extent);
    const std::size_t bytes =
        static_cast<std::size_t>(whole.shape().elements()) * size_of(whole.dtype());
    if (bytes > 0)
      output_.write(reinterpret_cast<const char*>(whole.local_data()),
                    static_cast<std::streamsize>(bytes));
  }
  void put(std::int64_t number) {
    output_.write(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void put(const std::string& text) {
    put(static_cast<std::int64_t>(text.size()));
    output_.write(text.data(), static_cast<std::streamsize>(text.size()));
  }

  Context ctx_;
  std::ofstream output_;
};

/// The main function of such a program, `NAME CASES DATA OUTPUT [MAX_TILES]`: a Runner, made of the
/// context, the path of the data and that of the output, takes the lines of CASES. All ranks.
template <class Runner>
int run_cases(int argc, char** argv, const char* name, ContextOptions options = {}) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "%s CASES DATA OUTPUT [MAX_TILES]\n", name);
    return 2;
  }
  try {
    const Runtime runtime;
    if (argc == 5) options.max_tiles = std::stoll(argv[4]);
    const Context ctx(runtime, options);
    Runner runner(ctx, argv[2], argv[3]);
    std::istringstream cases(bytes_of_file(argv[1]));
    for (std::string line; std::getline(cases, line);) runner.take_line(line);
    return runner.finish() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    abort_job(1);
  }
}

}  // namespace serried::test
