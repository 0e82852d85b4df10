// SPDX-License-Identifier: MIT
// A channel carries one named event. A producer publishes payloads, each gets the next number, and each
// subscriber gets all events in order, or is told which numbers it will not get. The channel numbers and
// keeps events. Each worker has an event_outlet, which reads new events here and sends them to its
// subscribers, so publishing costs the same for one subscriber as for many.
//
// A channel keeps the last `buffer` events for later subscribers, and up to `queue` more that a subscriber
// has not been sent. A channel ends once and is not used again; a new channel of the same name continues its
// numbers. Any thread.
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
  std::uint64_t bytes = std::uint64_t{1} << 20; // most bytes of a payload, as an encoded term
  bool open = false;                            // any process that knows the name may publish
  bool notify = false; // the producer is told when the first subscriber comes and the last one leaves
  slow_subscriber slow = slow_subscriber::drop_old;
  bool operator==(const channel_options&) const = default;
};

// Position of an event in a channel. Numbers of different runs of a node are not related.
struct event_position {
  std::uint32_t creation = 0; // of the node. 0: this node's
  std::uint64_t seq = 0;
  bool operator==(const event_position&) const = default;
};

struct event_subscribe_options {
  // The first event of the subscription. buffered: the oldest kept event; now: the next event; after: the
  // event after `after`.
  enum class kind : std::uint8_t { buffered, now, after } begin = kind::buffered;
  event_position after{}; // for `after`: the last event that the subscriber has
  bool link = false;      // the end comes as an exit signal, not as a message
};

// The answer to a subscription. All 0: not known yet, for an event of another node.
struct subscription_begin {
  std::uint32_t creation = 0;
  std::uint64_t first = 0; // number of the first event to come, unless there is a gap
  std::uint64_t last = 0;  // number of the last event published so far
  std::uint32_t buffer = 0;
  std::uint32_t queue = 0;
};

// A new subscriber that its outlet has not taken yet.
struct joining_subscriber {
  std::uint64_t id = 0; // of the subscription, unique within the channel
  runtime::pid who;
  std::uint64_t cursor = 0; // the last event that it has, or is not to get
  bool foreign = false;     // its last event is of another run of the node: it begins with a gap
  bool link = false;
};

struct channel_counts {
  std::uint64_t published = 0;
  std::uint64_t lost = 0; // events that subscribers were not sent, summed over subscribers
  std::uint64_t last = 0;
  std::size_t subscribers = 0;
  std::size_t kept = 0;
  std::uint64_t sent_here = 0; // messages sent to subscribers of this node
  std::uint64_t sent_away = 0; // messages sent to subscribers of other nodes
  std::uint64_t lag = 0;       // events that the slowest subscriber has not been sent yet
};

// An outlet's report about a channel after working on it.
struct outlet_report {
  std::uint64_t needed_after = 0; // events up to here are not needed any more
  std::uint64_t lowest = 0;       // the last event that all of its subscribers were sent
  std::uint64_t lost = 0;         // since its last report; also sent_here and sent_away
  std::uint64_t sent_here = 0, sent_away = 0;
};

class event_channel : public std::enable_shared_from_this<event_channel> {
 public:
  // Most bytes of events kept beyond the buffer. For an event of another node: most bytes kept in all.
  static constexpr std::uint64_t most_queued_bytes = std::uint64_t{64} << 20;
  static constexpr std::size_t most_subscribers = 1'000'000;

  // A channel that numbers events itself is used after begin(). A channel that follows another node's event
  // is used after opened(). `label`: the name that subscribers see, a term. `outlets` outlive the channel.
  // `counted` is called, with the lock held, when the first subscriber comes and when the last one leaves;
  // it must not wait.
  event_channel(runtime::message label, std::vector<event_outlet*> outlets,
                std::function<void(std::size_t subscribers)> counted);

  // For a channel of this node, before it is used.
  void begin(std::uint32_t creation, std::uint64_t last, const channel_options& options);
  void change(const channel_options& options);
  channel_options options() const;

  enum class outcome : std::uint8_t { published, closed, too_large, full };
  // `payload`: one canonical term. `seq`: set to the event's number. Result `full`: with
  // slow_subscriber::park, a subscriber has not been sent the oldest kept event.
  outcome publish(etf::bytes payload, std::uint64_t* seq = nullptr);
  // `then` is called once, when there may be room or the channel has ended; it must not wait. Returns a
  // number for no_longer_waits(), after which `then` is not called.
  std::uint64_t when_room(std::function<void()> then);
  void no_longer_waits(std::uint64_t number);

  // For an event of another node: it is subscribed there, and the subscriptions here begin.
  void opened(const subscription_begin& how);
  void append(std::uint64_t seq, std::int64_t time, etf::bytes payload);
  // For an event of another node: no event up to this number will come.
  void skip(std::uint64_t seq);

  // Ends the channel: its subscribers get the kept events, then the end. Later events and calls are ignored.
  void end(runtime::message reason);
  bool ended() const;
  // Ends a channel without subscribers. False: it has subscribers.
  bool end_if_idle();

  // `outlet`: index of the outlet that will send the events. errc::exists: `who` has subscribed already;
  // errc::closed: the channel has ended; errc::limit: there are most_subscribers.
  base::result<subscription_begin> subscribe(const runtime::pid& who, std::size_t outlet,
                                             const event_subscribe_options& how);
  bool has(const runtime::pid& who) const;
  // At most `most` of the subscribers, in no order.
  std::vector<runtime::pid> some_subscribers(std::size_t most) const;
  // False: `who` has not subscribed.
  bool unsubscribe(const runtime::pid& who);

  channel_counts counts() const;
  const runtime::message& label() const { return label_; }
  std::uint32_t creation() const;
  std::uint64_t last() const;

  // For outlets; `outlet` is the caller's index.
  struct entry {
    std::uint64_t seq = 0;
    runtime::message event; // {event, Name, Seq, Time, Payload}
  };
  struct reading {
    std::vector<entry> entries;
    std::uint64_t last = 0; // number of the newest event
    bool ended = false;
    runtime::message reason{}; // for `ended`
    slow_subscriber slow = slow_subscriber::drop_old;
  };
  // Reads the events after `after`, at most `most`. Events published from now on are news to the outlet.
  reading read(std::size_t outlet, std::uint64_t after, std::size_t most);
  // The outlet has taken the subscriber, and reports for it from now on.
  void joined(std::size_t outlet, const joining_subscriber& one);
  void passed(std::size_t outlet, const outlet_report& what);
  // The subscriber has gone. A later subscription of the same process is not affected.
  void left(const runtime::pid& who, std::uint64_t id);

 private:
  struct part { // the state of one outlet
    std::uint64_t needs_after;
    std::uint64_t lowest;
    std::vector<joining_subscriber> joining;
    std::size_t subscribers = 0;
    bool has_news = false; // the outlet was told of new events
  };
  struct registration {
    std::uint64_t id;
    std::size_t outlet;
  };
  struct early_subscriber { // a subscriber of a channel that is not open yet
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
  std::uint64_t live_after_ = 0; // event of another node: the last number when it opened
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
  bool follows_ = false; // it follows another node's event; that node does not decide how much is kept here
  std::optional<runtime::message> ended_;
};

} // namespace coppice::behaviours
