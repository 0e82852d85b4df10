// SPDX-License-Identifier: MIT
// A queue of changes of the node: one apply or reload runs at a time, and the others wait in order of
// arrival, so that no change is dropped because another one runs. No thread waits here: the owner of a place
// is called when its turn comes. Any thread.
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
  std::string what;         // "apply" or "reload"
  std::string by;           // such as "SIGHUP" or "uid 0, pid 17"
  std::int32_t os_pid = 0;  // of the client. 0: none, or not known
  base::nanos asked_at = 0; // monotonic
};

class change_line {
 public:
  static constexpr std::size_t most_waiting = 8;

  // A place in the queue. Destroying it gives it up.
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
    change_line* of_ = nullptr; // null: no place
    std::uint64_t number_ = 0;
  };

  // `changed` is called with the lock held when the first change begins (true) and when the last one ends
  // (false). It must not wait or call this object.
  explicit change_line(std::function<void(bool)> changed) : changed_(std::move(changed)) {}

  // `turn` is called once, on the thread that gives up the place in front, unless the new place has its turn
  // at once or is given up before. It must not wait. errc::limit: most_waiting changes wait. errc::exists: a
  // change with the same non-empty `kind` waits and has not begun; it will do the same work.
  base::result<place> enter(change_row who, std::function<void()> turn, std::string_view kind = {});

  // The running change, then the waiting ones in order.
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
  mutable std::mutex lock_; // guards the members below
  std::deque<entry> line_;  // the first one runs
  std::uint64_t last_ = 0;
};

} // namespace coppice::node
