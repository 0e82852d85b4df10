// SPDX-License-Identifier: MIT
// The process never waits, so that it leaves nothing half done when it ends and another takes over its
// outlet.
#include "behaviours/channels/event_fan_out.hpp"

#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/bound.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;

namespace {

const base::bound<std::size_t> budget("events: messages in a turn", 2000, 16);

class process_port final : public event_port {
 public:
  explicit process_port(process& self) : self_(self) {}

  bool send(const runtime::pid& to, const message& m) override {
    return self_.send(runtime::destination(to), m, {.connects = false, .waits = false}) !=
           runtime::send_status::full;
  }
  void send_unbounded(const runtime::pid& to, message m) override {
    self_.send_unbounded(runtime::destination(to), std::move(m));
  }
  void exit(const runtime::pid& to, message reason) override {
    self_.exit(runtime::destination(to), std::move(reason));
  }
  runtime::reference watch(const runtime::pid& who) override {
    return self_.monitor(runtime::destination(who));
  }
  void unwatch(const runtime::reference& of) override { self_.demonitor(of, true); }

 private:
  process& self_;
};

} // namespace

message event_fan_out::wake() {
  return message::atom("wake");
}

runtime::outcome event_fan_out::init(process& self) {
  process_port by(self);
  self.stay();
  all_.runs(index_, self.self());
  all_.outlet(index_).rewatch(by);
  self.notify(self.self(), wake());
  return runtime::carry_on();
}

// Takes the end of a subscriber, or a notice to wake up. Other messages are dropped.
runtime::outcome event_fan_out::receive(process& self, message m) {
  if (!self.origin().notice) return runtime::carry_on();
  etf::cursor at(m.bytes());
  if (at.read_tuple_of(5) && at.read_atom_is("DOWN")) {
    etf::bytes skipped;
    at.read_term(skipped);
    at.read_term(skipped);
    if (const auto who = runtime::read_pid(at, self.host().nodes())) all_.outlet(index_).gone(*who);
  } else if (at.read_atom_is("again")) {
    timer_ = 0;
    all_.outlet(index_).ask_again();
  }
  work(self);
  return runtime::carry_on();
}

void event_fan_out::work(process& self) {
  process_port by(self);
  const event_outlet::progress next = all_.outlet(index_).run(by, budget);
  if (next.more) self.notify(self.self(), wake());
  if (next.again_in && timer_ == 0)
    timer_ = self.remind(base::mono_now() + *next.again_in, message::atom("again"));
}

} // namespace coppice::behaviours
