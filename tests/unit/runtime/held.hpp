// SPDX-License-Identifier: MIT
// A process that is kept from receiving while others send to it: shows in which order it receives then.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actor.hpp"

namespace coppice::runtime::testing {

using words = std::vector<std::string>;

// The atom a message is or has last: of {'EXIT', From, Reason} and 'DOWN' the reason.
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

// An actor that does nothing while others send to it.
class held : public actor {
 public:
  explicit held(system& host, std::string name = {})
      : actor(host, {.name = std::move(name), .trap_exit = true}) {}

  // What it receives, in this order, of what `send` sends while it can receive nothing. `then`: its own doing
  // before it can.
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

// Sends of a process, all in one turn.
template <class Does>
void in_turn(const actor& who, Does does) {
  who.run([&](process& self) { return does(self), 0; });
}

// Ends `who`. On a node with one worker all that it tells others has been sent when this returns: the worker
// takes a turn of `another` when that in which `who` has died is over.
inline void end(const actor& who, std::string_view reason, const actor& another) {
  who.stop(atom(reason));
  CHECK(eventually([&] { return !who.alive(); }));
  another.settle();
}

} // namespace coppice::runtime::testing
