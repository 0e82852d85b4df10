// SPDX-License-Identifier: MIT
// Block pools: allocating from free lists and from malloc, and returning blocks to their owners. See
// block.hpp.
#include "runtime/messages/block.hpp"

#include <malloc.h>

#include <bit>
#include <cstdlib>

#include "base/clock.hpp"
#include "base/heap_account.hpp"

namespace coppice::runtime {
namespace {

// Found without a call, as in driver.cpp.
[[gnu::tls_model("initial-exec")]] thread_local block_pool* this_threads_pool = nullptr;

constexpr std::int64_t report_every = 64 * 1024; // bytes
constexpr std::int64_t worth_a_trim = std::int64_t{32} << 20;
constexpr std::int64_t given_up_worth_a_trim = std::int64_t{4} << 20;
// Between two trims for what was given up, as other nodes decide how often that is.
constexpr base::nanos between_trims = base::nanos_per_second;

} // namespace

void block_memory::set_limit(std::uint64_t bytes) {
  limit_.store(bytes == 0 ? INT64_MAX : static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  add(0);
}

void block_memory::add(std::int64_t bytes) {
  std::int64_t now = in_use_.fetch_add(bytes) + bytes;
  if (now > most_.load(std::memory_order_relaxed)) most_.store(now, std::memory_order_relaxed);
  // The thread that stores last has seen the last sum.
  do scarce_.store(now > limit_.load(std::memory_order_relaxed));
  while (now != in_use_.load() && (now = in_use_.load(), true));
}

void block_memory::trim() {
  std::int64_t most = most_.load(std::memory_order_relaxed);
  const std::int64_t now = in_use_.load(std::memory_order_relaxed);
  std::int64_t given_up = given_up_.load(std::memory_order_relaxed);
  bool is_due = most - now >= worth_a_trim;
  if (!is_due && given_up >= given_up_worth_a_trim)
    is_due = base::mono_now() >= next_trim_.load(std::memory_order_relaxed);
  // One thread does it.
  if (!is_due || !given_up_.compare_exchange_strong(given_up, 0)) return;
  if (!most_.compare_exchange_strong(most, now)) return;
  next_trim_.store(base::mono_now() + between_trims, std::memory_order_relaxed);
  malloc_trim(0);
}

void block_pool::report(std::int64_t bytes) {
  unreported_ += bytes;
  if (unreported_ < report_every && unreported_ > -report_every) return;
  block_memory::add(std::exchange(unreported_, 0));
}

// Never inlined, as worker::current().
[[gnu::noinline]] block_pool* block_pool::current() {
  asm volatile("");
  return this_threads_pool;
}

[[gnu::noinline]] void block_pool::set_current(block_pool* pool) {
  this_threads_pool = pool;
}

block_pool::block_pool(block_pool&& other) noexcept : siblings_(other.siblings_) {}

block_pool::~block_pool() {
  drop_free();
  for (chain& batch_back : going_back_)
    while (batch_back.newest != nullptr) to_system(std::exchange(batch_back.newest, batch_back.newest->next));
  block_memory::add(unreported_);
}

void block_pool::drop_free() {
  take_returns();
  for (block*& head : free_)
    while (head != nullptr) to_system(std::exchange(head, head->next));
  kept_ = {};
}

void block_pool::rest() {
  resting_.store(true, std::memory_order_relaxed);
  flush();
  drop_free();
  block_memory::add(std::exchange(unreported_, 0));
}

std::size_t block_pool::class_bytes(unsigned size_class) {
  return whole_sizes[size_class] - sizeof(block);
}

block* block_pool::from_system(std::size_t capacity, unsigned size_class) {
  if (size_class < classes) capacity = class_bytes(size_class);
  const std::size_t whole = sizeof(block) + capacity;
  // A message is not charged to the plugin that writes it: it is counted among the node's messages.
  const base::heap::charge ours(base::heap::daemon);
  void* raw = ::operator new(whole);
  count(static_cast<std::int64_t>(whole));
  block* made = ::new (raw) block;
  made->capacity = static_cast<std::uint32_t>(capacity);
  made->size_class = static_cast<std::uint8_t>(size_class);
  return made;
}

void block_pool::count(std::int64_t bytes) {
  if (block_pool* mine = current())
    mine->report(bytes);
  else
    block_memory::add(bytes);
}

void block_pool::to_system(block* unused) {
  count(-static_cast<std::int64_t>(sizeof(block) + unused->capacity));
  unused->~block();
  ::operator delete(unused);
}

block* block_pool::allocate_new(std::size_t capacity, unsigned size_class) {
  if (size_class == classes) return from_system(capacity, size_class);
  resting_.store(false, std::memory_order_relaxed);
  take_returns();
  if (free_[size_class] != nullptr) return allocate(capacity);
  block* made = from_system(capacity, size_class);
  made->owner = this;
  return made;
}

void block_pool::free_elsewhere(block* unused) {
  const auto* first = siblings_->data();
  if (unused->owner == nullptr || unused->owner < first || unused->owner >= first + siblings_->size())
    return to_system(unused);
  send_back(unused, static_cast<std::size_t>(unused->owner - first));
}

void block_pool::send_back(block* unused, std::size_t owner_index) {
  if (going_back_.empty()) going_back_.resize(siblings_->size());
  chain& back = going_back_[owner_index];
  unused->next = back.newest;
  back.newest = unused;
  if (back.oldest == nullptr) back.oldest = unused;
  back.bytes += sizeof(block) + unused->capacity;
  if (++back.count == batch || back.bytes >= batch_bytes) deliver(back, owner_index);
}

// If the owner rests, or enough bytes wait for it already, the blocks go to the system.
void block_pool::deliver(chain& back, std::size_t owner_index) {
  block_pool& owner = (*siblings_)[owner_index];
  const std::uint64_t waiting = owner.returned_.fetch_add(back.bytes, std::memory_order_relaxed);
  if (waiting < returned_bytes && !owner.resting_.load(std::memory_order_relaxed)) {
    owner.returns_.push_chain(back.newest, back.oldest);
  } else {
    owner.returned_.fetch_sub(back.bytes, std::memory_order_relaxed);
    while (back.newest != nullptr) to_system(std::exchange(back.newest, back.newest->next));
  }
  back = {};
}

void block_pool::flush() {
  for (std::size_t index = 0; index < going_back_.size(); ++index)
    if (going_back_[index].count != 0) deliver(going_back_[index], index);
}

void block_pool::take_returns() {
  std::uint64_t taken = 0;
  for (block* back = returns_.take_all(); back != nullptr;) {
    taken += sizeof(block) + back->capacity;
    keep(std::exchange(back, back->next));
  }
  if (taken != 0) returned_.fetch_sub(taken, std::memory_order_relaxed);
}

// These two functions find the thread's pool themselves, as current() does, so that most calls of them call
// nothing.
[[gnu::noinline]] block* allocate_block(std::size_t capacity) {
  asm volatile("");
  block_pool* const pool = this_threads_pool;
  const unsigned size_class = block_pool::class_for(capacity);
  if (pool == nullptr || size_class == block_pool::classes || pool->free_[size_class] == nullptr) [[unlikely]]
    return block_pool::allocate_slowly(capacity);
  block* const taken = pool->free_[size_class];
  pool->free_[size_class] = taken->next;
  --pool->kept_[size_class];
  taken->refs.store(1, std::memory_order_relaxed);
  return taken;
}

[[gnu::noinline, gnu::cold]] block* block_pool::allocate_slowly(std::size_t capacity) {
  if (block_pool* pool = current()) return pool->allocate(capacity);
  return from_system(capacity, class_for(capacity));
}

void detail::retain(block* shared) noexcept {
  shared->refs.fetch_add(1, std::memory_order_relaxed);
}

[[gnu::noinline]] void detail::release(block* owned) noexcept {
  asm volatile("");
  block_pool* const pool = this_threads_pool;
  if (pool != nullptr && owned->owner == pool && owned->exclusive() && !owned->borrowed &&
      pool->has_room_for(*owned)) [[likely]]
    return pool->put_back(owned);
  block_pool::release_slowly(owned);
}

[[gnu::noinline]] void block_pool::release_slowly(block* owned) noexcept {
  if (!owned->exclusive() && owned->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (owned->borrowed) {
    owned->borrowed = false;
    const auto* lent = reinterpret_cast<const borrowed_bytes*>(owned->data());
    lent->release(lent->context);
  }
  if (block_pool* pool = current()) return pool->free(owned);
  to_system(owned);
}

} // namespace coppice::runtime
