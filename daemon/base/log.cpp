// SPDX-License-Identifier: MIT
// The logger's queue and writer thread. The queue's lock is held only to push a line or to swap the whole
// queue out, never while a line is written. The writer is woken only if the queue was empty.
#include "base/log.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <thread>

#include "base/log_counted.hpp"
#include "base/log_files.hpp"
#include "base/log_handlers.hpp"
#include "base/log_levels.hpp"
#include "base/log_rate.hpp"
#include "base/log_settings.hpp"
#include "base/log_sinks.hpp"
#include "base/log_tally.hpp"
#include "base/thread.hpp"
#include "base/utf8.hpp"

namespace coppice::base::log {
namespace {

constexpr std::array<std::string_view, 6> level_names = {"trace",  "debug",   "info",
                                                         "notice", "warning", "error"};

constexpr std::size_t longest_field_name = 64;

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
    auto made = start_thread([this] { run(); });
    if (made) {
      thread_ = std::move(*made);
      return;
    }
    const std::lock_guard lock(queue_lock_);
    running_ = false; // lines go straight to stderr
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
    handlers_.use({});
  }

  void flush() {
    std::unique_lock lock(queue_lock_);
    if (!running_) return;
    const std::uint64_t target = pushed_;
    written_change_.wait(lock, [&] { return written_ >= target || !running_; });
  }

  void submit(record&& line) {
    if (rate_.admits(line, mono_now())) push(std::move(line));
  }

  void submit_counted(std::string_view kind, record&& line) {
    if (tally_.first(kind, line, mono_now())) push(std::move(line));
  }

  void use(const settings& chosen) {
    rate_.use(chosen.rate);
    {
      const std::lock_guard control(control_);
      handlers_.use(chosen.handlers);
    }
    const std::lock_guard lock(queue_lock_);
    files_wanted_ = chosen.files;
    work_.notify_one();
  }

  void look_at_files() {
    const std::lock_guard lock(queue_lock_);
    look_wanted_ = true;
    work_.notify_one();
  }
  std::vector<unwritable_file> unwritable_files() const { return files_.unwritable(); }
  const log_handlers& handlers() const { return handlers_; }
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
  void push(record&& line) {
    std::unique_lock lock(queue_lock_);
    if (!running_) {
      const format to = format_;
      lock.unlock();
      tell(to, line);
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

  // By the writer thread.
  void deliver(format to, const record& line) {
    tell(to, line);
    files_.put(line, to);
    handlers_.put(line);
  }

  void tell(format to, const record& line) {
    if (write_line(to, line))
      tell_unwritten(to);
    else
      unwritten_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(taps_lock_);
    for (const auto& [id, function] : taps_) function(line);
  }

  // After a line could be written again.
  void tell_unwritten(format to) {
    const std::uint64_t lines = unwritten_.exchange(0, std::memory_order_relaxed);
    if (lines == 0) return;
    const record gap{
        wall_now(), level::warning, "log", fmt::format("{} lines could not be written here", lines), {}};
    if (!write_line(to, gap)) unwritten_.fetch_add(lines, std::memory_order_relaxed);
  }

  // For people who read the times of the lines.
  void tell_jump(format to) {
    constexpr nanos worth_telling = 10 * nanos_per_second;
    const nanos ahead = wall_now() - mono_now();
    const nanos moved = ahead - std::exchange(wall_ahead_, ahead);
    if (std::abs(moved) < worth_telling) return;
    deliver(to, {wall_now(),
                 level::notice,
                 "log",
                 fmt::format("the clock was set {} by {} s", moved > 0 ? "forward" : "back",
                             (std::abs(moved) + nanos_per_second / 2) / nanos_per_second),
                 {}});
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

  // Waits until there is something to write, a sum is due or the files have to be looked at.
  void wait(std::unique_lock<std::mutex>& lock) {
    const auto ready = [this] { return !queue_.empty() || !running_ || files_wanted_ || look_wanted_; };
    std::optional<nanos> due;
    for (const auto& one : {tally_.next_due(), rate_.next_due(), files_.next_look(), handlers_.next_due()})
      if (one) due = std::min(due.value_or(*one), *one);
    if (due)
      work_.wait_for(lock, std::chrono::nanoseconds(*due - mono_now()), ready);
    else
      work_.wait(lock, ready);
  }

  void write_all(format to, const std::vector<record>& batch, bool ending) {
    tell_jump(to);
    for (const record& line : batch) deliver(to, line);
    tell_drops(to);
    for (const record& sum : ending ? tally_.take_all() : tally_.take_due(mono_now())) deliver(to, sum);
    for (const record& count : ending ? rate_.take_all() : rate_.take_due(mono_now())) deliver(to, count);
    for (const record& count : handlers_.take_due(ending ? std::nullopt : std::optional(mono_now())))
      deliver(to, count);
    files_.flush();
    for (const record& news : files_.take_news()) deliver(to, news);
  }

  void run() {
    std::vector<record> batch;
    wall_ahead_ = wall_now() - mono_now();
    std::unique_lock lock(queue_lock_);
    for (bool ending = false; !ending;) {
      wait(lock);
      ending = queue_.empty() && !running_;
      batch.swap(queue_);
      const format to = format_;
      const auto files = std::exchange(files_wanted_, std::nullopt);
      const bool look = std::exchange(look_wanted_, false);
      lock.unlock();
      try {
        if (files) files_.use(*files);
        files_.look(mono_now(), look);
        write_all(to, batch, ending);
      } catch (const abi::__forced_unwind&) {
        throw;
      } catch (...) { // no log line can be written about it
        unwritten_.fetch_add(batch.size(), std::memory_order_relaxed);
      }
      lock.lock();
      written_ += batch.size();
      batch.clear();
      written_change_.notify_all();
    }
    files_.use({});
    written_change_.notify_all();
  }

  std::mutex control_; // one start or stop at a time
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
  std::atomic<std::uint64_t> unwritten_{0}; // lines that the sink did not take
  log_tally tally_;
  log_rate rate_;
  std::optional<std::vector<file_target>> files_wanted_; // nullopt: not changed since the writer looked
  bool look_wanted_ = false;
  log_handlers handlers_; // replaced under control_
  log_files files_;       // this and wall_ahead_ are for the writer thread, but for log_files::unwritable()
  nanos wall_ahead_ = 0;  // wall time minus monotonic time, at the last look
  std::thread thread_;

  std::mutex taps_lock_;
  std::uint64_t last_tap_ = 0;
  std::vector<std::pair<std::uint64_t, tap>> taps_;
};

// Cuts `text` to `most` bytes, at the end of a character. Returns how many bytes are cut off.
std::size_t cut(std::string& text, std::size_t most) {
  if (text.size() <= most) return 0;
  std::size_t kept = most;
  while (kept != 0 && is_utf8_continuation(text[kept])) --kept;
  const std::size_t gone = text.size() - kept;
  text.resize(kept);
  return gone;
}

void say_cut(std::string& text, std::size_t left_out) {
  if (left_out != 0) fmt::format_to(std::back_inserter(text), "… ({} bytes left out)", left_out);
}

// The bytes that the text and each value may have, so that all of them have most_bytes: the long ones share
// the room that the short ones leave. `sizes`: those of the text and the values; not empty.
std::size_t room_of_each(std::vector<std::size_t> sizes) {
  std::ranges::sort(sizes);
  std::size_t left = most_bytes;
  std::size_t parts = sizes.size();
  for (const std::size_t size : sizes) {
    if (size > left / parts) break;
    left -= size;
    if (--parts == 0) return most_bytes;
  }
  return left / parts;
}

void bound(record& line) {
  std::size_t all = line.text.size();
  for (field& each : line.fields) {
    say_cut(each.name, cut(each.name, longest_field_name));
    all += each.value.size();
  }
  if (all > most_bytes) {
    std::vector<std::size_t> sizes{line.text.size()};
    for (const field& each : line.fields) sizes.push_back(each.value.size());
    const std::size_t room = room_of_each(std::move(sizes));
    line.text_left_out += cut(line.text, room);
    for (field& each : line.fields) say_cut(each.value, cut(each.value, room));
  }
  say_cut(line.text, std::exchange(line.text_left_out, 0));
}

writer& the_writer() {
  static writer the;
  return the;
}

std::atomic<bool> messages_shown{true};
std::atomic<cause> cause_asked{nullptr};

void add_cause(record& line) {
  if (const cause asked = cause_asked.load(std::memory_order_acquire)) line.caused_by = asked();
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

status use(const settings& chosen) {
  messages_shown.store(chosen.messages, std::memory_order_relaxed);
  the_writer().use(chosen);
  set_level(chosen.level);
  for (const auto& [module, was] : configured_levels()) {
    if (std::ranges::find(chosen.modules, module, &std::pair<std::string, level>::first) ==
        chosen.modules.end())
      (void)set_level(module, std::nullopt); // cannot fail: it only removes a level
  }
  status all;
  for (const auto& [module, lowest] : chosen.modules)
    if (auto set = set_level(module, lowest); !set) all = std::move(set);
  return all;
}

bool shows_messages() {
  return messages_shown.load(std::memory_order_relaxed);
}
std::vector<unwritable_file> unwritable_files() {
  return the_writer().unwritable_files();
}
std::shared_ptr<log_queue> handler_queue(std::string_view name) {
  return the_writer().handlers().queue_of(name);
}
std::vector<handler_report> handler_reports() {
  return the_writer().handlers().reports();
}
std::string handler_label(std::string_view name) {
  return "log/" + std::string(name);
}
void look_at_files() {
  the_writer().look_at_files();
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
formatted bounded_text(fmt::string_view text, fmt::format_args arguments) {
  formatted made;
  const auto written = fmt::vformat_to_n(std::back_inserter(made.text), most_bytes + 1, text, arguments);
  cut(made.text, most_bytes);
  made.left_out = written.size - made.text.size();
  return made;
}
std::string formatted::with_note() const {
  std::string out = text;
  say_cut(out, left_out);
  return out;
}
record record_of(level of, std::string_view module, formatted text, std::vector<field> fields) {
  record made{wall_now(), of, std::string(module), std::move(text.text), std::move(fields)};
  made.text_left_out = text.left_out;
  return made;
}
void set_cause(cause asked) {
  cause_asked.store(asked, std::memory_order_release);
}
void submit(record line) {
  bound(line);
  add_cause(line);
  the_writer().submit(std::move(line));
}
void submit_counted(std::string_view kind, record line) {
  bound(line);
  add_cause(line);
  the_writer().submit_counted(kind, std::move(line));
}

} // namespace coppice::base::log
