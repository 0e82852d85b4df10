// SPDX-License-Identifier: MIT
// The memory of messages and signals: blocks with a reference count, room for one signal, and bytes. Each
// worker keeps free blocks by size class. A block freed on another worker goes back to its owner in batches,
// so traffic in one direction does not collect blocks on one side. Free lists are bounded caches over malloc,
// and so is the list of blocks that wait for an owner; what exceeds the bound goes back to the system.
// Free blocks count as memory in use. So that they alone never fill the limit for good, a worker gives them
// back while memory is scarce, and when it has slept for a moment. Threads that are not workers use malloc
// alone.
//
// The count: release() of a block with one holder sees 1 (acquire: all that former holders did happened
// before) and needs no read-modify-write. Otherwise the decrement is acq_rel, and the thread that takes it to
// 0 frees the block.
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
  std::uint32_t capacity = 0;  // bytes in data()
  block_pool* owner = nullptr; // null: from malloc
  std::uint8_t size_class = 0;
  bool borrowed = false; // data() holds a `borrowed_bytes`, which points to the term's bytes
  // Where in data() a term is that was found to be sound, and its size; see sound_term.hpp. Used only in
  // blocks that are too large for every pool, so that no block is used again with what is said here.
  static constexpr std::uint16_t nowhere = UINT16_MAX;
  std::atomic<std::uint16_t> sound_at{nowhere};
  std::atomic<std::uint32_t> sound_size{0}; // 0: none
  block* next = nullptr;                    // link in a free list
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

// Makes and ends signals in blocks. If a signal is in the block of its own payload, both together hold one
// reference: the payload's handle is never released by itself; the end of the signal releases it.
struct signal_access {
  static bool fits_in_place(const message& payload) {
    return payload.block_ != nullptr && payload.block_->exclusive();
  }
  // `home`: the payload's block, with no other holder, or a block for the signal alone.
  template <class... Head>
  [[gnu::always_inline]] static signal* make_in(block* home, message&& payload, const Head&... head) {
    auto* made = ::new (home->signal_room) signal(head...);
    // One by one: a load of both at once would wait until the two stores that wrote them have left the core.
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

// Has one reference and at least `capacity` bytes. Never null: without memory the program ends.
block* allocate_block(std::size_t capacity);

// The memory of all blocks of the program, including free ones. Exact to 64 KiB for each pool. Counted for
// the whole program, since a block may outlive the system in which it was made. Any thread.
class block_memory {
 public:
  static std::uint64_t in_use() {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, in_use_.load(std::memory_order_relaxed)));
  }
  // 0: no limit.
  static void set_limit(std::uint64_t bytes);
  // Memory is over the limit: messages that may be refused are refused.
  static bool scarce() { return scarce_.load(std::memory_order_relaxed); }
  // Whether memory would still be over the limit with `bytes` less.
  static bool scarce_without(std::uint64_t bytes) {
    return in_use_.load(std::memory_order_relaxed) - static_cast<std::int64_t>(bytes) >
           limit_.load(std::memory_order_relaxed);
  }
  static void add(std::int64_t bytes);
  // So many bytes were freed that another node had this one keep for nothing. trim() returns what they took
  // sooner than what messages took that were handled.
  static void given_up(std::size_t bytes) {
    given_up_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  }
  // Returns free memory of malloc to the system if much was freed since the last call. Takes milliseconds.
  static void trim();

 private:
  static inline std::atomic<std::int64_t> in_use_{0};
  static inline std::atomic<std::int64_t> limit_{INT64_MAX};
  static inline std::atomic<bool> scarce_{false};
  static inline std::atomic<std::int64_t> most_{0};     // most bytes in use since the last trim
  static inline std::atomic<std::int64_t> given_up_{0}; // bytes since the last trim
  // Monotonic: before it, what was given up alone is no reason for a trim.
  static inline std::atomic<std::int64_t> next_trim_{0};
};

class block_pool {
 public:
  // All pools of one system are in one array, so that a block's owner can be recognised by its address.
  explicit block_pool(std::vector<block_pool>* siblings) : siblings_(siblings) {}
  block_pool(block_pool&& other) noexcept; // for the vector; only for unused pools
  ~block_pool();

  // The pool of this thread; null: none.
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
  // Sends blocks of other pools back to them. Called when the worker has nothing else to do.
  void flush();
  // All free blocks go back to the system, and so do blocks that other pools would return to it, until it
  // makes a new one.
  void rest();
  // Whether it has no free blocks, and other pools return none to it.
  bool is_at_rest() const {
    return resting_.load(std::memory_order_relaxed) &&
           std::ranges::all_of(free_, [](const block* first) { return first == nullptr; });
  }
  // Rests if memory is scarce.
  void relieve_memory() {
    if (block_memory::scarce() && !is_at_rest()) [[unlikely]]
      rest();
  }

 private:
  static constexpr unsigned classes = 11;
  // Sizes of whole blocks, so that a block fills its allocation.
  static constexpr std::array<std::size_t, classes> whole_sizes{160,  224,  320,   512,   768,   1024,
                                                                2048, 4096, 16384, 73728, 262144};
  // Kept free in each class, at most about this much.
  static constexpr std::size_t kept_bytes = std::size_t{1} << 20;
  static constexpr std::array<std::uint32_t, classes> most_kept = [] {
    std::array<std::uint32_t, classes> most{};
    for (unsigned i = 0; i < classes; ++i)
      most[i] = static_cast<std::uint32_t>((kept_bytes + whole_sizes[i] - 1) / whole_sizes[i]);
    return most;
  }();
  static constexpr unsigned batch = 32;
  static constexpr std::uint64_t batch_bytes = std::uint64_t{256} << 10;
  // Bytes that wait for their owner at most, about.
  static constexpr std::uint64_t returned_bytes = std::uint64_t{4} << 20;
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
  // Returns `classes` if `capacity` is larger than every class.
  static unsigned class_for(std::size_t capacity) {
    const std::size_t whole = capacity + sizeof(block);
    if (whole <= whole_sizes[3]) [[likely]] // the usual sizes, without a branch that may be mispredicted
      return static_cast<unsigned>(whole > whole_sizes[0]) + static_cast<unsigned>(whole > whole_sizes[1]) +
             static_cast<unsigned>(whole > whole_sizes[2]);
    unsigned found = 4;
    while (found < classes && whole_sizes[found] < whole) ++found;
    return found;
  }
  static std::size_t class_bytes(unsigned size_class);
  static block* from_system(std::size_t capacity, unsigned size_class);
  static void to_system(block* unused);
  static void count(std::int64_t bytes); // in this thread's pool, if it has one
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
  std::vector<chain> going_back_; // by index of the owner
  lifo<block> returns_{true};
  std::atomic<std::uint64_t> returned_{0}; // bytes in returns_; for a moment too high
  std::int64_t unreported_ = 0;            // to block_memory
  std::atomic<bool> resting_{false};
};

} // namespace coppice::runtime
