// SPDX-License-Identifier: MIT
// See log_feed.hpp. In the process's own turn.
#include "services/log/log_feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/log_settings.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/crash_notes.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::services {

using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

namespace gen = behaviours::gen;

constexpr std::string_view module = "log";
constexpr base::nanos between_batches = 100 * base::nanos_per_ms;
constexpr base::nanos start_patience = 30 * base::nanos_per_second;
constexpr base::nanos shortest_wait = base::nanos_per_second;
constexpr base::nanos longest_wait = 30 * base::nanos_per_second; // also: an actor that lived longer is good
constexpr base::nanos drain_time = 2 * base::nanos_per_second;
constexpr base::nanos shutdown_time = 5 * base::nanos_per_second;
constexpr base::nanos nanos_per_microsecond = 1000;
constexpr std::size_t most_shown = 500; // characters of a reason in the log

std::string why_not_started(const gen::start_error& error) {
  using kind = gen::start_error::kind;
  switch (error.what) {
    case kind::spawn:
      return error.error.text;
    case kind::init:
      return runtime::shown_reason(error.reason, most_shown);
    case kind::ignored:
      return "its init ignored the start";
    case kind::timeout:
      return fmt::format("its init took more than {} s", start_patience / base::nanos_per_second);
    case kind::limit:
      return "there is no stack to wait on";
    case kind::exiting:
      break;
  }
  return "the node stops";
}

// If a name comes twice its first value is kept, because a map has each key once.
void write_fields(message_writer& out, const std::vector<base::log::field>& fields) {
  std::vector<const base::log::field*> kept;
  std::set<std::string_view> names;
  for (const base::log::field& one : fields)
    if (names.insert(one.name).second) kept.push_back(&one);
  out.map(static_cast<std::uint32_t>(kept.size()));
  for (const base::log::field* one : kept) {
    out.binary(one->name);
    out.binary(one->value);
  }
}

void write_line(message_writer& out, const base::log::record& line) {
  out.map(5);
  out.atom("time");
  out.integer(line.wall / nanos_per_microsecond);
  out.atom("level");
  out.atom(base::log::level_name(line.level));
  out.atom("module");
  out.atom(line.module);
  out.atom("message");
  out.binary(line.text);
  out.atom("fields");
  write_fields(out, line.fields);
}

} // namespace

message log_message(const std::vector<base::log::record>& lines) {
  message_writer out(1024);
  out.tuple(2);
  out.atom("log");
  if (!lines.empty()) out.list(static_cast<std::uint32_t>(lines.size()));
  for (const base::log::record& line : lines) write_line(out, line);
  out.nil();
  return out.take();
}

log_feed::log_feed(std::shared_ptr<log_feed_order> order, std::shared_ptr<base::log::log_queue> lines)
    : native_server("log_feed"), order_(std::move(order)), lines_(std::move(lines)) {}

// OTP removes a handler whose process has ended. Here the handler stays and shows that it gets no lines.
log_feed::~log_feed() {
  std::string lost;
  {
    const std::scoped_lock held(order_->lock);
    if (!order_->stop) lost = base::log::handler_label(order_->wanted.handler);
  }
  if (!lost.empty()) {
    const std::string what = "its process has ended; an apply that changes node.log.handlers starts it";
    lines_->set_failing(what);
    base::log::error(module, "{} gets no lines: {}", lost, what);
  }
  const std::scoped_lock held(order_->lock); // last: another feed may be begun from now on
  order_->ended = true;
  order_->change.notify_all();
}

runtime::outcome log_feed::on_start(process& self) {
  lines_->leave_out(runtime::to_text(self.self(), self.host().nodes()));
  lines_->wake_by(
      [&host = self.host(), me = self.self()] { host.notify(destination(me), message::atom("look")); });
  self.notify(destination(self.self()), message::atom("look"));
  return runtime::carry_on();
}

runtime::outcome log_feed::handle_info(process& self, const message& m) {
  if (!self.origin().notice) return runtime::carry_on();
  if (gen::exit_notice gone; gen::is_exit(m.bytes()) && gen::read_exit(self, m, gone)) {
    if (gone.from == actor_) actor_ended(self, gone.reason);
  }
  return work(self);
}

runtime::outcome log_feed::receive_answer(process& self, std::uint64_t number, runtime::ask_result result) {
  if (result.what == runtime::ask_result::kind::down) return runtime::carry_on(); // its exit tells more
  if (asked_ == number) {
    asked_.reset();
    asked_lines_ = 0;
  }
  return work(self);
}

void log_feed::read_order(process& self) {
  bool other = false;
  bool stop = false;
  {
    const std::scoped_lock held(order_->lock);
    const log_actor& wanted = order_->wanted;
    other = wanted.actor != of_.actor || !(wanted.args == of_.args);
    if (other) of_ = wanted;
    stop = order_->stop;
  }
  label_ = base::log::handler_label(of_.handler);
  if (stop && phase_ == phase::running) {
    phase_ = phase::draining;
    until_ = self.now() + drain_time;
  }
  if (!other || phase_ != phase::running) return;
  start_at_ = wait_ = 0;
  if (!actor_) return;
  replaced_ = true;
  until_ = self.now() + shutdown_time;
  end_actor(self);
}

runtime::outcome log_feed::work(process& self) {
  read_order(self);
  if (self.exiting()) return runtime::carry_on();
  const base::nanos now = self.now();
  if (phase_ == phase::running && !replaced_) {
    if (!actor_) start_actor(self);
    if (actor_) send(self);
    return runtime::carry_on();
  }
  if (!actor_) return runtime::stop(runtime::reasons::normal());
  if (phase_ == phase::draining) {
    if (now < until_ && !replaced_ && (asked_ || !lines_->empty())) {
      send(self);
      wake_at(self, until_);
      return runtime::carry_on();
    }
    phase_ = phase::ending;
    end_actor(self);
    until_ = now + shutdown_time;
  }
  if (now >= until_) {
    self.exit(destination(actor_), runtime::reasons::kill());
    until_ = now + shutdown_time;
  }
  wake_at(self, until_);
  return runtime::carry_on();
}

void log_feed::end_actor(process& self) {
  self.exit(destination(actor_), runtime::reasons::shutdown());
}

void log_feed::start_actor(process& self) {
  if (self.now() < start_at_) return wake_at(self, start_at_);
  runtime::actor_factory* const factory = self.host().factory();
  if (factory == nullptr) return;
  auto made = factory->make({.actor = of_.actor,
                             .args = of_.args,
                             .env = {},
                             .label = label_,
                             .unhandled = {},
                             .secrets = of_.secrets});
  if (!made)
    return try_later(self, fmt::format("the actor {} does not start: {}", of_.actor, made.error().text));
  runtime::spawn_options options;
  options.label = label_;
  options.link = true;
  auto done = gen::start(self, std::move(options), std::move(*made), self.now() + start_patience);
  if (self.exiting()) return;
  if (!done)
    return try_later(
        self, fmt::format("the actor {} does not start: {}", of_.actor, why_not_started(done.error())));
  actor_ = *done;
  started_ = self.now();
  lines_->set_failing({});
  lines_->leave_out(runtime::to_text(actor_, self.host().nodes()));
}

void log_feed::actor_ended(process& self, const message& reason) {
  actor_ = {};
  asked_.reset();
  const std::size_t with_it = std::exchange(asked_lines_, 0);
  if (std::exchange(replaced_, false) || phase_ != phase::running) return;
  if (self.now() - started_ > longest_wait) wait_ = 0;
  try_later(self, fmt::format("the actor {} has ended: {}; it had {} lines to handle", of_.actor,
                              runtime::shown_reason(reason, most_shown), with_it));
}

void log_feed::try_later(process& self, const std::string& what) {
  wait_ = wait_ == 0 ? shortest_wait : std::min(2 * wait_, longest_wait);
  start_at_ = self.now() + wait_;
  lines_->set_failing(what);
  base::log::write(base::log::level::warning, module, {{"label", label_}},
                   "{}: {}; it is started again in {} s", label_, what, wait_ / base::nanos_per_second);
  wake_at(self, start_at_);
}

void log_feed::send(process& self) {
  if (asked_ || lines_->empty()) return;
  if (phase_ == phase::running && self.now() < next_batch_) return wake_at(self, next_batch_);
  const std::vector<base::log::record> batch = lines_->take(most_lines, most_bytes);
  if (batch.empty()) return;
  next_batch_ = self.now() + between_batches;
  asked_lines_ += batch.size();
  asked_ = self.ask(actor_, log_message(batch), process::asking::message); // none: its exit is on its way
}

void log_feed::wake_at(process& self, base::nanos at) {
  if (timer_ != 0 && wakes_at_ == at && self.remaining(timer_) >= 0) return;
  if (timer_ != 0) self.cancel_timer(std::exchange(timer_, 0));
  wakes_at_ = at;
  timer_ = self.remind(at, message::atom("look"));
}

} // namespace coppice::services
