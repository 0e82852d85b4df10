// SPDX-License-Identifier: MIT
// What all connections of a node hold of messages that are still coming: fragments of some that have not
// ended, and the beginning of a long frame. Nobody but the peer can end them, so that together they have a
// bound of their own. When they pass it, the connection that holds the most has to go, whoever came last:
// many that hold little do not lose theirs to one that hoards. So they can never be what fills the node's
// memory, and no connection rests for ever because of another's. Any thread, but for what a share says.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace coppice::dist {

class unfinished_messages {
 public:
  // `most`: bytes of all shares together.
  explicit unfinished_messages(std::size_t most) : most_(static_cast<std::int64_t>(most)) {}

  // One connection's, which it outlives not. Its thread alone.
  class share {
   public:
    // `leave` is called once, on any thread, when this has to go: it only sees to it that it does.
    share(unfinished_messages& of, std::function<void()> leave);
    share(const share&) = delete;
    share& operator=(const share&) = delete;
    ~share();

    // What it holds now.
    void set(std::size_t bytes) {
      held_ = bytes;
      const std::size_t counted = counted_.load(std::memory_order_relaxed);
      const std::size_t change = bytes > counted ? bytes - counted : counted - bytes;
      if (change >= worth_counting || (bytes == 0 && change != 0)) count();
    }
    // Asked to leave: it stays, and is counted again, if most of its messages have become whole since.
    bool may_stay();
    bool empty() const { return held_ == 0; }
    std::size_t bytes() const { return held_; }
    const unfinished_messages& all() const { return of_; }

   private:
    friend class unfinished_messages;
    // A few of what is usual are not counted.
    static constexpr std::size_t worth_counting = 64 * 1024;

    void count();

    unfinished_messages& of_;
    std::function<void()> leave_;
    std::size_t held_ = 0;
    std::atomic<std::size_t> counted_{0};
    std::atomic<bool> leaves_{false}; // changes under the lock, and with it what follows
    std::size_t forgiven_ = 0;        // of what is counted, since it is as good as gone
  };

  std::size_t bytes() const;
  std::size_t most() const { return static_cast<std::size_t>(most_); }

 private:
  void make_room();

  const std::int64_t most_;
  // For a moment less than nothing: who leaves is forgiven what it counts at the same time.
  std::atomic<std::int64_t> bytes_{0};
  std::mutex lock_; // guards what follows
  std::vector<share*> shares_;
};

} // namespace coppice::dist
