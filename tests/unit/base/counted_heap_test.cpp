// SPDX-License-Identifier: MIT
// The bytes charged to an owner are close to what it has allocated, for blocks of every size and whatever
// happens to them. Nothing is charged any more when all of them are freed.
#include "base/counted_heap.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/charged_blocks.hpp"
#include "base/heap_account.hpp"

using namespace coppice;
namespace heap = base::heap;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t leak = 200 * mib;
constexpr std::size_t held = 20 * mib; // in one round
constexpr std::size_t rounds = leak / held;

// Whether `counted` is within 10 % of `real`.
void check_close(double counted, double real) {
  CAPTURE(counted);
  CAPTURE(real);
  CHECK(counted > 0.9 * real);
  CHECK(counted < 1.1 * real);
}

using pointers = std::vector<void*>;

void give_back(pointers& all) {
  for (void* each : all) heap::release(each);
  all.clear();
}

// Allocates `held` bytes in each of so many rounds that they add up to `leak` bytes, and compares that with
// the sum of what was charged. `fill` allocates blocks of `held` bytes together.
template <class Fill>
void compare(const std::string& name, Fill fill) {
  CAPTURE(name);
  const heap::owner whom = heap::owner_of(name);
  REQUIRE(heap::bytes_of(whom) == 0);
  double counted = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    pointers all;
    {
      const heap::charge to(whom);
      fill(all, held);
    }
    counted += static_cast<double>(heap::bytes_of(whom));
    give_back(all);
    CHECK(heap::bytes_of(whom) == 0);
  }
  check_close(counted, static_cast<double>(leak));
}

} // namespace

TEST_CASE("200 MB in blocks of any size are charged within 10 %, and nothing once they are free") {
  for (std::size_t size = 16; size <= mib; size *= 4)
    compare("size " + std::to_string(size), [size](pointers& all, std::size_t bytes) {
      for (std::size_t i = 0; i < bytes / size; ++i) all.push_back(heap::allocate(size));
    });
  compare("mixed", [](pointers& all, std::size_t bytes) {
    for (std::size_t size = 16; size <= mib; size *= 2)
      for (std::size_t i = 0; i < bytes / 17 / size + 1; ++i) all.push_back(heap::allocate(size));
  });
  compare("zeroed", [](pointers& all, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / 4000; ++i) all.push_back(heap::allocate_zeroed(40, 100));
  });
  compare("aligned", [](pointers& all, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / 1000; ++i) all.push_back(heap::allocate_aligned(64, 1000));
  });
}

TEST_CASE("a block that grows or shrinks is charged for what it has") {
  compare("grows by steps", [](pointers& all, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / 4096; ++i) {
      void* one = nullptr;
      for (std::size_t size = 32; size <= 4096; size += 32) one = heap::resize(one, size);
      all.push_back(one);
    }
  });
  compare("grows at once", [](pointers& all, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / 40'000; ++i) all.push_back(heap::resize(heap::allocate(100), 40'000));
  });
  compare("shrinks", [](pointers& all, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / 500; ++i) all.push_back(heap::resize(heap::allocate(2000), 500));
  });
  compare("grows over all sizes", [](pointers& all, std::size_t bytes) {
    void* one = heap::allocate(1);
    for (std::size_t size = 2; size < bytes; size *= 2) one = heap::resize(one, size);
    all.push_back(heap::resize(one, bytes));
  });
}

TEST_CASE("blocks are whole and as they were asked for, whether they are charged or not") {
  const heap::charge to(heap::owner_of("whole"));
  pointers all;
  for (std::size_t i = 1; i <= 3000; ++i) {
    const std::size_t size = i * 37 % 100'000 + 1;
    const std::size_t alignment = std::size_t{16} << (i % 10);
    auto* const zeroed = static_cast<unsigned char*>(heap::allocate_zeroed(1, size));
    CHECK(std::string_view(reinterpret_cast<char*>(zeroed), size).find_first_not_of('\0') ==
          std::string_view::npos);
    void* const aligned = heap::allocate_aligned(alignment, size);
    CHECK(reinterpret_cast<std::uintptr_t>(aligned) % alignment == 0);
    std::memset(zeroed, static_cast<int>(i % 256), size);
    const std::size_t other = i * 101 % 200'000 + 1;
    auto* const resized = static_cast<unsigned char*>(heap::resize(zeroed, other));
    CHECK(heap::usable_bytes(resized) >= other);
    bool same = true;
    for (std::size_t at = 0; at < std::min(size, other); ++at) same = same && resized[at] == i % 256;
    CHECK(same);
    all.insert(all.end(), {resized, aligned});
  }
  void* const large = heap::allocate_zeroed(1, 20 * mib); // so large that the system maps it
  CHECK(static_cast<unsigned char*>(large)[20 * mib - 1] == 0);
  all.push_back(heap::resize(large, 40 * mib));
  CHECK(heap::bytes_of(heap::owner_of("whole")) > 40 * mib);
  give_back(all);
  CHECK(heap::bytes_of(heap::owner_of("whole")) == 0);
  CHECK(heap::allocate(SIZE_MAX / 2) == nullptr);
  CHECK(heap::allocate_zeroed(SIZE_MAX / 2, 4) == nullptr);
  CHECK(heap::bytes_of(heap::owner_of("whole")) == 0);
}

TEST_CASE("what one thread and plugin allocate and others free is taken off the former") {
  const heap::owner one = heap::owner_of("allocates"), other = heap::owner_of("frees");
  pointers all;
  std::jthread([&] {
    const heap::charge to(one);
    for (std::size_t i = 0; i < held / 1000; ++i) all.push_back(heap::allocate(1000));
  }).join();
  CHECK(heap::bytes_of(one) > held / 2);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const heap::charge to(other);
      for (std::size_t i = t; i < all.size(); i += 4) heap::release(all[i]);
    });
  threads.clear();
  CHECK(heap::bytes_of(one) == 0);
  CHECK(heap::bytes_of(other) == 0);
}

TEST_CASE("of a thread without an owner the one that is found counts, and the daemon is charged nothing") {
  static const heap::owner found = heap::owner_of("found");
  CHECK(heap::running_here() == heap::unknown);
  heap::find_owner_by([] { return found; });
  CHECK(heap::running_here() == found);
  {
    const heap::charge to(heap::owner_of("own"));
    CHECK(heap::running_here() == heap::owner_of("own"));
    const heap::charge none(heap::daemon);
    CHECK(heap::running_here() == heap::unknown);
    void* const big = heap::allocate(mib);
    CHECK(heap::bytes_of(heap::owner_of("own")) == 0);
    heap::release(big);
  }
  heap::find_owner_by(nullptr);
  void* const big = heap::allocate(mib);
  CHECK(heap::bytes_of(found) == 0);
  heap::release(big);
}

TEST_CASE("an owner has one number, and there are not more than the bound") {
  CHECK(heap::owner_of("twice") == heap::owner_of("twice"));
  CHECK(heap::owner_of("twice") != heap::owner_of("once"));
  CHECK(heap::owner_of(std::string(65, 'a')) == heap::unknown);
  std::size_t made = 0;
  while (heap::owner_of("owner " + std::to_string(made)) != heap::unknown) ++made;
  CHECK(made < heap::most_owners);
  CHECK(heap::owner_of("twice") != heap::unknown);
  CHECK(heap::bytes_of(heap::unknown) == 0);
}

TEST_CASE("a full table takes no further block until one is taken out") {
  static heap::charged_blocks<1> table;
  const auto at = [](std::size_t i) { return reinterpret_cast<const void*>(i * 4096); };
  std::vector<std::size_t> inside;
  std::size_t refused = 0;
  for (std::size_t i = 1; i <= 3 * table.most; ++i)
    if (table.put(at(i), i))
      inside.push_back(i);
    else
      refused = i;
  CHECK(inside.size() == table.most);
  CHECK(table.take(at(refused)) == 0);
  for (const std::size_t i : inside) CHECK(table.take(at(i)) == i);
  CHECK(table.take(at(inside.front())) == 0);
  CHECK(table.put(at(refused), refused));
}

TEST_CASE("threads that put and take beside each other lose no block") {
  static heap::charged_blocks<4> table;
  std::vector<std::jthread> threads;
  std::atomic<std::size_t> wrong{0};
  for (std::size_t t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 1; i <= 100'000; ++i) {
        const auto* const block = reinterpret_cast<const void*>((t << 40) + i * 4096);
        if (!table.put(block, i) || table.take(block) != i) ++wrong;
      }
    });
  threads.clear();
  CHECK(wrong == 0);
}
