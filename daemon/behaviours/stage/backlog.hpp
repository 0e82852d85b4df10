// SPDX-License-Identifier: MIT
// Messages that wait at a stage because their receivers have no room: a queue for each receiver, and the
// bytes of each subscription. Bounded: if the events that wait for one consumer here, or for all consumers of
// another node together, exceed the bound, the subscription with the most bytes loses its waiting events, and
// has to be ended. One thread at a time.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "behaviours/stage/dispatcher.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// A subscription that exceeded the bound: how many events were dropped, and their memory.
struct stage_overload {
  subscriber_id of = 0;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

class stage_backlog {
 public:
  using destination = runtime::destination;
  using message = runtime::message;

  // Most bytes of messages other than events, for one consumer here or for another node. Beyond it, the
  // caller has to take them out by take_line().
  static constexpr std::uint64_t most_others = 1 << 20;
  // Beyond it, a stage does not answer messages of subscriptions that it does not have.
  static constexpr std::uint64_t most_refusals = most_others / 2;

  bool empty() const { return lines_.empty(); }
  bool has(const destination& to) const { return lines_.contains(to); }
  // Bytes of events that wait for the consumer of a subscription.
  std::uint64_t bytes(const runtime::pid& to, subscriber_id of) const;

  // Whether so few bytes of messages other than events wait for `to`, or its node, that a message which may
  // be left out is added.
  bool has_room_for_refusal(const destination& to) const;
  // Queues a message for `to`. False: more than most_others wait for it, or for its node.
  bool add(const destination& to, message m);
  // Queues a message with so many events. Returns the subscriptions that lost their waiting events; `of` may
  // be among them. A message that waits alone is kept, however large it is. `most` is in bytes.
  std::vector<stage_overload> add_events(const runtime::pid& to, subscriber_id of, std::uint64_t events,
                                         message m, std::uint64_t most);

  // Passes the messages of each receiver to `send` until it returns false.
  template <class Send> // bool(const destination&, const message&); false: no room
  void drain(Send&& send);
  // Takes all messages that wait for `to`.
  std::vector<message> take_line(const destination& to);
  void clear() noexcept;

 private:
  struct waiting {
    message what;
    subscriber_id of = 0; // 0: not events
    std::uint64_t events = 0;
  };
  using line = std::list<waiting>;
  struct share {
    std::uint64_t bytes = 0, events = 0;
    runtime::pid to;
    // Its messages in the line of `to`, in order: one process may have very many subscriptions, and taking
    // the messages of one of them out must not cost the whole line.
    std::list<line::iterator> places;
    std::uint64_t messages() const { return places.size(); }
  };
  // For a receiver of this node, or for another node.
  struct account {
    std::unordered_map<subscriber_id, share> subscriptions;
    std::uint64_t bytes = 0, messages = 0; // of all events
    std::uint64_t others = 0;              // bytes of messages other than events
    bool empty() const { return messages == 0 && others == 0; }
  };
  struct destination_hash {
    std::size_t operator()(const destination& of) const noexcept;
  };
  // Key of the account: a receiver of this node, or the node of other receivers.
  static destination holder(const destination& to) { return to.here() ? to : destination::at(to.node()); }
  static std::uint64_t weight(const waiting& one) { return one.what.footprint() + sizeof one; }
  void put(const destination& to, waiting one);
  // For the first message of a line, which is taken out next.
  void subtract(const destination& to, const waiting& one);
  stage_overload drop(account& from, subscriber_id of);

  std::unordered_map<destination, line, destination_hash> lines_;       // none is empty
  std::unordered_map<destination, account, destination_hash> accounts_; // none is empty
};

template <class Send>
void stage_backlog::drain(Send&& send) {
  for (auto at = lines_.begin(); at != lines_.end();) {
    line& all = at->second;
    while (!all.empty() && send(at->first, all.front().what)) {
      subtract(at->first, all.front());
      all.pop_front();
    }
    at = all.empty() ? lines_.erase(at) : std::next(at);
  }
}

} // namespace coppice::behaviours
