// SPDX-License-Identifier: MIT
// The logger's queue and writer thread. The queue's lock is held only to push or to swap the
// whole queue out, never while a line is written; the writer is woken only when the queue was empty.
#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>

#include "base/log_counted.hpp"
#include "base/log_sinks.hpp"
#include "base/log_tally.hpp"
#include "base/utf8.hpp"

namespace coppice::base::log {
namespace {

constexpr std::array<std::string_view, 6> level_names = {"trace",  "debug",   "info",
                                                         "notice", "warning", "error"};

constexpr std::size_t longest_field_name = 64;
constexpr std::size_t said_of_cut = 64; // bytes of what is said

class writer {
 public:
  ~writer() { stop(); }

  void start(const options& chosen) {
    const std::lock_guard control(control_);
    {
      const std::lock_guard lock(queue_lock_);
      limit_ = chosen.queue;
      format_ = resolve(chosen.format);
      if (running_) return;
      running_ = true;
    }
    thread_ = std::thread([this] { run(); });
  }

  void stop() {
    const std::lock_guard control(control_);
    {
      const std::lock_guard lock(queue_lock_);
      if (!running_) return;
      running_ = false;
    }
    work_.notify_one();
    thread_.join();
  }

  void flush() {
    std::unique_lock lock(queue_lock_);
    if (!running_) return;
    const std::uint64_t target = pushed_;
    written_change_.wait(lock, [&] { return written_ >= target || !running_; });
  }

  void submit(record&& line) {
    std::unique_lock lock(queue_lock_);
    if (!running_) {
      const format to = format_;
      lock.unlock();
      deliver(to, line);
      return;
    }
    if (queue_.size() >= limit_) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    const bool was_empty = queue_.empty();
    queue_.push_back(std::move(line));
    ++pushed_;
    lock.unlock();
    if (was_empty) work_.notify_one();
  }

  void submit_counted(std::string_view kind, record&& line) {
    if (tally_.first(kind, line, mono_now())) submit(std::move(line));
  }

  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  std::uint64_t add_tap(tap function) {
    const std::lock_guard lock(taps_lock_);
    taps_.emplace_back(++last_tap_, std::move(function));
    return last_tap_;
  }

  void remove_tap(std::uint64_t id) {
    const std::lock_guard lock(taps_lock_);
    std::erase_if(taps_, [id](const auto& each) { return each.first == id; });
  }

 private:
  void deliver(format to, const record& line) {
    write_line(to, line);
    const std::lock_guard lock(taps_lock_);
    for (const auto& [id, function] : taps_) function(line);
  }

  void tell_drops(format to) {
    const std::uint64_t all = dropped();
    if (all == told_drops_) return;
    deliver(to, {wall_now(),
                 level::warning,
                 "log",
                 fmt::format("{} lines dropped: the queue was full", all - told_drops_),
                 {}});
    told_drops_ = all;
  }

  // Until there is something to write, or a sum is due.
  void wait(std::unique_lock<std::mutex>& lock) {
    const auto ready = [this] { return !queue_.empty() || !running_; };
    const auto due = tally_.next_due();
    if (due)
      work_.wait_for(lock, std::chrono::nanoseconds(*due - mono_now()), ready);
    else
      work_.wait(lock, ready);
  }

  void run() {
    std::vector<record> batch;
    std::unique_lock lock(queue_lock_);
    for (bool ending = false; !ending;) {
      wait(lock);
      ending = queue_.empty() && !running_;
      batch.swap(queue_);
      const format to = format_;
      lock.unlock();
      for (const record& line : batch) deliver(to, line);
      tell_drops(to);
      for (const record& sum : ending ? tally_.take_all() : tally_.take_due(mono_now())) deliver(to, sum);
      lock.lock();
      written_ += batch.size();
      batch.clear();
      written_change_.notify_all();
    }
    written_change_.notify_all();
  }

  std::mutex control_; // start and stop, one at a time
  std::mutex queue_lock_;
  std::condition_variable work_;
  std::condition_variable written_change_;
  std::vector<record> queue_;
  std::size_t limit_ = 0;
  format format_ = format::text;
  bool running_ = false;
  std::uint64_t pushed_ = 0;
  std::uint64_t written_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
  std::uint64_t told_drops_ = 0;
  log_tally tally_;
  std::thread thread_;

  std::mutex taps_lock_;
  std::uint64_t last_tap_ = 0;
  std::vector<std::pair<std::uint64_t, tap>> taps_;
};

// As much of `text` as there is room `left` for, whole characters, and how much is missing.
void cut(std::string& text, std::size_t& left, std::size_t size) {
  if (size <= left) {
    left -= size;
    return;
  }
  std::size_t kept = std::min(left, text.size());
  while (kept != 0 && kept < text.size() && is_utf8_continuation(text[kept])) --kept;
  text.resize(kept);
  fmt::format_to(std::back_inserter(text), "… ({} bytes left out)", size - kept);
  left = 0;
}

void bound(record& line) {
  std::size_t left = most_bytes;
  for (field& each : line.fields) {
    std::size_t of_name = longest_field_name;
    cut(each.name, of_name, each.name.size());
  }
  // A text that was cut when it was made says so at its end.
  if (line.text.size() <= most_bytes + said_of_cut)
    left -= std::min(left, line.text.size());
  else
    cut(line.text, left, line.text.size());
  for (field& each : line.fields) cut(each.value, left, each.value.size());
}

writer& the_writer() {
  static writer the;
  return the;
}

} // namespace

std::string_view level_name(level of) {
  return level_names[static_cast<std::size_t>(of)];
}

std::optional<level> parse_level(std::string_view name) {
  if (name == "warn") return level::warning;
  for (std::size_t i = 0; i < level_names.size(); ++i) {
    if (name == level_names[i]) return static_cast<level>(i);
  }
  return std::nullopt;
}

std::optional<format> parse_format(std::string_view name) {
  if (name == "auto") return format::automatic;
  if (name == "text") return format::text;
  if (name == "json") return format::json;
  if (name == "journald") return format::journald;
  return std::nullopt;
}

void start(const options& chosen) {
  set_level(chosen.level);
  the_writer().start(chosen);
}

void stop() {
  the_writer().stop();
}
void flush() {
  the_writer().flush();
}
std::uint64_t dropped() {
  return the_writer().dropped();
}
std::uint64_t add_tap(tap function) {
  return the_writer().add_tap(std::move(function));
}
void remove_tap(std::uint64_t id) {
  the_writer().remove_tap(id);
}
std::string bounded_text(fmt::string_view text, fmt::format_args arguments) {
  std::string made;
  const auto written = fmt::vformat_to_n(std::back_inserter(made), most_bytes + 1, text, arguments);
  std::size_t left = most_bytes;
  cut(made, left, written.size);
  return made;
}
void submit(record line) {
  bound(line);
  the_writer().submit(std::move(line));
}
void submit_counted(std::string_view kind, record line) {
  bound(line);
  the_writer().submit_counted(kind, std::move(line));
}

} // namespace coppice::base::log
