// SPDX-License-Identifier: MIT
// A stage of any role and dispatcher under arbitrary messages, ends, callbacks and events: no consumer gets
// more than it asked for, and each emitted event is delivered, buffered, dropped or unrouted, and counted.
// The first bytes choose the stage, the others what happens.
// rooms: behaviours
#include <array>
#include <coppice/etf/cursor.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behaviours/stage/engine.hpp"
#include "behaviours/stage/event_list.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using namespace coppice::behaviours;
using fuzz::check;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;

constexpr std::array kinds{dispatcher_options::kind::demand, dispatcher_options::kind::broadcast,
                           dispatcher_options::kind::partition, dispatcher_options::kind::callback};
constexpr std::uint32_t partitions = 3;

message number(std::uint64_t value) {
  message_writer out;
  out.unsigned_integer(value);
  return out.take();
}

message numbers(std::uint32_t count) {
  message_writer out;
  if (count != 0) out.list(count);
  for (std::uint32_t i = 0; i < count; ++i) out.unsigned_integer(i);
  out.nil();
  return out.take();
}

stage_options options_of(stage_role role, fuzz::script& from) {
  stage_options out = default_options(role);
  if (role != stage_role::consumer) {
    out.dispatcher.what = kinds[from.byte() % kinds.size()];
    if (out.dispatcher.what == dispatcher_options::kind::partition)
      for (std::uint32_t i = 0; i < partitions; ++i) out.dispatcher.partitions.push_back(number(i));
    out.buffer.size = from.byte() % 8;
  }
  if (role == stage_role::producer && from.byte() % 4 == 0) out.demand = demand_mode::accumulate;
  out.demand_step = 1 + from.byte() % 16;
  return out;
}

class stage final : public stage_port {
 public:
  stage(stage_role role, fuzz::script& script)
      : script_(script), engine_(role, options_of(role, script), {0, 4, 1, 0}, names_, *this) {}

  void go() {
    if (!take(engine_.start())) return;
    while (!script_.ended()) {
      if (!step() || !settle()) return;
    }
  }

 private:
  // False: the stage has ended.
  bool take(const std::optional<outcome>& next) { return !next || !next->stops(); }

  bool step() {
    switch (script_.byte() % 12) {
      case 0:
        return take(engine_.receive(term()));
      case 1:
      case 2:
        return take(engine_.receive(to("$gen_producer", [&](message_writer& out) {
          out.tuple(3);
          out.atom("subscribe");
          out.atom("nil");
          out.list(2);
          pair(out, "partition", number(script_.byte() % 4));
          pair(out, "max_demand", number(script_.byte()));
          out.nil();
        })));
      case 3:
      case 4:
        return take(engine_.receive(to("$gen_producer", [&](message_writer& out) {
          out.tuple(2);
          out.atom("ask");
          out.unsigned_integer(script_.byte());
        })));
      case 5: {
        const bool upstream = script_.byte() % 2 == 0;
        return take(
            engine_.receive(to(upstream ? "$gen_consumer" : "$gen_producer", [&](message_writer& out) {
              out.tuple(2);
              out.atom("cancel");
              out.raw(term().bytes());
            })));
      }
      case 6:
        return take(engine_.receive(to(
            "$gen_consumer", [&](message_writer& out) { out.raw(numbers(script_.byte() % 16).bytes()); })));
      case 7: {
        message reply;
        message_writer out;
        out.tuple(4);
        out.atom("$subscribe");
        out.atom("nil");
        out.unsigned_integer(script_.byte()); // a number as in find()
        out.list(2);
        pair(out, "max_demand", number(1 + script_.byte() % 32));
        pair(out, "cancel", message::atom(script_.byte() % 2 == 0 ? "temporary" : "permanent"));
        out.nil();
        return take(engine_.call(out.take().bytes(), reply));
      }
      case 8: {
        message reply;
        const message any = term();
        if (!take(engine_.call(any.bytes(), reply))) return false;
        return take(engine_.cast(any.bytes()));
      }
      case 9:
        if (monitors_.empty()) return true;
        {
          const message gone = monitors_[script_.byte() % monitors_.size()];
          return take(engine_.down(gone.bytes(), message::atom("gone").bytes()));
        }
      case 10:
        if (engine_.role() != stage_role::consumer) check(engine_.emit(numbers(script_.byte() % 8)));
        return true;
      default: {
        const message which = party();
        if (script_.byte() % 2 == 0)
          engine_.ask(which.bytes(), script_.byte());
        else
          engine_.cancel(which.bytes(), term().bytes());
        return true;
      }
    }
  }

  // Handles its messages to itself and due work, then checks the counters. False: the stage has ended.
  bool settle() {
    for (int i = 0; i < 100 && (later_ || !to_self_.empty()); ++i) {
      if (std::exchange(later_, false) && !take(engine_.go_on())) return false;
      if (to_self_.empty()) continue;
      const message next = std::move(to_self_.front());
      to_self_.pop_front();
      if (!take(engine_.receive(next))) return false;
    }
    const stage_counters counted = engine_.counters();
    const auto kind = engine_.options().dispatcher.what;
    if (engine_.role() != stage_role::consumer && kind != dispatcher_options::kind::broadcast)
      check(counted.emitted == counted.delivered + counted.buffered + counted.dropped + counted.unrouted);
    for (const stage_subscription& one : engine_.subscriptions())
      if (!one.upstream) check(one.flow.passed <= one.flow.asked);
    return true;
  }

  static void pair(message_writer& out, std::string_view key, const message& value) {
    out.tuple(2);
    out.atom(key);
    out.raw(value.bytes());
  }
  message term() { return message::copy_of(script_.term()); }
  // {Pid, Tag}; there are few different ones.
  message party() {
    message_writer out;
    const std::uint8_t who = script_.byte();
    out.tuple(2);
    runtime::write(out, runtime::pid{0, 4, 10u + who % 4, 0}, names_);
    if (who % 2 == 0 && !references_.empty())
      out.raw(references_[who / 4 % references_.size()].bytes());
    else
      out.unsigned_integer(who / 4 % 4);
    return out.take();
  }
  template <class Write>
  message to(std::string_view side, Write write) {
    const message from = party();
    message_writer out;
    out.tuple(3);
    out.atom(side);
    out.raw(from.bytes());
    write(out);
    return out.take();
  }

  outcome handle_demand(std::uint64_t count) override {
    check(count >= 1);
    if (script_.byte() % 2 == 0) engine_.emit(numbers(static_cast<std::uint32_t>(count % 32)));
    return runtime::carry_on();
  }
  outcome handle_events(const message& events, const message&) override {
    const auto list = event_list::of(events);
    check(list && !list->empty());
    if (engine_.role() == stage_role::producer_consumer) engine_.emit(events);
    return runtime::carry_on();
  }
  outcome handle_subscribe(peer, const message&, const message&, bool& manual) override {
    check(!manual);
    manual = script_.byte() % 4 == 0;
    return runtime::carry_on();
  }
  outcome handle_cancel(bool, const message&, const message&) override {
    if (engine_.role() != stage_role::consumer && script_.byte() % 2 == 0) engine_.emit(numbers(1));
    return runtime::carry_on();
  }
  dispatcher::outlet::choice choose(const message&, std::uint64_t& partition) override {
    partition = script_.byte() % 5;
    return partition == 4 ? dispatcher::outlet::choice::none : dispatcher::outlet::choice::index;
  }
  bool format_discarded(std::uint64_t count) override {
    check(count != 0);
    return false;
  }
  void send(const runtime::destination&, message m, bool) override { check(static_cast<bool>(m)); }
  std::vector<stage_overload> send_events(const runtime::pid&, subscriber_id, std::uint64_t, message m,
                                          std::uint64_t) override {
    check(static_cast<bool>(m));
    return {};
  }
  std::uint64_t backlog(const runtime::pid&, subscriber_id) const override { return 0; }
  void send_self(message m) override { to_self_.push_back(std::move(m)); }
  message monitor(const runtime::destination&) override {
    monitors_.push_back(make_reference());
    return monitors_.back();
  }
  void demonitor(const message&) override {}
  message make_reference() override {
    message_writer out;
    out.tuple(2);
    out.atom("ref");
    out.unsigned_integer(references_.size());
    references_.push_back(out.take());
    return references_.back();
  }
  std::optional<runtime::destination> find(etf::bytes name) override {
    std::uint64_t who = 0;
    if (!etf::cursor(name).read_unsigned(who)) return std::nullopt;
    return runtime::pid{0, 4, 10u + static_cast<std::uint32_t>(who % 4), 0};
  }
  void go_on_later() override { later_ = true; }
  void subscribe_later(std::size_t, base::nanos) override {}
  bool may_be_from(const runtime::pid&) const override { return true; }
  void tell(level, std::string) override {}
  base::nanos now() override { return 1; }

  fuzz::script& script_;
  runtime::node_names names_{"fuzz@localhost"};
  std::deque<message> to_self_;
  std::vector<message> monitors_, references_;
  bool later_ = false;
  stage_engine engine_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::script script({data, size});
  constexpr std::array roles{stage_role::producer, stage_role::producer_consumer, stage_role::consumer};
  stage(roles[script.byte() % roles.size()], script).go();
  return 0;
}
