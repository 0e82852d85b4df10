// SPDX-License-Identifier: MIT
// A named event: who publishes gives it payloads, each gets the next number, and whoever has subscribed gets
// all of them in their order, or is told of which numbers nothing is left. A channel numbers and keeps; what
// brings its events to the subscribers is an event_outlet for each worker, which reads here what it has not
// passed on yet. So publishing costs as much for one subscriber as for many.
//
// Kept are the last `buffer` events for those who subscribe later, and up to `queue` more while a subscriber
// has not had them. A channel ends once and is not used again: what takes its place goes on with its numbers.
// Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "tree/events.hpp"

namespace coppice::behaviours {

class event_outlet;

using tree::slow_subscriber;

struct channel_options {
  std::uint32_t buffer = 0;
  std::uint32_t queue = 1000;
  std::uint64_t bytes = std::uint64_t{1} << 20; // of a payload, as a term
  bool open = false;                            // whoever knows the name may publish
  bool notify = false; // the producer hears when there are subscribers and when there are none any more
  slow_subscriber slow = slow_subscriber::drop_old;
  bool operator==(const channel_options&) const = default;
};

// An event of a channel: numbers of different lives of a node have nothing to do with each other.
struct event_position {
  std::uint32_t creation = 0; // of the node; 0: this one, whichever it is
  std::uint64_t seq = 0;
  bool operator==(const event_position&) const = default;
};

struct event_subscribe_options {
  // With which event it begins. buffered: with those that are kept; now: with the next one.
  enum class kind : std::uint8_t { buffered, now, after } begin = kind::buffered;
  event_position after{}; // kind::after: the last one that the subscriber has
  bool link = false;      // the end is an exit signal, not a message
};

// What a subscriber hears at once. All 0: not known yet, of an event of another node.
struct subscription_begin {
  std::uint32_t creation = 0;
  std::uint64_t first = 0; // of those that come, unless there is a gap
  std::uint64_t last = 0;  // published until now
  std::uint32_t buffer = 0;
  std::uint32_t queue = 0;
};

// A subscriber on its way to its outlet.
struct joining_subscriber {
  std::uint64_t id = 0; // of the subscription, unique within the channel
  runtime::pid who;
  std::uint64_t cursor = 0; // the last event that it has, or is not to get
  bool foreign = false;     // what it has is of another life: it begins with a gap
  bool link = false;
};

struct channel_counts {
  std::uint64_t published = 0;
  std::uint64_t lost = 0; // by subscribers, of each one what it was not sent
  std::uint64_t last = 0;
  std::size_t subscribers = 0;
  std::size_t kept = 0;
  std::uint64_t sent_here = 0; // messages to subscribers of this node,
  std::uint64_t sent_away = 0; // and to those of others
  std::uint64_t lag = 0;       // events that the slowest subscriber has not been sent yet
};

// What an outlet says of a channel after it has worked on it.
struct outlet_report {
  std::uint64_t needed_after = 0; // nothing up to here is needed any more
  std::uint64_t lowest = 0;       // the last event that each of its subscribers has had
  std::uint64_t lost = 0;         // since its last report, as the next two
  std::uint64_t sent_here = 0, sent_away = 0;
};

class event_channel : public std::enable_shared_from_this<event_channel> {
 public:
  // Beyond the buffer, events of so many bytes at most are kept; of another node's in all.
  static constexpr std::uint64_t most_queued_bytes = std::uint64_t{64} << 20;
  static constexpr std::size_t most_subscribers = 1'000'000;

  // It is used after begin(), if it gets its numbers here, or follows another node's event until it is
  // opened(). `label`: what subscribers know it by, a term. `outlets` outlive it. `counted` hears, under the
  // lock, of the first subscriber and of the last one's leave; it must not wait.
  event_channel(runtime::message label, std::vector<event_outlet*> outlets,
                std::function<void(std::size_t subscribers)> counted);

  // Of one from here, before it is used.
  void begin(std::uint32_t creation, std::uint64_t last, const channel_options& options);
  void change(const channel_options& options);
  channel_options options() const;

  enum class outcome : std::uint8_t { published, closed, too_large, full };
  // `payload`: one canonical term. full: with slow_subscriber::park, a subscriber has not had the oldest one.
  // `seq`: its number.
  outcome publish(etf::bytes payload, std::uint64_t* seq = nullptr);
  // `then` is called once, when there may be room, or the channel has ended; it must not wait. The number is
  // for no_longer_waits(), after which it is not called.
  std::uint64_t when_room(std::function<void()> then);
  void no_longer_waits(std::uint64_t number);

  // Of one from elsewhere. Those who have subscribed begin.
  void opened(const subscription_begin& how);
  void append(std::uint64_t seq, std::int64_t time, etf::bytes payload);
  // Up to here nothing more comes.
  void skip(std::uint64_t seq);

  // Its subscribers get what is kept, then its end. Once; what comes later is let pass.
  void end(runtime::message reason);
  bool ended() const;
  // Ends one that nobody has subscribed to. False: somebody has.
  bool end_if_idle();

  // `outlet`: which one is to bring him the events. errc::exists: he has subscribed; errc::closed: it ended;
  // errc::limit: most_subscribers have.
  base::result<subscription_begin> subscribe(const runtime::pid& who, std::size_t outlet,
                                             const event_subscribe_options& how);
  bool has(const runtime::pid& who) const;
  // False: he has not subscribed.
  bool unsubscribe(const runtime::pid& who);

  channel_counts counts() const;
  const runtime::message& label() const { return label_; }
  std::uint32_t creation() const;
  std::uint64_t last() const;

  // For outlets, which say which they are.
  struct entry {
    std::uint64_t seq = 0;
    runtime::message event; // {event, Name, Seq, Time, Payload}
  };
  struct reading {
    std::vector<entry> entries;
    std::uint64_t last = 0; // there is none after this
    bool ended = false;
    runtime::message reason{}; // for `ended`
    slow_subscriber slow = slow_subscriber::drop_old;
  };
  // Those after `after`, at most `most`. What is published from now on is news to the outlet.
  reading read(std::size_t outlet, std::uint64_t after, std::size_t most);
  // It has the subscriber, and asks for him from now on.
  void joined(std::size_t outlet, const joining_subscriber& one);
  void passed(std::size_t outlet, const outlet_report& what);
  // The subscriber is no more; of a later subscription of his nothing changes.
  void left(const runtime::pid& who, std::uint64_t id);

 private:
  struct part { // of an outlet
    std::uint64_t needs_after;
    std::uint64_t lowest;
    std::vector<joining_subscriber> joining;
    std::size_t subscribers = 0;
    bool has_news = false; // it has been told
  };
  struct registration {
    std::uint64_t id;
    std::size_t outlet;
  };
  struct early_subscriber { // of a channel that is not open yet
    runtime::pid who;
    event_subscribe_options how;
  };

  void keep(std::uint64_t seq, std::int64_t time, etf::bytes payload);
  void tell_outlets();
  std::uint64_t needed_after() const;
  bool is_over() const;
  bool is_full() const;
  void trim();
  void call_waiting();
  joining_subscriber place(const runtime::pid& who, std::uint64_t id,
                           const event_subscribe_options& how) const;
  void hand_over(std::size_t outlet, joining_subscriber one);
  void forget(const runtime::pid& who);
  subscription_begin state_after(std::uint64_t cursor) const;

  const runtime::message label_;
  const std::vector<event_outlet*> outlets_;
  const std::function<void(std::size_t)> counted_;

  mutable std::mutex lock_;
  channel_options options_;
  std::uint32_t creation_ = 0;
  std::uint64_t last_ = 0;
  std::uint64_t live_after_ = 0; // of one from elsewhere: its last one when it opened
  std::uint64_t published_ = 0, lost_ = 0, sent_here_ = 0, sent_away_ = 0;
  std::uint64_t last_id_ = 0;
  std::deque<entry> kept_;
  std::uint64_t kept_bytes_ = 0;
  std::vector<part> parts_;
  std::unordered_map<runtime::pid, registration, runtime::pid_hash> subscribers_;
  std::vector<early_subscriber> early_;
  std::map<std::uint64_t, std::function<void()>> waiting_; // by number
  std::uint64_t last_waiting_ = 0;
  bool open_ = false;
  bool follows_ = false; // another node's event: how much is kept is not that node's to say
  std::optional<runtime::message> ended_;
};

} // namespace coppice::behaviours
