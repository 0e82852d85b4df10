// SPDX-License-Identifier: MIT
// The engine of a stage with a port that a test drives: messages go in as Erlang text, and the engine's
// actions come out as text. Consumers can be without room; their messages then wait as they do in a node.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../terms.hpp"
#include "behaviours/stage/engine.hpp"

namespace coppice::test {

using behaviours::default_options;
using behaviours::dispatcher;
using behaviours::stage_backlog;
using behaviours::stage_engine;
using behaviours::stage_options;
using behaviours::stage_overload;
using behaviours::stage_role;
using behaviours::subscriber_id;
using runtime::message;
using runtime::outcome;

// Gives messages to the engine and collects its actions, as Erlang text.
class driven final : public behaviours::stage_port {
 public:
  explicit driven(stage_role role, std::string_view options = "[]", std::optional<stage_options> other = {})
      : engine(role, other ? *other : read(role, options), {0, 4, 1, 0}, names, *this) {}

  static stage_options read(stage_role role, std::string_view options) {
    auto made = behaviours::read_stage_options(role, term(options).bytes(), default_options(role));
    REQUIRE(made.has_value());
    return std::move(*made);
  }
  // Returns the actions since the last call.
  std::string tell(std::string_view text) { return follow(engine.receive(term(text))); }
  std::string cast(std::string_view text) { return follow(engine.cast(term(text).bytes())); }
  std::string push(std::string_view list) {
    engine.emit(term(list));
    return said();
  }
  std::string follow(std::optional<outcome> next) {
    if (!next) said_ += " info";
    if (next && next->stops()) said_ += " stop:" + text(next->reason());
    return said();
  }
  std::string said() { return std::exchange(said_, {}); }

  outcome handle_demand(std::uint64_t count) override {
    said_ += " demand:" + std::to_string(count);
    owes += count;
    std::string list;
    for (std::uint64_t i = 0; counts && i < count; ++i)
      list += (list.empty() ? "" : ",") + std::to_string(++next_);
    if (counts) engine.emit(term("[" + list + "]"));
    return runtime::carry_on();
  }
  outcome handle_events(const message& events, const message&) override {
    said_ += " events:" + text(events);
    if (passes) engine.emit(events);
    return runtime::carry_on();
  }
  outcome handle_subscribe(peer, const message&, const message&, bool&) override {
    return runtime::carry_on();
  }
  outcome handle_cancel(bool down, const message& reason, const message& from) override {
    said_ += (down ? " down:" : " cancelled:") + text(reason);
    if (!emits_when_cancelled.empty()) engine.emit(term(emits_when_cancelled));
    static_cast<void>(from);
    return runtime::carry_on();
  }
  dispatcher::outlet::choice choose(const message& event, std::uint64_t& partition) override {
    if (partitions_in_turn != 0) {
      CHECK(etf::cursor(event.bytes()).read_unsigned(partition));
      partition %= partitions_in_turn + 1;
      return partition == partitions_in_turn ? dispatcher::outlet::choice::none
                                             : dispatcher::outlet::choice::index;
    }
    return etf::cursor(event.bytes()).read_unsigned(partition) ? dispatcher::outlet::choice::index
                                                               : dispatcher::outlet::choice::none;
  }
  bool format_discarded(std::uint64_t count) override {
    said_ += " dropped:" + std::to_string(count);
    return false;
  }
  void send(const runtime::destination&, message m, bool) override { said_ += " " + short_form(m); }
  std::vector<stage_overload> send_events(const runtime::pid& to, subscriber_id of, std::uint64_t events,
                                          message m, std::uint64_t most) override {
    if (full.contains(to.id)) return waiting.add_events(to, of, events, std::move(m), most);
    said_ += " " + short_form(m);
    if (on_events) on_events(m);
    return {};
  }
  std::uint64_t backlog(const runtime::pid& to, subscriber_id of) const override {
    return waiting.bytes(to, of);
  }
  void send_self(message m) override { said_ += " self:" + text(m); }
  message monitor(const runtime::destination&) override { return make_reference(); }
  void demonitor(const message&) override {}
  message make_reference() override {
    runtime::message_writer out;
    out.tuple(2);
    out.atom("ref");
    out.unsigned_integer(++references_);
    return out.take();
  }
  std::optional<runtime::destination> find(etf::bytes name) override {
    etf::cursor at(name);
    if (const auto pid = runtime::read_pid(at, names)) return *pid;
    if (!at.read_atom_is("up")) return std::nullopt;
    return runtime::pid{0, 4, 99, 0};
  }
  void go_on_later() override { said_ += " later"; }
  void subscribe_later(std::size_t which, base::nanos delay) override {
    said_ += " again:" + std::to_string(which) + "," + std::to_string(delay / base::nanos_per_second) + "s";
  }
  bool may_be_from(const runtime::pid& who) const override { return who.id != impostor; }
  void tell(level, std::string text) override { told = std::move(text); }
  base::nanos now() override { return 1; }

  runtime::node_names names{"test@localhost"};
  std::string told{};                   // the last line of the log
  bool counts = false;                  // true: a producer that emits all that is asked for
  bool passes = false;                  // true: a producer_consumer that emits all events that it gets
  std::uint32_t impostor = 0;           // messages in the name of the process with this id are refused
  std::uint64_t owes = 0;               // the sum of all demand of the producer
  std::uint64_t partitions_in_turn = 0; // N > 0: `choose` takes the event modulo N + 1; N means none
  std::string emits_when_cancelled{};
  std::set<std::uint32_t> full{}; // consumers that have no room for events
  stage_backlog waiting{};        // messages to these consumers
  std::function<void(const message&)> on_events{};
  stage_engine engine;

 private:
  // The message without its two processes: {Tag, Content}.
  static std::string short_form(const message& m) {
    const std::string all = text(m);
    const std::size_t at = all.find(",{<0.1.0>,");
    return at == std::string::npos ? all : (all[7] == 'c' ? "c{" : "p{") + all.substr(at + 10);
  }

  std::string said_;
  std::uint64_t next_ = 0;
  std::uint64_t references_ = 0;
};

inline std::string subscribe(std::string_view who, std::string_view tag, std::string_view options = "[]") {
  return "{'$gen_producer',{" + std::string(who) + "," + std::string(tag) + "},{subscribe,nil," +
         std::string(options) + "}}";
}
inline std::string ask(std::string_view tag, std::string_view count) {
  return "{'$gen_producer',{<0.7.0>," + std::string(tag) + "},{ask," + std::string(count) + "}}";
}

} // namespace coppice::test
