// SPDX-License-Identifier: MIT
// Who may change the node: one apply or reload at a time, the others in line in the order in which they came,
// so that no change that was asked for is dropped because another one runs. Nobody waits in here: whoever has
// a place is called when its turn comes. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::node {

// A change that runs or waits.
struct change_row {
  std::string what;         // "apply", "reload"
  std::string by;           // "SIGHUP", "uid 0, pid 17"
  std::int32_t os_pid = 0;  // of the client that asked; 0: none, or not known
  base::nanos asked_at = 0; // monotonic
};

class change_line {
 public:
  static constexpr std::size_t most_waiting = 8;

  // A place in the line, given back when it is destroyed.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), number_(other.number_) {}
    place& operator=(place&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~place() {
      if (of_ != nullptr) of_->leave(number_);
    }
    // Whether the change may run now.
    bool has_turn() const { return of_ != nullptr && of_->has_turn(number_); }

   private:
    friend class change_line;
    place(change_line& of, std::uint64_t number) : of_(&of), number_(number) {}
    change_line* of_ = nullptr; // null: given back
    std::uint64_t number_ = 0;
  };

  // `changed` is called, under the lock, when the first change begins and when the last one is over, with
  // whether any runs; it must not wait, nor call the line.
  explicit change_line(std::function<void(bool)> changed) : changed_(std::move(changed)) {}

  // `turn` is called once, unless the place has the turn at once or is given back before, on the thread of
  // whoever left; it must not wait. errc::limit: most_waiting do. errc::exists: a change with the same
  // `kind`, which is not empty, waits and has not begun; it does what this one would.
  base::result<place> enter(change_row who, std::function<void()> turn, std::string_view kind = {});

  // What runs, then those that wait, in their order.
  std::vector<change_row> rows() const;

 private:
  struct entry {
    std::uint64_t number;
    change_row who;
    std::string kind;
    std::function<void()> turn;
  };
  bool has_turn(std::uint64_t number) const;
  void leave(std::uint64_t number);

  const std::function<void(bool)> changed_;
  mutable std::mutex lock_; // of what follows
  std::deque<entry> line_;  // the first one runs
  std::uint64_t last_ = 0;
};

} // namespace coppice::node
