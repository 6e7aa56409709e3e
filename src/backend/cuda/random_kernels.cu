#include "serried/device/random_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/launch.hpp"
#include "serried/base/error.hpp"
#include "serried/base/half.hpp"
#include "serried/base/philox.hpp"

namespace serried::cuda {
namespace {

constexpr std::uint64_t uniform_stream = 1;
constexpr std::uint64_t normal_stream = 2;
constexpr std::uint64_t integer_stream = 3;
constexpr unsigned block_threads = 256;
// Elements of one launch, so that their numbers need little memory.
constexpr std::size_t piece = std::size_t{1} << 22;

template <class T>
constexpr bool is_floating_type = is_floating(dtype_of<T>);

// The numbers of the elements of one launch: a list on the device, or consecutive ones.
struct Elements {
  const std::uint64_t* list;  // null where they are consecutive
  std::uint64_t first;
  std::int64_t count;

  __device__ std::uint64_t operator[](std::int64_t i) const {
    return list != nullptr ? list[i] : first + static_cast<std::uint64_t>(i);
  }
};

template <class T>
__host__ __device__ T rounded(double value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_half(value);
  else
    return static_cast<T>(value);
}

template <class T>
__host__ __device__ double widened(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_float(value);
  else
    return value;
}

// The greatest number of type T below `high`.
template <class T>
T number_before(double high) {
  T below = rounded<T>(high);
  if constexpr (std::is_same_v<T, Half>) {
    while (widened(below) >= high) {
      // towards -infinity: the bits of a positive number fall, of a negative one rise
      if ((below.bits & 0x7fffu) == 0)
        below.bits = 0x8001u;
      else
        below.bits = static_cast<std::uint16_t>((below.bits & 0x8000u) != 0 ? below.bits + 1
                                                                            : below.bits - 1);
    }
  } else {
    while (widened(below) >= high)
      below = std::nextafter(below, -std::numeric_limits<T>::infinity());
  }
  return below;
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    uniform_kernel(std::uint64_t seed, Elements elements, double low, double width, double high,
                   T last, T* out) {
  const std::int64_t i = std::int64_t{block_threads} * blockIdx.x + threadIdx.x;
  if (i >= elements.count) return;
  const double u = to_unit_interval(philox_words(seed, uniform_stream, elements[i])[0]);
  const T value = rounded<T>(low + width * u);
  out[i] = widened(value) < high ? value : last;
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    normal_kernel(std::uint64_t seed, Elements elements, double mean, double deviation, T* out) {
  const std::int64_t i = std::int64_t{block_threads} * blockIdx.x + threadIdx.x;
  if (i >= elements.count) return;
  const auto words = philox_words(seed, normal_stream, elements[i]);
  const double u = 1.0 - to_unit_interval(words[0]);
  const double z = sqrt(-2.0 * log(u)) * cospi(2.0 * to_unit_interval(words[1]));
  out[i] = rounded<T>(mean + deviation * z);
}

template <class Word>
__global__ void __launch_bounds__(block_threads)
    integer_kernel(std::uint64_t seed, Elements elements, std::uint64_t low, std::uint64_t range,
                   Word* out) {
  __extension__ using Wide = unsigned __int128;
  const std::int64_t i = std::int64_t{block_threads} * blockIdx.x + threadIdx.x;
  if (i >= elements.count) return;
  const auto words = philox_words(seed, integer_stream, elements[i]);
  const Wide carry = (static_cast<Wide>(words[0]) * range) >> 64;
  const Wide product = static_cast<Wide>(words[1]) * range + carry;
  out[i] = static_cast<Word>(low + static_cast<std::uint64_t>(product >> 64));
}

bool is_consecutive(std::span<const std::uint64_t> elements) {
  for (std::size_t i = 1; i < elements.size(); ++i)
    if (elements[i] != elements[0] + i) return false;
  return true;
}

// Calls start(index of the first element, elements, grid) for pieces of the elements.
template <class Start>
void for_each_piece(CudaDevice& device, std::span<const std::uint64_t> elements, Start start) {
  const auto lock = device.lock();
  device.make_current();
  Scratch list;
  for (std::size_t begin = 0; begin < elements.size(); begin += piece) {
    const auto part = elements.subspan(begin, std::min(piece, elements.size() - begin));
    Elements numbers{nullptr, part[0], static_cast<std::int64_t>(part.size())};
    if (!is_consecutive(part)) {
      if (list.bytes() == 0)
        list = Scratch(device, std::min(piece, elements.size()) * sizeof(std::uint64_t));
      device.upload(list.as<void>(), part.data(), part.size_bytes());
      numbers.list = list.as<std::uint64_t>();
    }
    const auto blocks = (part.size() + block_threads - 1) / block_threads;
    start(begin, numbers, dim3(static_cast<unsigned>(blocks)));
  }
}

template <class T>
class CudaRandomKernels final : public RandomKernels {
 public:
  explicit CudaRandomKernels(CudaDevice& device) : device_(device) {}

  void uniform(std::uint64_t seed, std::span<const std::uint64_t> elements, double low, double high,
               void* out) const override {
    if constexpr (is_floating_type<T>) {
      const T last = low < high ? number_before<T>(high) : rounded<T>(low);
      for_each_piece(device_, elements, [&](std::size_t begin, Elements numbers, dim3 grid) {
        launch("uniform numbers", uniform_kernel<T>, grid, dim3(block_threads), 0, device_.stream(),
               seed, numbers, low, high - low, high, last, static_cast<T*>(out) + begin);
      });
    } else {
      refuse("uniform numbers");
    }
  }

  void normal(std::uint64_t seed, std::span<const std::uint64_t> elements, double mean,
              double deviation, void* out) const override {
    if constexpr (is_floating_type<T>) {
      for_each_piece(device_, elements, [&](std::size_t begin, Elements numbers, dim3 grid) {
        launch("normal numbers", normal_kernel<T>, grid, dim3(block_threads), 0, device_.stream(),
               seed, numbers, mean, deviation, static_cast<T*>(out) + begin);
      });
    } else {
      refuse("normal numbers");
    }
  }

  void integers(std::uint64_t seed, std::span<const std::uint64_t> elements, std::int64_t low,
                std::uint64_t range, void* out) const override {
    if constexpr (!is_floating_type<T>) {
      // Signed and unsigned integers of one width share their bits, and so their kernel.
      using Word = std::make_unsigned_t<T>;
      for_each_piece(device_, elements, [&](std::size_t begin, Elements numbers, dim3 grid) {
        launch("random integers", integer_kernel<Word>, grid, dim3(block_threads), 0,
               device_.stream(), seed, numbers, static_cast<std::uint64_t>(low), range,
               static_cast<Word*>(out) + begin);
      });
    } else {
      refuse("integers");
    }
  }

 private:
  [[noreturn]] static void refuse(const char* what) {
    throw InvalidArgument("there are no random " + std::string(what) + " of dtype " +
                          std::string(name(dtype_of<T>)));
  }

  CudaDevice& device_;
};

}  // namespace

std::shared_ptr<const void> make_random_kernels(CudaDevice& device, DType dtype) {
  if (!RandomKernels::covers(dtype)) return nullptr;
  return visit_real(dtype, [&](auto tag) -> std::shared_ptr<const RandomKernels> {
    using T = typename decltype(tag)::type;
    if constexpr (RandomKernels::covers(dtype_of<T>))
      return std::make_shared<CudaRandomKernels<T>>(device);
    else
      return nullptr;
  });
}

}  // namespace serried::cuda
