// SPDX-License-Identifier: MIT
// Lines of the log that wait for one reader, which may be slow. The log's writer puts them and never waits.
// The queue is bounded in lines and in bytes. Lines that are dropped are counted, and a line in their place
// tells the reader how many they were. Lines of the reader itself are left out, so that a reader that writes
// to the log gets no endless work. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace coppice::base::log {

// Which line is dropped if there is no room.
enum class queue_full : std::uint8_t { drop_old, drop_new };

class log_queue {
 public:
  // Most bytes of the lines together, beside the bound on their number.
  static constexpr std::size_t most_bytes_waiting = std::size_t{16} << 20;

  // `limit`: most lines, at least 1.
  log_queue(std::size_t limit, queue_full on_full) : limit_(limit), on_full_(on_full) {}
  log_queue(const log_queue&) = delete;
  log_queue& operator=(const log_queue&) = delete;

  // Takes effect with the next line.
  void use(std::size_t limit, queue_full on_full);

  // Calls the function of wake_by(), with the lock held, if no line waited before.
  void put(const record& line);
  // `wake` must neither wait, nor log, nor call the queue. Empty: none. After this returns, the former
  // function is not called any more, and no call is under way.
  void wake_by(std::function<void()> wake);
  // From now on lines about this process, and lines that it causes, are left out, also those that wait. See
  // is_about(). At most 16 processes are known: the first, and the latest.
  void leave_out(std::string process);

  // The first lines, at most `most_lines` of them, and at most `most_size`, but at least one. Empty: none
  // waits.
  std::vector<record> take(std::size_t most_lines, std::size_t most_size);
  // As take(), but waits until there is a line, or the queue is closed.
  std::vector<record> wait_and_take(std::size_t most_lines, std::size_t most_size);
  // Waits for that long. False: the queue was closed, now or before.
  bool pause(nanos time);
  // Ends the waits of wait_and_take() and pause(), those under way and those to come.
  void close();

  // The reason why the reader takes no lines, in its own words; empty: it takes them.
  void set_failing(std::string why);
  std::string failing() const;

  bool empty() const;
  // Lines that wait.
  std::size_t size() const;
  // Lines dropped since the queue was made. Lines that are left out do not count.
  std::uint64_t dropped() const;

 private:
  bool is_own(const record& line) const;
  void drop_first();
  std::vector<record> take_held(std::size_t most_lines, std::size_t most_size);

  mutable std::mutex lock_;
  std::condition_variable change_;
  std::size_t limit_;
  queue_full on_full_;
  std::deque<record> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t told_ = 0; // of `dropped_`
  bool closed_ = false;
  std::string failing_;
  std::vector<std::string> own_;
  std::function<void()> wake_;
};

} // namespace coppice::base::log
