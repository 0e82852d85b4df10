// SPDX-License-Identifier: MIT
// The last lines of the log, for clients that ask the node for them. All that the log's writer thread writes
// is also kept here, up to a number of bytes; the oldest lines are dropped. Lines are numbered from 1, so
// that a reader can continue where it was and learns how many lines it has missed. Nothing is kept for a
// reader, and no reader can delay the writer. Any thread.
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

// The memory of a line in bytes: its texts, its structures, and about what the allocator adds to each.
std::size_t cost(const record& line);

// Whether a line is about a process, or was caused by it: one of its fields pid, name, child and label has
// that value, its text has the process in it as a word, or the process is in record::caused_by. `process` is
// a pid as text, or a label.
bool is_about(const record& line, std::string_view process);

// The lines that a reader wants: of this level and above. Empty module or process: all. A line is of a
// process if its field pid, name, child or label has that value.
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
    std::uint64_t next = 1;   // the number to continue from
    std::uint64_t missed = 0; // lines, wanted or not, that were dropped before they could be read
    bool more = false;        // there are more lines already
  };

  // Keeps the lines that are logged from now on. `bytes`: most memory of the lines, including bookkeeping.
  // The last line is kept whatever its size.
  explicit log_ring(std::size_t bytes = default_bytes);
  // Stops keeping lines. Functions that wait are not called any more.
  ~log_ring();
  log_ring(const log_ring&) = delete;
  log_ring& operator=(const log_ring&) = delete;

  // The wanted lines from `number` on, as many as fit into `bytes`, but at least one.
  page from(std::uint64_t number, const line_filter& wanted, std::size_t bytes) const;
  // The last `count` wanted lines, or as many of these from the first on as fit into `bytes`.
  page last(std::size_t count, const line_filter& wanted, std::size_t bytes) const;

  // Calls `does` once when there is a wanted line with `number` or higher: at once, or later on the log's
  // writer thread. `does` has to return soon and may neither log nor call the ring. The id is for forget();
  // 0: it has been called. errc::limit: too many wait.
  result<std::uint64_t> when_line(std::uint64_t number, const line_filter& wanted,
                                  std::function<void()> does);
  // After this returns, the function is not called and no call is under way.
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
  std::uint64_t first_ = 1; // number of the first line kept
  std::size_t bytes_ = 0;
  std::vector<waiting> waiting_;
  std::uint64_t last_id_ = 0;
  std::uint64_t tap_; // last member: lines come from its construction on
};

} // namespace coppice::base::log
