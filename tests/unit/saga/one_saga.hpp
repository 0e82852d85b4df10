// SPDX-License-Identifier: MIT
// One core under test, orders@a; the test plays the other nodes, the actor, the disk and the clock. `out`
// has the effects of the last call alone. Writes reach the disk at once unless `holds_writes`. One thread.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>

#include "saga/core.hpp"

namespace coppice::saga::test {

constexpr base::nanos ms = base::nanos_per_ms;

inline term number(std::uint8_t value) {
  return {std::string{'a', static_cast<char>(value)}};
}
inline step_spec to(const std::string& node, std::uint8_t value, bool beside = false) {
  return {{"stock", node}, number(value), beside, 0, 0};
}
inline verdict steps(std::vector<step_spec> of) {
  return {verdict::kind::steps, {}, std::move(of)};
}
inline verdict says(verdict::kind what, std::uint8_t value = 0) {
  return {what, number(value), {}};
}

class one_saga {
 public:
  explicit one_saga(options with = {}) : how(with) {
    how.self = {"orders", "a"};
    restart();
  }

  // The node crashes, and starts again with the records on its disk.
  void restart() {
    std::vector<kept_record> kept;
    for (const auto& [key, what] : disk) kept.push_back({key, what});
    unwritten.clear();
    out.clear();
    auto made = core::start(how, std::move(kept), now, out);
    REQUIRE_MESSAGE(made, (made ? std::string() : made.error().text));
    machine = std::move(*made);
    note();
  }
  void begin(const std::string& tx = "t", std::uint8_t value = 1, const std::string& origin = "a") {
    out.clear();
    machine->begin(now, 1, origin, {tx, number(value), 0}, out);
    note();
  }
  void cancel(const std::string& origin = "a", const std::string& tx = "t") {
    out.clear();
    machine->cancel(now, 2, origin, tx, number(1), out);
    note();
  }
  // Returns how many steps and transactions the operator's decision decides. The decision is on the disk by
  // then.
  std::size_t resolve(bool commit, const std::string& tx = "t") {
    out.clear();
    machine->resolve(now, 3, tx, commit, out);
    note();
    REQUIRE(out.answers.size() == 1);
    CHECK(out.answers.front().token == 3);
    return out.answers.front().parts;
  }
  void pass(base::nanos span) {
    now += span;
    out.clear();
    machine->advance(now, out);
    note();
  }
  void answer(const call& one, verdict what) {
    const std::uint64_t token = one.token;
    out.clear();
    machine->answered(now, token, std::move(what), out);
    note();
  }
  // Answers the last call of this kind.
  void answer(callback what, verdict with) {
    const call* const one = called(what);
    REQUIRE(one != nullptr);
    answer(*one, std::move(with));
  }
  // The process that ran the last call of this kind has ended without an answer.
  void call_ends(callback what) {
    const call* const one = called(what);
    REQUIRE(one != nullptr);
    const std::uint64_t token = one->token;
    out.clear();
    machine->call_ended(now, token, out);
    note();
  }
  void receive(const std::string& node, message_body body) {
    out.clear();
    machine->receive(now, {{"stock", node}, how.self, std::move(body)}, out);
    note();
  }
  // The participant of a step of this node answers the request.
  void reply_to(const message& asked, answer_kind what = answer_kind::ok, std::uint8_t value = 0) {
    const request of = std::get<request>(asked.body);
    receive(asked.to.node(), reply{of.what, what, of.key, number(value)});
  }
  // A request from a coordinator on node b to this node.
  request asks(request_kind what, commit_kind kind = commit_kind::compensate, std::uint32_t step = 1,
               std::uint64_t left = 1000) const {
    return {what, kind, key(step), number(9), left};
  }
  step_key key(std::uint32_t step = 1) const { return {"t", {16, {{{"shop", "b"}, step}}}}; }

  void sync() {
    for (write& one : unwritten) {
      for (change& each : one.changes) {
        if (each.what)
          disk[each.key] = std::move(*each.what);
        else
          disk.erase(each.key);
      }
      machine->written(now, one.number, out);
    }
    unwritten.clear();
  }
  const call* called(callback what) const {
    const auto at =
        std::find_if(seen.rbegin(), seen.rend(), [&](const call& one) { return one.what == what; });
    return at == seen.rend() ? nullptr : &*at;
  }
  std::size_t calls(callback what) const {
    return static_cast<std::size_t>(
        std::count_if(out.calls.begin(), out.calls.end(), [&](const call& one) { return one.what == what; }));
  }
  std::vector<message> requests(request_kind what) const {
    std::vector<message> found;
    for (const message& one : out.messages)
      if (const auto* const in = std::get_if<request>(&one.body); in != nullptr && in->what == what)
        found.push_back(one);
    return found;
  }
  message only_request(request_kind what) const {
    const auto found = requests(what);
    REQUIRE(found.size() == 1);
    return found.front();
  }
  const reply* replied(request_kind what) const {
    for (const message& one : out.messages)
      if (const auto* const in = std::get_if<reply>(&one.body); in != nullptr && in->to == what) return in;
    return nullptr;
  }
  bool told(notice::kind what) const {
    return std::any_of(out.notices.begin(), out.notices.end(),
                       [&](const notice& one) { return one.what == what; });
  }
  std::uint64_t dropped(drop why) const { return machine->counted().dropped[static_cast<std::size_t>(why)]; }

  // Has to be called after a direct call of the core.
  void note() {
    for (write& one : out.writes) unwritten.push_back(std::move(one));
    out.writes.clear();
    if (!holds_writes) sync();
    for (const call& one : out.calls) seen.push_back(one);
  }

  options how;
  base::nanos now = 1000 * ms;
  effects out;
  bool holds_writes = false;
  std::vector<write> unwritten;
  std::map<record_key, record> disk;
  std::vector<call> seen; // all calls of this core
  std::unique_ptr<core> machine;
};

} // namespace coppice::saga::test
