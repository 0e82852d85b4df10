// SPDX-License-Identifier: MIT
// The memory that all connections of a node hold for incomplete messages: fragments, and the beginning of a
// long frame. Only the peer can complete them, so together they have a bound of their own. When it is passed,
// the connection that holds the most is ended, whichever grew last: many peers that hold little do not lose
// their connections to one that holds much. So incomplete messages never fill the node's memory. Any thread,
// except for what a share says.
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

  // The part of one connection. Its thread only. The list outlives it.
  class share {
   public:
    // `leave` is called, on any thread and under the lock, when this connection has to end. It must only
    // arrange that; the connection's thread then calls may_stay().
    share(unfinished_messages& of, std::function<void()> leave);
    share(const share&) = delete;
    share& operator=(const share&) = delete;
    ~share();

    // Sets the bytes that the connection holds now.
    void set(std::size_t bytes) {
      held_ = bytes;
      const std::size_t counted = counted_.load(std::memory_order_relaxed);
      const std::size_t change = bytes > counted ? bytes - counted : counted - bytes;
      if (change >= worth_counting || (bytes == 0 && change != 0)) count();
    }
    // After `leave`. True: the connection stays and counts again, because most of its messages have been
    // completed since.
    bool may_stay();
    bool empty() const { return held_ == 0; }
    std::size_t bytes() const { return held_; }
    const unfinished_messages& all() const { return of_; }

   private:
    friend class unfinished_messages;
    // smaller changes are not counted
    static constexpr std::size_t worth_counting = 64 * 1024;

    void count();

    unfinished_messages& of_;
    std::function<void()> leave_;
    std::size_t held_ = 0;
    std::atomic<std::size_t> counted_{0};
    std::atomic<bool> leaves_{false}; // changes under the lock, as forgiven_ does
    std::size_t forgiven_ = 0;        // bytes no longer counted, because the connection is about to end
  };

  std::size_t bytes() const;
  std::size_t most() const { return static_cast<std::size_t>(most_); }

 private:
  void make_room();

  const std::int64_t most_;
  // Briefly below zero: a share may change its count while make_room() subtracts it.
  std::atomic<std::int64_t> bytes_{0};
  std::mutex lock_; // guards the members below
  std::vector<share*> shares_;
};

} // namespace coppice::dist
