// SPDX-License-Identifier: MIT
// The last lines of the log, for whoever asks the node for them: what the log's writer thread writes is kept
// here as well, up to a number of bytes, and what is oldest goes first. Lines are numbered from 1, so that a
// reader goes on where he was and learns what he has missed; nothing is kept for a reader, and none can hold
// the writer up. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.hpp"

namespace coppice::base::log {

// Which lines a reader wants: of this level and above; empty: of every module, of every process. A process is
// what a line's field pid, name, child or label says.
struct line_filter {
  level lowest = level::trace;
  std::string module;
  std::string process;
  bool admits(const record& line) const;
};

class log_ring {
 public:
  static constexpr std::size_t default_bytes = std::size_t{8} << 20;
  static constexpr std::size_t most_waiting = 64;

  struct line {
    std::uint64_t number = 0;
    record of;
  };
  struct page {
    std::vector<line> lines;
    std::uint64_t next = 1;   // the number to go on from
    std::uint64_t missed = 0; // lines, wanted or not, that were gone before they could be read
    bool more = false;        // there are more of them already
  };

  // Keeps what is logged from now on. `bytes`: what lines may take, their bookkeeping included; the last line
  // is kept whatever it takes.
  explicit log_ring(std::size_t bytes = default_bytes);
  // Lets go of the log. Those who wait are not called any more.
  ~log_ring();
  log_ring(const log_ring&) = delete;
  log_ring& operator=(const log_ring&) = delete;

  // The wanted lines from this number on; as many as make up `bytes`, one at least.
  page from(std::uint64_t number, const line_filter& wanted, std::size_t bytes) const;
  // The last `count` of those wanted, and from there on as from().
  page last(std::size_t count, const line_filter& wanted, std::size_t bytes) const;

  // Calls `does` once, when there is a wanted line from this number on: at once, or on the log's writer
  // thread, where it must return soon and may neither log nor call the ring. The id is for forget(); 0: it
  // was called already. errc::limit: as many wait as may.
  result<std::uint64_t> when_line(std::uint64_t number, const line_filter& wanted,
                                  std::function<void()> does);
  // Afterwards it is not called, nor being called.
  void forget(std::uint64_t id);

 private:
  struct waiting {
    std::uint64_t id;
    line_filter wanted;
    std::function<void()> does;
  };
  void keep(const record& from);
  std::size_t index_of(std::uint64_t number) const;
  page page_at(std::size_t index, const line_filter& wanted, std::size_t bytes) const;

  mutable std::mutex lock_;
  const std::size_t most_;
  std::deque<record> lines_;
  std::uint64_t first_ = 1; // the number of the first kept
  std::size_t bytes_ = 0;
  std::vector<waiting> waiting_;
  std::uint64_t last_id_ = 0;
  std::uint64_t tap_; // last: lines come from here on
};

} // namespace coppice::base::log
