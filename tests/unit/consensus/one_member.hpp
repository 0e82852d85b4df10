// SPDX-License-Identifier: MIT
// One core under test. The test plays the other members, the disk and the clock. Members are numbered from 1,
// and the core is number 1. `out` has only the results of the last call.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <vector>

#include "consensus/core.hpp"

namespace coppice::consensus::test {

constexpr base::nanos ms = base::nanos_per_ms;

inline member_id id(std::uint64_t number) {
  return {7, number};
}

inline payload bytes(std::string_view text) {
  return payload(base::as_bytes(text));
}

inline entry command(term_number term, std::string_view text) {
  return {term, 0, 0, entry_kind::command, bytes(text)};
}

inline configuration voters(std::uint64_t count) {
  configuration made;
  for (std::uint64_t i = 1; i <= count; ++i) made.put({id(i), member_role::voter, {}});
  return made;
}

class least final : public random_source {
 public:
  std::uint64_t next() override { return 0; } // every time-out is the shortest one
};

class one_member {
 public:
  explicit one_member(std::uint64_t members = 3) : one_member(core::first_state(voters(members))) {}
  explicit one_member(durable_state found, options with = {}) : how(with) {
    how.cluster = {1, 1};
    how.self = id(1);
    auto made = core::start(how, chance_, std::move(found), now, out);
    REQUIRE(made);
    machine = std::move(*made);
    disk_ = out.writes.empty() ? 0 : out.writes.back().number;
    sync();
  }

  void say(std::uint64_t from, term_number term, message_body body) {
    out.clear();
    machine->receive(now, {how.cluster, id(from), how.self, term, std::move(body)}, out);
    note();
  }
  void pass(base::nanos span) {
    now += span;
    out.clear();
    machine->advance(now, out);
    note();
  }
  // Everything written so far is on disk. The results are added to `out`.
  void sync() {
    out.writes.clear();
    machine->written(now, disk_, out);
    note();
  }
  // Makes the core the leader of the next term.
  void lead() {
    pass(how.election);
    say(2, machine->term() + 1, vote_answer{true, true});
    sync();
    say(2, machine->term(), vote_answer{false, true});
    REQUIRE(machine->what() == role::leader);
  }
  // As lead(), and its no-op is committed.
  void establish() {
    lead();
    sync();
    say(2, machine->term(), append_answer{true, machine->log().last(), 0, 0});
    REQUIRE(machine->established());
  }
  void append(std::string_view text, std::uint64_t token = 1) {
    out.clear();
    const proposal one{token, entry_kind::command, 0, 0, bytes(text)};
    machine->append(now, std::span(&one, 1), out);
    note();
  }
  // To be called after a direct call of the core, so that sync() covers its writes.
  void note() {
    if (!out.writes.empty()) disk_ = out.writes.back().number;
  }
  template <class Body>
  const Body* sent(std::uint64_t to) const {
    for (auto one = out.messages.rbegin(); one != out.messages.rend(); ++one)
      if (one->to == id(to))
        if (const Body* const body = std::get_if<Body>(&one->body)) return body;
    return nullptr;
  }
  // The heartbeat that may overtake the messages of `out`. None: there is none.
  std::optional<heartbeat> overtaking(std::uint64_t to) const {
    for (const message& one : out.messages)
      if (one.to == id(to))
        if (const auto made = machine->overtaking(one)) return std::get<heartbeat>(made->body);
    return std::nullopt;
  }
  std::uint64_t dropped(drop why) const { return machine->counted().dropped[static_cast<std::size_t>(why)]; }
  outcome answer_to(std::uint64_t token) const {
    for (const answer& one : out.answers)
      if (one.token == token) return one.what;
    FAIL("no answer");
    return outcome::unknown;
  }

  options how;
  base::nanos now = 1000 * ms;
  effects out;
  std::unique_ptr<core> machine;

 private:
  least chance_;
  std::uint64_t disk_ = 0;
};

} // namespace coppice::consensus::test
