// SPDX-License-Identifier: MIT
// Subscribes to a named event for an operator: a process keeps the events until they are read, and ends if
// they are not read for half a minute. Any thread, except for the process's own turns.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "behaviours/channels/event_channels.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// A line of the tail. `term`: an event's payload, or the end's reason. A gap covers the numbers seq to last.
struct tail_line {
  enum class kind : std::uint8_t { event, gap, end } what = kind::event;
  std::uint64_t number = 0; // of the line, from 1
  std::uint64_t seq = 0, last = 0;
  std::int64_t time = 0; // ns since 1970
  runtime::message term;
};

class event_tail {
 public:
  static constexpr std::size_t most_lines = 10'000; // most unread lines
  static constexpr std::uint64_t most_bytes = std::uint64_t{16} << 20;

  struct page {
    std::vector<tail_line> lines;
    std::uint64_t missed = 0; // unread lines before these that were dropped
    bool ended = false;       // no line follows these
  };
  // The lines after line `number`, at most `most`. Lines up to `number` count as read.
  page read(std::uint64_t number, std::size_t most);
  // `then` is called once, when there is a line after `number` or the tail has ended; it must not wait. It
  // replaces the `then` of an earlier call.
  void when_line(std::uint64_t number, std::function<void()> then);
  void forget_waiting();

  // Called by the tail's process.
  void add(tail_line line);
  void end();
  base::nanos last_read() const; // monotonic

 private:
  void tell();

  mutable std::mutex lock_;
  std::deque<tail_line> lines_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_ = 0;    // number of the last line
  std::uint64_t dropped_ = 0; // number of the last line that was dropped
  bool ended_ = false;
  base::nanos read_at_ = base::mono_now();
  std::uint64_t awaited_ = 0;
  std::function<void()> waiting_;
};

// The tails of a node, by number.
class event_tails {
 public:
  static constexpr std::size_t most = 100;

  // Both arguments outlive it.
  event_tails(runtime::system& host, behaviours::event_channels& events) : host_(host), events_(events) {}

  // Opens a tail of the event `name`, on this node if `node` is empty. errc::not_found, errc::limit.
  base::result<std::uint64_t> open(const std::string& name, const std::string& node,
                                   const behaviours::event_subscribe_options& how);
  // Null: there is no such tail, or no longer.
  std::shared_ptr<event_tail> find(std::uint64_t number) const;
  // Ends a tail that is not read any more.
  void close(std::uint64_t number);

 private:
  class process;
  struct entry {
    std::uint64_t number;
    std::shared_ptr<event_tail> tail;
    runtime::pid process;
  };
  void forget(const event_tail& which);

  runtime::system& host_;
  behaviours::event_channels& events_;
  mutable std::mutex lock_;
  std::vector<entry> open_;
  std::uint64_t last_ = 0;
};

} // namespace coppice::node
