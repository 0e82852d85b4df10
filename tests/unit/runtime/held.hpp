// SPDX-License-Identifier: MIT
// A process that cannot receive while others send to it. Shows in which order it receives the messages then.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actor.hpp"

namespace coppice::runtime::testing {

using words = std::vector<std::string>;

// The atom that a message is, or its last element: the reason of {'EXIT', From, Reason} and of 'DOWN'.
inline std::string word_of(const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  etf::bytes last = m.bytes();
  if (at.read_tuple(arity))
    for (std::uint32_t i = 0; i < arity; ++i) REQUIRE(at.read_term(last));
  std::string_view word;
  REQUIRE(etf::cursor(last).read_atom(word));
  return std::string(word);
}

// An actor that can be kept from receiving.
class held : public actor {
 public:
  explicit held(system& host, std::string name = {})
      : actor(host, {.name = std::move(name), .trap_exit = true}) {}

  // The order in which it receives what `send` sends while it cannot receive. `count`: how many messages;
  // more fail the test. `then`: what the process itself does before it can receive again.
  template <class Send>
  words order_of(std::size_t count, Send send, const std::function<void(process&)>& then = {}) const {
    std::promise<void> begun;
    std::promise<void> over;
    start([&](process& self) {
      begun.set_value();
      (void)self.blocking_run([&] { over.get_future().wait(); });
      if (then) then(self);
    });
    begun.get_future().wait();
    send();
    over.set_value();
    words order;
    for (std::size_t i = 0; i < count; ++i) order.push_back(word_of(next()));
    settle();
    CHECK(waiting() == 0);
    return order;
  }
  destination alias(urgency most, bool once = false) const {
    return destination::alias(run([=](process& self) { return self.make_alias(once, most); }));
  }
};

// Sends of one process, all in one turn.
template <class Does>
void in_turn(const actor& who, Does does) {
  who.run([&](process& self) { return does(self), 0; });
}

// Ends `who`. On a node with one worker, everything that the end makes it send has been sent when this
// returns, since `another` takes its turn only after the turn in which `who` died.
inline void end(const actor& who, std::string_view reason, const actor& another) {
  who.stop(atom(reason));
  CHECK(eventually([&] { return !who.alive(); }));
  another.settle();
}

} // namespace coppice::runtime::testing
