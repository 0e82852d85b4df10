// SPDX-License-Identifier: MIT
// How much of the heap is charged to which plugin, and which plugin's code runs on a thread. counted_heap.hpp
// charges each block that is sampled. Without it (other C libraries than GNU's, sanitizers) nothing is.
//
// Nothing here allocates, takes a lock or needs a constructor, except where a comment says so: these
// functions run inside malloc, before main(), in a child after fork(), and while threads end. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coppice::base::heap {

// The plugin to which an allocation is charged.
using owner = std::uint16_t;
constexpr owner unknown = 0;              // the process whose turn the thread has decides
constexpr owner daemon = 0xffff;          // the daemon itself: not charged
constexpr std::size_t most_owners = 1024; // plugins
// Bytes from which the system maps a block for itself: coppiced tells the C library so.
constexpr int mapped_from = 8 << 20;

// The owner of this name, the same for each call. `unknown`: there are too many, or the name has more than 64
// characters; its allocations are not charged. Takes a lock.
owner owner_of(std::string_view plugin);
constexpr bool is_charged(owner whom) {
  return whom != unknown && whom < most_owners;
}
// Bytes that are charged to it, an estimate.
std::uint64_t bytes_of(owner of);
void add_bytes(owner of, std::int64_t bytes);
// Samples since the start that are charged to no owner, since there was no room to remember them.
std::uint64_t left_out();
void note_left_out();

// Whether this program's malloc is the one that counts. It says so itself before main().
bool counts();
void count_from_now_on();

// Sets how the owner of an allocation is found on a thread that has none itself. `running` obeys the rules of
// this file, and returns `unknown` if no code of a plugin runs on this thread.
void find_owner_by(owner (*running)());
// The plugin whose code runs on this thread. `unknown`: none.
owner running_here();

// While it lives, allocations of this thread are charged to `whom`. The thread that made it destroys it.
class charge {
 public:
  explicit charge(owner whom);
  ~charge();
  charge(const charge&) = delete;
  charge& operator=(const charge&) = delete;

 private:
  owner before_;
};

} // namespace coppice::base::heap
