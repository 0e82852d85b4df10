// SPDX-License-Identifier: MIT
// See log_queue.hpp. Where old lines are dropped, the count of them goes before the first line that is left;
// where new ones are, behind the last line. Any thread.
#include "base/log_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log_ring.hpp"

namespace coppice::base::log {
namespace {

constexpr std::size_t most_processes = 16;

record lost(std::uint64_t lines) {
  return {wall_now(),
          level::warning,
          "log",
          fmt::format("{} lines are missing here: the queue of this handler was full", lines),
          {}};
}

} // namespace

void log_queue::use(std::size_t limit, queue_full on_full) {
  const std::scoped_lock held(lock_);
  limit_ = limit;
  on_full_ = on_full;
}

bool log_queue::is_own(const record& line) const {
  return std::ranges::any_of(own_, [&line](const std::string& one) { return is_about(line, one); });
}

void log_queue::drop_first() {
  bytes_ -= cost(lines_.front());
  lines_.pop_front();
  ++dropped_;
}

void log_queue::put(const record& line) {
  const std::scoped_lock held(lock_);
  if (is_own(line)) return;
  const std::size_t size = cost(line);
  const auto is_full = [&] { return lines_.size() >= limit_ || bytes_ + size > most_bytes_waiting; };
  if (on_full_ == queue_full::drop_new && is_full()) {
    ++dropped_;
    return;
  }
  while (!lines_.empty() && is_full()) drop_first();
  lines_.push_back(line);
  bytes_ += size;
  if (lines_.size() != 1) return;
  change_.notify_all();
  if (wake_) wake_();
}

void log_queue::wake_by(std::function<void()> wake) {
  const std::scoped_lock held(lock_);
  wake_ = std::move(wake);
}

void log_queue::leave_out(std::string process) {
  const std::scoped_lock held(lock_);
  if (own_.size() >= most_processes) own_.erase(own_.begin() + 1);
  own_.push_back(std::move(process));
  std::erase_if(lines_, [this](const record& line) {
    if (!is_own(line)) return false;
    bytes_ -= cost(line);
    return true;
  });
}

std::vector<record> log_queue::take_held(std::size_t most_lines, std::size_t most_size) {
  std::vector<record> out;
  const bool old_first = on_full_ == queue_full::drop_old;
  if (old_first && dropped_ != told_) out.push_back(lost(dropped_ - std::exchange(told_, dropped_)));
  std::size_t taken = 0;
  while (!lines_.empty() && out.size() < most_lines) {
    const std::size_t size = cost(lines_.front());
    if (taken != 0 && taken + size > most_size) break;
    taken += size;
    bytes_ -= size;
    out.push_back(std::move(lines_.front()));
    lines_.pop_front();
  }
  if (lines_.empty() && dropped_ != told_) out.push_back(lost(dropped_ - std::exchange(told_, dropped_)));
  return out;
}

std::vector<record> log_queue::take(std::size_t most_lines, std::size_t most_size) {
  const std::scoped_lock held(lock_);
  return take_held(most_lines, most_size);
}

std::vector<record> log_queue::wait_and_take(std::size_t most_lines, std::size_t most_size) {
  std::unique_lock held(lock_);
  change_.wait(held, [this] { return closed_ || !lines_.empty(); });
  return take_held(most_lines, most_size);
}

bool log_queue::pause(nanos time) {
  std::unique_lock held(lock_);
  return !change_.wait_for(held, std::chrono::nanoseconds(time), [this] { return closed_; });
}

void log_queue::close() {
  const std::scoped_lock held(lock_);
  closed_ = true;
  change_.notify_all();
}

void log_queue::set_failing(std::string why) {
  const std::scoped_lock held(lock_);
  failing_ = std::move(why);
}

std::string log_queue::failing() const {
  const std::scoped_lock held(lock_);
  return failing_;
}

bool log_queue::empty() const {
  const std::scoped_lock held(lock_);
  return lines_.empty();
}

std::size_t log_queue::size() const {
  const std::scoped_lock held(lock_);
  return lines_.size();
}

std::uint64_t log_queue::dropped() const {
  const std::scoped_lock held(lock_);
  return dropped_;
}

} // namespace coppice::base::log
