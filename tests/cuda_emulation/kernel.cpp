// Runs kernels: the threads of a block are fibers, switched at barriers and warp operations.
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cuda_runtime.h"
#include "emulated_memory.hpp"

uint3 threadIdx{0, 0, 0};
uint3 blockIdx{0, 0, 0};
dim3 blockDim;
dim3 gridDim;

// Saves what a called function must keep, and the place on the stack; goes on at another place.
extern "C" void serried_emulation_switch(void** from, void* to)
    __attribute__((visibility("hidden")));
asm(R"(
.text
.p2align 4
.globl serried_emulation_switch
.hidden serried_emulation_switch
.type serried_emulation_switch, @function
serried_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size serried_emulation_switch, .-serried_emulation_switch
)");

namespace serried_emulation {

int dynamic_shared_limit(const void* kernel);
bool is_valid_stream(cudaStream_t stream);
cudaError_t remember(cudaError_t error);

bool is_order_varied = false;

namespace {

constexpr int max_threads = 1024;
constexpr std::size_t dynamic_bytes = std::size_t{228} << 10;
constexpr std::uint64_t garbage = 0xFFF7DEADFFF7DEADULL;  // NaN as double, as float, as half

enum class State : unsigned char { fresh, ready, at_barrier, at_warp, finished };

struct Thread {
  void* stack_pointer = nullptr;
  std::byte* stack = nullptr;
  uint3 index{0, 0, 0};
  int number = 0;
  State state = State::fresh;
  WarpOperation operation = WarpOperation::sync;
  int source = 0;
  unsigned mask = 0;
  std::uint64_t value = 0;
  std::uint64_t result = 0;
};

// Lanes that wait for each other.
struct Group {
  unsigned mask = 0;
  unsigned arrived = 0;
};

struct Warp {
  unsigned alive = 0;
  int groups = 0;
  std::array<Group, 32> group;
};

// Stacks, all of one size, with a page behind each that must not be touched. Their beginnings are
// spread, so that they do not compete for the same lines of a cache.
class Stacks {
 public:
  void give_back(std::byte* stack) { free_.push_back(stack); }
  std::byte* take() {
    if (free_.empty()) grow();
    std::byte* const stack = free_.back();
    free_.pop_back();
    return stack;
  }

 private:
  static constexpr std::size_t page = 4096, bytes = std::size_t{64} << 10, spread = 8192;

  void grow() {
    constexpr std::size_t count = 64, each = page + bytes + spread;
    void* const memory = mmap(nullptr, count * each, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fail("no memory for the stacks of threads");
    for (std::size_t i = count; i-- > 0;) {
      std::byte* const low = static_cast<std::byte*>(memory) + i * each;
      mprotect(low, page, PROT_NONE);
      free_.push_back(low + each - i * 7 % 128 * 64);
    }
  }
  std::vector<std::byte*> free_;
};

void begin_thread();

struct Engine {
  Stacks stacks;
  std::array<Thread, max_threads> threads;
  std::array<Warp, max_threads / 32> warps;
  std::array<int, 2 * max_threads> queue;
  unsigned head = 0, tail = 0;
  int count = 0, live = 0, arrived = 0, said_yes = 0;
  Thread* current = nullptr;
  void* host = nullptr;
  void (*invoke)(const void*) = nullptr;
  const void* call = nullptr;
  const void* kernel = nullptr;
  std::uint64_t random = 0;
  alignas(256) std::array<std::uint64_t, dynamic_bytes / 8> dynamic_shared;

  std::uint64_t next_random() {
    random += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = random;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
    return z ^ z >> 31;
  }
  void push(Thread& thread) { queue[tail++ % queue.size()] = thread.number; }
  Thread& pop() {
    if (head == tail) report_deadlock();
    if (is_order_varied) {
      const auto other = (head + next_random() % (tail - head)) % queue.size();
      std::swap(queue[head % queue.size()], queue[other]);
    }
    return threads[static_cast<std::size_t>(queue[head++ % queue.size()])];
  }
  Warp& warp_of(const Thread& thread) {
    return warps[static_cast<std::size_t>(thread.number) / 32];
  }

  [[noreturn]] void report_deadlock();
  void release_barrier();
  void complete(int first, unsigned mask);
  void finish();
  void suspend();
  void go_to(void** from, Thread& next);
  void run_block();
};

Engine& engine() {
  static auto* const e = new Engine;
  return *e;
}
Engine* the_engine = nullptr;

const char* name_of_operation(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::sync:
      return "__syncwarp";
    case WarpOperation::shuffle:
      return "a shuffle";
    case WarpOperation::ballot:
      return "__ballot_sync";
    case WarpOperation::any:
      return "__any_sync";
    case WarpOperation::all:
      return "__all_sync";
    case WarpOperation::match_any:
      return "__match_any_sync";
    default:
      return "a reduction of a warp";
  }
}

std::string list_of(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    text += (text.empty() ? "" : ", ") + std::to_string(numbers[i]);
    if (end - i > 1) text += '-' + std::to_string(numbers[end - 1]);
    i = end;
  }
  return text;
}

void Engine::report_deadlock() {
  std::string text = "deadlock: ";
  std::vector<int> waiting;
  const auto all = std::span(threads).first(static_cast<std::size_t>(count));
  for (const Thread& thread : all)
    if (thread.state == State::at_barrier) waiting.push_back(thread.number);
  if (!waiting.empty()) text += "threads " + list_of(waiting) + " wait in __syncthreads; ";
  std::vector<bool> told(all.size());
  for (const Thread& thread : all) {
    if (thread.state != State::at_warp || told[static_cast<std::size_t>(thread.number)]) continue;
    waiting.clear();
    for (const Thread& other : all.subspan(static_cast<std::size_t>(thread.number / 32) * 32)) {
      if (other.number / 32 != thread.number / 32) break;
      if (other.state != State::at_warp || other.mask != thread.mask) continue;
      waiting.push_back(other.number);
      told[static_cast<std::size_t>(other.number)] = true;
    }
    char mask[16];
    std::snprintf(mask, sizeof mask, "%08x", thread.mask);
    text += "threads " + list_of(waiting) + " wait in " + name_of_operation(thread.operation) +
            " for the lanes of 0x" + mask + "; ";
  }
  text += std::to_string(count - live) + " of " + std::to_string(count) + " have returned";
  fail(text.c_str());
}

void Engine::release_barrier() {
  const std::uint64_t result =
      static_cast<std::uint64_t>(arrived) << 32 | static_cast<unsigned>(said_yes);
  arrived = said_yes = 0;
  for (int i = 0; i < count; ++i) {
    Thread& thread = threads[static_cast<std::size_t>(i)];
    if (thread.state != State::at_barrier) continue;
    thread.state = State::ready;
    thread.result = result;
    push(thread);
  }
}

template <class T, class Combine>
std::uint64_t reduce(const Thread* lanes, unsigned mask, Combine combine) {
  T result = static_cast<T>(lanes[__builtin_ctz(mask)].value);
  for (mask &= mask - 1; mask != 0; mask &= mask - 1)
    result = combine(result, static_cast<T>(lanes[__builtin_ctz(mask)].value));
  return static_cast<unsigned>(result);
}

std::uint64_t common_result(WarpOperation operation, const Thread* lanes, unsigned mask) {
  const auto lesser = [](auto a, auto b) { return b < a ? b : a; };
  const auto greater = [](auto a, auto b) { return a < b ? b : a; };
  unsigned yes = 0;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1)
    if (lanes[__builtin_ctz(rest)].value != 0) yes |= rest & -rest;
  switch (operation) {
    case WarpOperation::ballot:
      return yes;
    case WarpOperation::any:
      return yes != 0;
    case WarpOperation::all:
      return yes == mask;
    case WarpOperation::add:
    case WarpOperation::add_unsigned:
      return reduce<unsigned>(lanes, mask, std::plus<>{});
    case WarpOperation::min:
      return reduce<int>(lanes, mask, lesser);
    case WarpOperation::min_unsigned:
      return reduce<unsigned>(lanes, mask, lesser);
    case WarpOperation::max:
      return reduce<int>(lanes, mask, greater);
    case WarpOperation::max_unsigned:
      return reduce<unsigned>(lanes, mask, greater);
    case WarpOperation::bit_and:
      return reduce<unsigned>(lanes, mask, std::bit_and<>{});
    case WarpOperation::bit_or:
      return reduce<unsigned>(lanes, mask, std::bit_or<>{});
    case WarpOperation::bit_xor:
      return reduce<unsigned>(lanes, mask, std::bit_xor<>{});
    default:
      return 0;
  }
}

// All lanes of the mask are here: their results, and they go on.
void Engine::complete(int first, unsigned mask) {
  Thread* const lanes = &threads[static_cast<std::size_t>(first)];
  const WarpOperation operation = lanes[__builtin_ctz(mask)].operation;
  const bool is_own = operation == WarpOperation::shuffle || operation == WarpOperation::match_any;
  const std::uint64_t common = is_own ? 0 : common_result(operation, lanes, mask);
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    Thread& thread = lanes[__builtin_ctz(rest)];
    if (thread.operation != operation)
      fail_with("lanes of one mask (%08x) call %s and %s", mask, name_of_operation(operation),
                name_of_operation(thread.operation));
    thread.result = common;
    if (operation == WarpOperation::shuffle) {
      const bool is_there =
          thread.source >= 0 && thread.source < 32 && (mask >> thread.source & 1U) != 0;
      thread.result = is_there ? lanes[thread.source].value : garbage;
    } else if (operation == WarpOperation::match_any) {
      for (unsigned other = mask; other != 0; other &= other - 1)
        if (lanes[__builtin_ctz(other)].value == thread.value) thread.result |= other & -other;
    }
    thread.state = State::ready;
    push(thread);
  }
}

void Engine::go_to(void** from, Thread& next) {
  current = &next;
  threadIdx = next.index;
  if (next.state != State::fresh) {
    serried_emulation_switch(from, next.stack_pointer);
    return;
  }
  next.state = State::ready;
  next.stack = stacks.take();
  // As if serried_emulation_switch had been called at the beginning of begin_thread.
  auto** const top = reinterpret_cast<void**>(next.stack);
  std::memset(top - 8, 0, 8 * sizeof(void*));
  top[-2] = reinterpret_cast<void*>(&begin_thread);
  serried_emulation_switch(from, top - 8);
}

void Engine::suspend() {
  Thread& self = *current;
  Thread& next = pop();
  if (&next != &self) go_to(&self.stack_pointer, next);
}

// What the end of a thread means for those that wait.
void Engine::finish() {
  Thread& thread = *current;
  thread.state = State::finished;
  Warp& warp = warp_of(thread);
  const unsigned bit = 1U << (thread.number % 32);
  for (int i = 0; i < warp.groups; ++i)
    if ((warp.group[static_cast<std::size_t>(i)].mask & bit) != 0)
      fail_with("thread %d has returned, but other lanes wait for it: mask %08x", thread.number,
                warp.group[static_cast<std::size_t>(i)].mask);
  warp.alive &= ~bit;
  --live;
  if (live > 0 && arrived == live) release_barrier();
}

// A stack runs one thread after the other as long as none of them is left waiting on it.
void begin_thread() {
  Engine& e = *the_engine;
  for (;;) {
    e.invoke(e.call);
    e.finish();
    std::byte* const stack = std::exchange(e.current->stack, nullptr);
    void* nowhere = nullptr;
    if (e.live == 0) {
      e.stacks.give_back(stack);
      serried_emulation_switch(&nowhere, e.host);
    }
    Thread& next = e.pop();
    if (next.state != State::fresh) {
      e.stacks.give_back(stack);
      e.go_to(&nowhere, next);
    }
    next.state = State::ready;
    next.stack = stack;
    e.current = &next;
    threadIdx = next.index;
  }
}

void Engine::run_block() {
  head = tail = 0;
  live = count;
  arrived = said_yes = 0;
  for (std::size_t w = 0; w * 32 < static_cast<std::size_t>(count); ++w) {
    const int lanes = std::min(32, count - static_cast<int>(w) * 32);
    warps[w].alive = lanes == 32 ? ~0U : (1U << lanes) - 1;
    warps[w].groups = 0;
  }
  for (int i = 0; i < count; ++i) {
    Thread& thread = threads[static_cast<std::size_t>(i)];
    thread.state = State::fresh;
    push(thread);
  }
  go_to(&host, pop());
}

// This module's thread-local memory, which the __shared__ variables of all its kernels are. A
// program's own may hold other things, and is left alone.
std::span<std::byte> static_shared() {
  struct Search {
    std::uintptr_t address;
    std::span<std::byte> found;
  } search{reinterpret_cast<std::uintptr_t>(&begin_thread), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& s = *static_cast<Search*>(data);
        bool is_here = false;
        std::size_t bytes = 0;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          if (header.p_type == PT_LOAD &&
              s.address - info->dlpi_addr - header.p_vaddr < header.p_memsz)
            is_here = true;
          if (header.p_type == PT_TLS) bytes = header.p_memsz;
        }
        if (is_here && info->dlpi_name != nullptr && *info->dlpi_name != '\0' &&
            info->dlpi_tls_data != nullptr)
          s.found = {static_cast<std::byte*>(info->dlpi_tls_data), bytes};
        return is_here ? 1 : 0;
      },
      &search);
  return search.found;
}

void fill_with_garbage(std::span<std::byte> memory) {
  static const std::vector<std::uint64_t> pattern(512, garbage);
  const std::size_t piece = pattern.size() * sizeof garbage;
  for (std::size_t at = 0; at < memory.size(); at += piece)
    std::memcpy(memory.data() + at, pattern.data(), std::min(piece, memory.size() - at));
}

bool is_dimension(const dim3& d, std::uint64_t x, std::uint64_t y, std::uint64_t z) {
  return d.x >= 1 && d.y >= 1 && d.z >= 1 && d.x <= x && d.y <= y && d.z <= z;
}

}  // namespace

int lane() {
  return the_engine->current->number % 32;
}

void yield() {
  Engine& e = *the_engine;
  e.push(*e.current);
  e.suspend();
}

void vary_order() {
  if ((the_engine->next_random() & 3U) == 0) yield();
}

std::uint64_t wait_for_block(bool predicate) {
  Engine& e = *the_engine;
  Thread& self = *e.current;
  self.state = State::at_barrier;
  e.said_yes += predicate ? 1 : 0;
  if (++e.arrived == e.live) e.release_barrier();
  e.suspend();
  return self.result;
}

std::uint64_t wait_for_warp(WarpOperation operation, unsigned mask, std::uint64_t value,
                            int source) {
  Engine& e = *the_engine;
  Thread& self = *e.current;
  Warp& warp = e.warp_of(self);
  const int in_warp = self.number % 32;
  if ((mask >> in_warp & 1U) == 0)
    fail_with("%s: lane %d is not in its own mask %08x", name_of_operation(operation), in_warp,
              mask);
  if ((mask & ~warp.alive) != 0)
    fail_with("%s: mask %08x names lanes that have returned or never were: %08x",
              name_of_operation(operation), mask, mask & ~warp.alive);
  self.state = State::at_warp;
  self.operation = operation;
  self.mask = mask;
  self.value = value;
  self.source = source;
  int i = 0;
  while (i < warp.groups && warp.group[static_cast<std::size_t>(i)].mask != mask) ++i;
  Group& group = warp.group[static_cast<std::size_t>(i)];
  if (i == warp.groups) {
    ++warp.groups;
    group = {mask, 0};
  }
  group.arrived |= 1U << in_warp;
  if (group.arrived == mask) {
    group = warp.group[static_cast<std::size_t>(--warp.groups)];
    e.complete(self.number - in_warp, mask);
  }
  e.suspend();
  return self.result;
}

void check_argument(const void* pointer, int position, const void* kernel) {
  if (pointer != nullptr && !DeviceMemory::get().has(pointer) && !is_pinned(pointer))
    fail_with("argument %d of %s is a pointer to memory of the host", position, name_of(kernel));
}

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

void fail(const char* text) {
  const Engine* const e = the_engine;
  if (e == nullptr || e->kernel == nullptr)
    std::fprintf(stderr, "CUDA emulation: %s\n", text);
  else
    std::fprintf(stderr, "CUDA emulation: in block (%u,%u,%u), thread (%u,%u,%u) of %s: %s\n",
                 blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z,
                 name_of(e->kernel), text);
  std::abort();
}

cudaError_t run(const cudaLaunchConfig_t& config, const void* kernel, void (*invoke)(const void*),
                const void* call) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (!is_valid_stream(config.stream)) return remember(cudaErrorInvalidResourceHandle);
  if (!is_dimension(grid, 2147483647, 65535, 65535) || !is_dimension(block, 1024, 1024, 64) ||
      threads > max_threads)
    return remember(cudaErrorInvalidConfiguration);
  if (config.dynamicSmemBytes > static_cast<std::size_t>(dynamic_shared_limit(kernel)))
    return remember(cudaErrorInvalidValue);

  const DeviceAccess access;
  Engine& e = engine();
  the_engine = &e;
  if (e.kernel != nullptr) fail("a kernel starts a kernel");
  if (const char* seed = std::getenv("SERRIED_EMULATION_SEED"); seed != nullptr) {
    if (!is_order_varied) e.random = std::strtoull(seed, nullptr, 10);
    is_order_varied = true;
  }
  e.kernel = kernel;
  e.invoke = invoke;
  e.call = call;
  e.count = static_cast<int>(threads);
  blockDim = block;
  gridDim = grid;
  int number = 0;
  for (unsigned z = 0; z < block.z; ++z)
    for (unsigned y = 0; y < block.y; ++y)
      for (unsigned x = 0; x < block.x; ++x, ++number) {
        Thread& thread = e.threads[static_cast<std::size_t>(number)];
        thread.number = number;
        thread.index = {x, y, z};
      }

  const std::span<std::byte> shared = static_shared();
  const std::span<std::byte> dynamic(reinterpret_cast<std::byte*>(e.dynamic_shared.data()),
                                     config.dynamicSmemBytes);
  // Blocks run in ascending order; where the order is varied, from some block on, either way.
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  const std::uint64_t first = is_order_varied ? e.next_random() % blocks : 0;
  const bool is_descending = is_order_varied && (e.next_random() & 1U) != 0;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t at = (first + (is_descending ? blocks - i : i)) % blocks;
    blockIdx = {static_cast<unsigned>(at % grid.x), static_cast<unsigned>(at / grid.x % grid.y),
                static_cast<unsigned>(at / grid.x / grid.y)};
    // All kernels' variables together may be large: with many blocks, not before each of them.
    if (shared.size() <= std::size_t{32} << 10 || i < 16 || i % 16 == 0) fill_with_garbage(shared);
    fill_with_garbage(dynamic);
    e.run_block();
  }
  DeviceMemory::get().check_red_zones("after this kernel");
  e.kernel = nullptr;
  return cudaSuccess;
}

}  // namespace serried_emulation

void* serried_emulated_dynamic_shared() {
  return serried_emulation::the_engine->dynamic_shared.data();
}
