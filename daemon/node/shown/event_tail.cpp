// SPDX-License-Identifier: MIT
// The tail keeps lines for the reader; a process subscribes and adds them.
#include "node/shown/event_tail.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "behaviours/channels/event_terms.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::node {

using behaviours::event_news;
using runtime::message;

namespace {

constexpr base::nanos unread_time = 30 * base::nanos_per_second;

} // namespace

// ---- a tail ----

void event_tail::tell() {
  if (!waiting_ || (last_ <= awaited_ && !ended_)) return;
  std::exchange(waiting_, nullptr)();
}

void event_tail::add(tail_line line) {
  const std::scoped_lock held(lock_);
  line.number = ++last_;
  ended_ = line.what == tail_line::kind::end;
  bytes_ += line.term.size();
  lines_.push_back(std::move(line));
  while (lines_.size() > most_lines || (lines_.size() > 1 && bytes_ > most_bytes)) {
    bytes_ -= lines_.front().term.size();
    dropped_ = lines_.front().number;
    lines_.pop_front();
  }
  tell();
}

void event_tail::end() {
  const std::scoped_lock held(lock_);
  ended_ = true;
  tell();
}

event_tail::page event_tail::read(std::uint64_t number, std::size_t most) {
  const std::scoped_lock held(lock_);
  read_at_ = base::mono_now();
  while (!lines_.empty() && lines_.front().number <= number) {
    bytes_ -= lines_.front().term.size();
    lines_.pop_front();
  }
  page out;
  out.missed = dropped_ > number ? dropped_ - number : 0;
  for (const tail_line& one : lines_) {
    if (out.lines.size() == most) return out;
    out.lines.push_back(one);
  }
  out.ended = ended_;
  return out;
}

void event_tail::when_line(std::uint64_t number, std::function<void()> then) {
  const std::scoped_lock held(lock_);
  read_at_ = base::mono_now();
  awaited_ = number;
  waiting_ = std::move(then);
  tell();
}

void event_tail::forget_waiting() {
  const std::scoped_lock held(lock_);
  waiting_ = nullptr;
}

base::nanos event_tail::last_read() const {
  const std::scoped_lock held(lock_);
  return read_at_;
}

// ---- its process ----

class event_tails::process final : public runtime::behaviour {
 public:
  process(event_tails& among, std::shared_ptr<event_tail> of) : among_(among), of_(std::move(of)) {}
  ~process() override {
    of_->end();
    among_.forget(*of_);
  }

  runtime::outcome init(runtime::process& self) override { return look(self); }

  runtime::outcome receive(runtime::process& self, message m) override {
    if (self.origin().notice) {
      if (etf::cursor(m.bytes()).read_atom_is("look")) return look(self);
      return runtime::carry_on();
    }
    const auto news = behaviours::read_event_news(m.bytes());
    // Events of other nodes also come from a process of this node.
    if (!news || !self.origin().here()) return runtime::carry_on();
    using kind = tail_line::kind;
    tail_line line;
    switch (news->what) {
      case event_news::kind::event:
        line = {kind::event, 0, news->seq, news->seq, news->time, m.slice(news->term)};
        break;
      case event_news::kind::gap:
        line = {kind::gap, 0, news->first, news->last, 0, {}};
        break;
      case event_news::kind::end:
        line = {kind::end, 0, 0, 0, 0, m.slice(news->term)};
        break;
    }
    of_->add(std::move(line)); // after the last line the process stays until that was read
    return runtime::carry_on();
  }

  void describe(runtime::description& out) const override { out.behaviour = "event_tail"; }

 private:
  runtime::outcome look(runtime::process& self) {
    const base::nanos until = of_->last_read() + unread_time;
    if (base::mono_now() >= until) return runtime::stop(runtime::reasons::normal());
    self.remind(until, message::atom("look"));
    return runtime::carry_on();
  }

  event_tails& among_;
  const std::shared_ptr<event_tail> of_;
};

base::result<std::uint64_t> event_tails::open(const std::string& name, const std::string& node,
                                              const behaviours::event_subscribe_options& how) {
  auto made = std::make_shared<event_tail>();
  std::uint64_t number = 0;
  {
    const std::scoped_lock held(lock_);
    if (open_.size() >= most) return base::fail(base::errc::limit, "too many of these already");
    number = ++last_;
    open_.push_back({number, made, {}});
  }
  runtime::spawn_options options;
  options.of_node = true;
  options.label = "services/event_tail/" + std::to_string(number);
  const auto who = host_.spawn(std::move(options), std::make_unique<process>(*this, made));
  if (!who) return unexpected(base::error(who.error()));
  {
    const std::scoped_lock held(lock_);
    const auto found = std::ranges::find(open_, number, &entry::number);
    if (found != open_.end()) found->process = *who;
  }
  auto begun =
      node.empty() ? events_.subscribe(name, *who, how) : events_.subscribe_to(name, node, *who, how);
  if (begun) return number;
  host_.exit(*who, runtime::reasons::kill());
  return unexpected(std::move(begun.error()));
}

std::shared_ptr<event_tail> event_tails::find(std::uint64_t number) const {
  const std::scoped_lock held(lock_);
  const auto found = std::ranges::find(open_, number, &entry::number);
  return found == open_.end() ? nullptr : found->tail;
}

void event_tails::close(std::uint64_t number) {
  runtime::pid who;
  {
    const std::scoped_lock held(lock_);
    const auto found = std::ranges::find(open_, number, &entry::number);
    if (found != open_.end()) who = found->process;
  }
  if (who) host_.exit(who, runtime::reasons::kill());
}

void event_tails::forget(const event_tail& which) {
  const std::scoped_lock held(lock_);
  std::erase_if(open_, [&which](const entry& one) { return one.tail.get() == &which; });
}

} // namespace coppice::node
