// SPDX-License-Identifier: MIT
// See log_handlers.hpp. Handlers are made and ended without the lock: a syslog handler logs when its thread
// cannot be started, and its end waits for that thread.
#include "base/log_handlers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log_syslog.hpp"

namespace coppice::base::log {

class log_handler {
 public:
  explicit log_handler(const handler_target& what)
      : what_(what), queue_(std::make_shared<log_queue>(what.limit, what.on_full)) {
    const std::string label = handler_label(what.name);
    queue_->leave_out(label);
    if (!what.syslog.empty()) sender_ = std::make_unique<syslog_sender>(label, what.syslog, queue_);
  }

  const handler_target& target() const { return what_; }
  const std::shared_ptr<log_queue>& queue() const { return queue_; }

  bool continues_as(const handler_target& next) const {
    return what_.name == next.name && what_.syslog == next.syslog;
  }
  void use(const handler_target& next) {
    what_ = next;
    queue_->use(next.limit, next.on_full);
  }

  void put(const record& line) {
    const auto own = std::ranges::find(what_.modules, line.module, &std::pair<std::string, level>::first);
    if (line.level >= (own != what_.modules.end() ? own->second : what_.level)) queue_->put(line);
  }

  std::uint64_t dropped() const { return queue_->dropped() + (sender_ == nullptr ? 0 : sender_->lost()); }

  // When the lines dropped since the last count are to be told; nullopt: there are none.
  std::optional<nanos> due() const {
    return queue_->dropped() == told_ ? std::nullopt : std::optional(next_tell_);
  }
  std::optional<record> tell(nanos now) {
    const std::uint64_t all = queue_->dropped();
    if (all == told_) return std::nullopt;
    const std::string label = handler_label(what_.name);
    record line{wall_now(),
                level::warning,
                "log",
                fmt::format("{}: {} lines dropped: its queue was full", label, all - told_),
                {{"label", label}}};
    told_ = all;
    next_tell_ = now + log_handlers::period;
    return line;
  }

 private:
  handler_target what_;
  const std::shared_ptr<log_queue> queue_;
  std::unique_ptr<syslog_sender> sender_; // null: an actor takes the lines
  std::uint64_t told_ = 0;                // dropped lines that the log was told of
  nanos next_tell_ = 0;
};

log_handlers::log_handlers() = default;
log_handlers::~log_handlers() = default;

void log_handlers::use(const std::vector<handler_target>& wanted) {
  const auto there = [this](const handler_target& one) {
    return std::ranges::find_if(all_, [&one](const std::unique_ptr<log_handler>& known) {
      return known != nullptr && known->continues_as(one);
    });
  };
  std::vector<std::unique_ptr<log_handler>> next(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (there(wanted[i]) == all_.end()) next[i] = std::make_unique<log_handler>(wanted[i]);
  std::vector<std::unique_ptr<log_handler>> former;
  const std::scoped_lock held(lock_);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (next[i] != nullptr) continue;
    next[i] = std::move(*there(wanted[i]));
    next[i]->use(wanted[i]);
  }
  former.swap(all_);
  all_ = std::move(next);
}

void log_handlers::put(const record& line) {
  const std::scoped_lock held(lock_);
  for (const auto& one : all_) one->put(line);
}

std::optional<nanos> log_handlers::next_due() const {
  const std::scoped_lock held(lock_);
  std::optional<nanos> first;
  for (const auto& one : all_)
    if (const auto due = one->due()) first = std::min(first.value_or(*due), *due);
  return first;
}

std::vector<record> log_handlers::take_due(std::optional<nanos> now) {
  const std::scoped_lock held(lock_);
  std::vector<record> out;
  for (const auto& one : all_) {
    const auto due = one->due();
    if (!due || (now && *due > *now)) continue;
    if (auto line = one->tell(now.value_or(0))) out.push_back(std::move(*line));
  }
  return out;
}

std::shared_ptr<log_queue> log_handlers::queue_of(std::string_view name) const {
  const std::scoped_lock held(lock_);
  for (const auto& one : all_)
    if (one->target().name == name && one->target().syslog.empty()) return one->queue();
  return nullptr;
}

std::vector<handler_report> log_handlers::reports() const {
  const std::scoped_lock held(lock_);
  std::vector<handler_report> out;
  out.reserve(all_.size());
  for (const auto& one : all_)
    out.push_back({one->target(), one->queue()->size(), one->dropped(), one->queue()->failing()});
  return out;
}

} // namespace coppice::base::log
