// SPDX-License-Identifier: MIT
// The memory of messages and signals: blocks with a reference count, room for one signal, and bytes.
// A worker keeps free blocks by size class; a block freed on another worker goes back to its owner in
// batches, so one-way traffic does not hoard. Free lists are caches over malloc and bounded, and so is what
// waits for an owner that does not allocate: what exceeds them goes back to the system. Threads that are no
// workers use malloc alone.
//
// The count: release() of a block nobody else holds sees 1 (acquire: all that former holders did happened
// before) and needs no read-modify-write; otherwise the decrement is acq_rel and whoever takes it to 0 frees.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "runtime/messages/signal.hpp"
#include "runtime/structures/lifo.hpp"

namespace coppice::runtime {

class block_pool;

struct block {
  std::atomic<std::uint32_t> refs{1};
  std::uint32_t capacity = 0;  // bytes behind the signal's room
  block_pool* owner = nullptr; // null: straight from malloc
  std::uint8_t size_class = 0;
  bool borrowed = false; // the bytes are someone else's: a `borrowed_bytes` is in data()
  block* next = nullptr; // while free
  alignas(signal) std::byte signal_room[sizeof(signal)];

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  signal* room() { return std::launder(reinterpret_cast<signal*>(signal_room)); }
  static block* of(signal* inside) {
    return reinterpret_cast<block*>(reinterpret_cast<std::byte*>(inside) - offsetof(block, signal_room));
  }
  bool exclusive() const { return refs.load(std::memory_order_acquire) == 1; }
};

struct borrowed_bytes {
  etf::bytes term;
  void (*release)(void* context);
  void* context;
};

// A signal in its payload's block and that payload together hold one reference: the handle inside is never
// released by itself, whoever ends the signal does it for both.
struct signal_access {
  static bool fits_in_place(const message& payload) {
    return payload.block_ != nullptr && payload.block_->exclusive();
  }
  // `home`: the payload's own block, which nobody else has, or one of the signal's own.
  template <class... Head>
  [[gnu::always_inline]] static signal* make_in(block* home, message&& payload, const Head&... head) {
    auto* made = ::new (home->signal_room) signal(head...);
    // One by one: a load of both at once would wait until the two stores that made them have left the core.
    const std::uint8_t* data = payload.bytes_.data();
    asm("" : "+r"(data));
    made->payload_.bytes_ = {data, payload.bytes_.size()};
    made->payload_.block_ = std::exchange(payload.block_, nullptr);
    payload.bytes_ = {};
    return made;
  }
  template <class... Head>
  [[gnu::always_inline]] static signal* make_in_place(message&& payload, const Head&... head) {
    return make_in(payload.block_, std::move(payload), head...);
  }
  template <class... Head>
  static signal* make(message&& payload, const Head&... head);
  static void end(signal* owned);
  [[gnu::always_inline]] static message consume(signal* owned) {
    block* home = block::of(owned);
    const bool together = owned->payload_.block_ == home;
    message payload(std::exchange(owned->payload_.block_, nullptr), owned->payload_.bytes_);
    owned->~signal();
    if (!together) detail::release(home);
    return payload;
  }
};

// With one reference and at least `capacity` bytes. Never null: out of memory ends the program.
block* allocate_block(std::size_t capacity);

// The memory of all blocks there are, those in free lists too: exact but for 64 KiB a pool. Of the whole
// program, since a block may outlive the system it was made in. Any thread.
class block_memory {
 public:
  static std::uint64_t in_use() {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, in_use_.load(std::memory_order_relaxed)));
  }
  // 0: none.
  static void set_limit(std::uint64_t bytes);
  // Over the limit: who can refuse a message does.
  static bool scarce() { return scarce_.load(std::memory_order_relaxed); }
  // Whether it would be without so many bytes of it.
  static bool scarce_without(std::uint64_t bytes) {
    return in_use_.load(std::memory_order_relaxed) - static_cast<std::int64_t>(bytes) >
           limit_.load(std::memory_order_relaxed);
  }
  static void add(std::int64_t bytes);
  // Gives what malloc keeps to the system if much was freed since the last time. It takes milliseconds.
  static void trim();

 private:
  static inline std::atomic<std::int64_t> in_use_{0};
  static inline std::atomic<std::int64_t> limit_{INT64_MAX};
  static inline std::atomic<bool> scarce_{false};
  static inline std::atomic<std::int64_t> most_{0}; // in use since the last trim
};

class block_pool {
 public:
  // The pools of one system are one array, so that a block's owner is found to be a sibling by address.
  explicit block_pool(std::vector<block_pool>* siblings) : siblings_(siblings) {}
  block_pool(block_pool&& other) noexcept; // for the vector; only of unused pools
  ~block_pool();

  // The pool of this thread, or null.
  static block_pool* current();
  static void set_current(block_pool* pool);

  block* allocate(std::size_t capacity) {
    const unsigned size_class = class_for(capacity);
    if (size_class == classes || free_[size_class] == nullptr) [[unlikely]]
      return allocate_new(capacity, size_class);
    block* taken = free_[size_class];
    free_[size_class] = taken->next;
    --kept_[size_class];
    taken->refs.store(1, std::memory_order_relaxed);
    return taken;
  }
  void free(block* unused) {
    if (unused->owner == this) return keep(unused);
    free_elsewhere(unused);
  }
  // Sends back what belongs to siblings; called when the worker has nothing better to do.
  void flush();
  // Its thread stops using it and keeps nothing: all free blocks go to the system, and so do those that
  // siblings would send back, until work() is called.
  void rest();
  void work() { resting_.store(false, std::memory_order_relaxed); }

 private:
  static constexpr unsigned classes = 11;
  // Of whole blocks, so that a block fills its allocation.
  static constexpr std::array<std::size_t, classes> whole_sizes{160,  224,  320,   512,   768,   1024,
                                                                2048, 4096, 16384, 73728, 262144};
  static constexpr std::size_t kept_bytes = std::size_t{1} << 20; // for each class
  static constexpr std::array<std::uint32_t, classes> most_kept = [] {
    std::array<std::uint32_t, classes> most{};
    for (unsigned i = 0; i < classes; ++i)
      most[i] = static_cast<std::uint32_t>((kept_bytes + whole_sizes[i] - 1) / whole_sizes[i]);
    return most;
  }();
  static constexpr unsigned batch = 32;
  static constexpr std::uint64_t batch_bytes = std::uint64_t{256} << 10;
  static constexpr std::uint64_t returned_bytes = std::uint64_t{4} << 20; // waiting for their owner, about
  struct chain {
    block* newest = nullptr;
    block* oldest = nullptr;
    unsigned count = 0;
    std::uint64_t bytes = 0;
  };

  friend block* allocate_block(std::size_t);
  friend void detail::release(block*) noexcept;
  static void release_slowly(block* owned) noexcept;
  static block* allocate_slowly(std::size_t capacity);
  // `classes`: larger than all.
  static unsigned class_for(std::size_t capacity) {
    const std::size_t whole = capacity + sizeof(block);
    if (whole <= whole_sizes[3]) [[likely]] // the usual ones without a branch that errs
      return static_cast<unsigned>(whole > whole_sizes[0]) + static_cast<unsigned>(whole > whole_sizes[1]) +
             static_cast<unsigned>(whole > whole_sizes[2]);
    unsigned found = 4;
    while (found < classes && whole_sizes[found] < whole) ++found;
    return found;
  }
  static std::size_t class_bytes(unsigned size_class);
  static block* from_system(std::size_t capacity, unsigned size_class);
  static void to_system(block* unused);
  static void count(std::int64_t bytes); // with this thread's pool, if it has one
  void keep(block* unused) {
    if (!has_room_for(*unused)) [[unlikely]]
      return to_system(unused);
    put_back(unused);
  }
  bool has_room_for(const block& unused) const {
    return kept_[unused.size_class] < most_kept[unused.size_class];
  }
  void put_back(block* unused) {
    const unsigned size_class = unused->size_class;
    unused->next = free_[size_class];
    free_[size_class] = unused;
    ++kept_[size_class];
  }
  block* allocate_new(std::size_t capacity, unsigned size_class);
  void free_elsewhere(block* unused);
  void drop_free();
  void report(std::int64_t bytes);
  void send_back(block* unused, std::size_t owner_index);
  void deliver(chain& back, std::size_t owner_index);
  void take_returns();

  std::vector<block_pool>* siblings_;
  std::array<block*, classes> free_{};
  std::array<std::uint32_t, classes> kept_{};
  std::vector<chain> going_back_; // by owner index
  lifo<block> returns_{true};
  std::atomic<std::uint64_t> returned_{0}; // bytes in it; for a moment more than there are
  std::int64_t unreported_ = 0;            // to block_memory
  std::atomic<bool> resting_{false};
};

} // namespace coppice::runtime
