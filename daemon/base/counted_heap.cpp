// SPDX-License-Identifier: MIT
// The drawing of samples, and what is done with an allocation that is taken. See counted_heap.hpp.
#include "base/counted_heap.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "base/charged_blocks.hpp"
#include "base/heap_account.hpp"

namespace coppice::base::heap {

constinit thread_local std::int64_t detail::left = 0;

namespace {

constexpr std::size_t page = 4096;
constexpr std::uint64_t most_weight = (std::uint64_t{1} << 48) - 1;

// The random state of a thread.
constinit thread_local std::uint64_t dice = 0; // 0: nothing was drawn yet

// By block: owner << 48 | weight. Pages that nothing has touched take no memory.
charged_blocks<15> blocks;
static_assert(decltype(blocks)::most == most_blocks);
constinit std::atomic<std::uint64_t> threads{0};

// splitmix64 (Steele, Lea, Flood 2014). Each thread has a sequence of its own.
std::uint64_t roll() {
  std::uint64_t z = dice += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// In (0, 1].
double fraction() {
  return static_cast<double>((roll() >> 11) + 1) / 9007199254740992.0; // 2^53
}

std::int64_t distance() {
  return static_cast<std::int64_t>(-std::log(fraction()) * static_cast<double>(sampling_bytes));
}

// The probability with which an allocation is taken.
double chance(std::size_t bytes) {
  return -std::expm1(-static_cast<double>(bytes) / static_cast<double>(sampling_bytes));
}

std::uint64_t weight_of(std::size_t bytes) {
  if (bytes == 0) return static_cast<std::uint64_t>(sampling_bytes);
  const double stands_for = static_cast<double>(bytes) / chance(bytes);
  return std::min(static_cast<std::uint64_t>(std::min(stands_for, 1e15)), most_weight);
}

// The thread's first count. False: it has begun one.
bool begin_count() {
  if (dice != 0) return false;
  dice = (threads.fetch_add(1, std::memory_order_relaxed) + 1) * 0xd1342543de82ef95;
  detail::left = distance();
  return true;
}

// This thread's count has run out at an allocation of so many bytes. Counts on, and returns the owner to
// which it is charged. `unknown`, `daemon`: it is charged to none.
owner due(std::size_t bytes) {
  if (begin_count() && !detail::runs_out(bytes)) return unknown;
  detail::left = distance();
  return running_here();
}

std::int64_t weight_in(std::uint64_t what) {
  return static_cast<std::int64_t>(what & most_weight);
}

// Takes the block out of the table. 0: it is not there.
std::uint64_t take(const void* block) {
  const std::uint64_t what = blocks.take(block);
  if (what != 0) add_bytes(static_cast<owner>(what >> 48), -weight_in(what));
  return what;
}

void put(const void* block, std::uint64_t what) {
  take(block); // if it was given back past these functions
  if (blocks.put(block, what))
    add_bytes(static_cast<owner>(what >> 48), weight_in(what));
  else
    note_left_out();
}

std::uint64_t charge_of(owner whom, std::size_t bytes) {
  return std::uint64_t{whom} << 48 | weight_of(bytes);
}

// A block with an address that a charged block may have. Null: there is no memory.
void* recognisable(std::size_t bytes, std::size_t alignment, bool zeroed) {
  if (bytes >= mapped_from && alignment <= alignof(std::max_align_t)) {
    // Pages that the system has just mapped are zero and not touched.
    void* const mapped = zeroed ? __libc_calloc(1, bytes) : __libc_malloc(bytes);
    if (mapped == nullptr || detail::may_be_charged(mapped)) return mapped;
    __libc_free(mapped); // it was free in the heap
  }
  void* const made = __libc_memalign(std::max(alignment, page), bytes);
  if (made != nullptr && zeroed) std::memset(made, 0, bytes);
  return made;
}

void* charged(owner whom, std::size_t bytes, std::size_t alignment, bool zeroed) {
  void* const made = recognisable(bytes, alignment, zeroed);
  if (made != nullptr) put(made, charge_of(whom, bytes));
  return made;
}

} // namespace

void* detail::allocate(std::size_t bytes) {
  const owner whom = due(bytes);
  return is_charged(whom) ? charged(whom, bytes, 0, false) : __libc_malloc(bytes);
}

void* detail::allocate_zeroed(std::size_t count, std::size_t bytes) {
  const owner whom = due(count * bytes);
  return is_charged(whom) ? charged(whom, count * bytes, 0, true) : __libc_calloc(count, bytes);
}

void* detail::allocate_aligned(std::size_t alignment, std::size_t bytes) {
  const owner whom = due(bytes);
  return is_charged(whom) ? charged(whom, bytes, alignment, false) : __libc_memalign(alignment, bytes);
}

// The block is not charged, and the count has run out while it grows.
void* detail::resize_due(void* block, std::size_t bytes, std::size_t grown) {
  const owner whom = due(grown);
  void* const made = is_charged(whom) ? charged(whom, bytes, 0, false) : nullptr;
  if (made == nullptr) return __libc_realloc(block, bytes);
  std::memcpy(made, block, std::min(bytes, bytes_in(block)));
  __libc_free(block);
  return made;
}

// The block stays charged to its owner. With a smaller one, the probability with which one of that size would
// have been taken decides whether it stays charged at all.
void* detail::resize_charged(void* block, std::size_t bytes) {
  const std::size_t before = bytes_in(block);
  const std::uint64_t what = take(block);
  if (what == 0) { // it only has such an address
    const std::size_t after = given_for(bytes);
    if (after > before && runs_out(after - before)) return resize_due(block, bytes, after - before);
    return __libc_realloc(block, bytes);
  }
  void* made = __libc_realloc(block, bytes);
  if (made == nullptr) {
    if (bytes != 0) put(block, what); // there is no memory, and the block is as it was
    return nullptr;
  }
  begin_count();
  if (bytes < before && fraction() > chance(bytes) / chance(before)) return made;
  if (!may_be_charged(made)) {
    void* const other = recognisable(bytes, 0, false);
    if (other == nullptr) return made;
    std::memcpy(other, made, bytes);
    __libc_free(made);
    made = other;
  }
  put(made, charge_of(static_cast<owner>(what >> 48), bytes));
  return made;
}

void detail::forget(const void* block) {
  take(block);
}

} // namespace coppice::base::heap
