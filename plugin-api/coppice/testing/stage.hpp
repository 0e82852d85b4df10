// SPDX-License-Identifier: MIT
// Stages under test: the test plays the producers above and the consumers below a stage. It sees how many
// events the stage asked for, and which consumer got which events.
//
//   actor doubler(numbers, {.actor = "doubler"});
//   producer_above above(doubler);                       // as its subscribe_to says in a configuration
//   consumer_below below(doubler);
//   CHECK(above.asked() == 1000);
//   below.ask(3);
//   above.deliver(std::vector{1, 2, 3, 4});
//   CHECK(below.take<std::int64_t>() == std::vector<std::int64_t>{2, 4, 6});
//   CHECK(buffered(doubler) == 1);
//
// Demand, dispatchers, buffer and the ends of subscriptions are those of a node, by the same engine. The
// lines that a node logs about them are in did.logs. Include it beside coppice/testing.hpp: a plugin then
// finds "coppice.stage_host/draft-2". In the test's thread.
#pragma once

#include <coppice/testing.hpp>

#include <coppice/testing/stage_host.hpp>

namespace coppice::testing {

/// The options of a configuration's `stage:`, a keyword list with the keys of `configure` in
/// coppice/draft/stage.h; configure_stage() in its init has precedence. Call it before the actor has a peer
/// or emits events; an actor that subscribes in its init has one.
void configure_stage(actor& of, const value& options);
/// Events that it has emitted and no consumer has asked for.
std::uint64_t buffered(actor& of);
/// Events that found its buffer full, or that its choose dropped.
std::uint64_t dropped(actor& of);

namespace detail {

/// The other end of a subscription. Copies refer to the same subscription. It stays valid when the actor has
/// ended and over a reload.
class staged_peer {
 public:
  bool subscribed() const { return link_->open; }
  /// {Pid, Tag}, as the actor's callbacks get it.
  const value& party() const { return link_->party; }
  const value& tag() const { return link_->tag; }
  /// The options of the subscription, from the consumer.
  const value& options() const { return link_->options; }
  /// Why the actor has ended the subscription, or confirmed its end. None: it has not.
  const value& cancelled() const { return link_->cancelled; }
  /// Ends the subscription from this side.
  void cancel(const value& reason);
  /// This side's process ends; for a lost node the reason is `noconnection`.
  void down(const value& reason);

 protected:
  staged_peer(std::shared_ptr<staged> stage, shared_link link);
  static std::shared_ptr<staged> stage_of(actor& of);

  std::shared_ptr<staged> stage_;
  shared_link link_;
};

} // namespace detail

/// A consumer that has subscribed to the actor. It asks for events only when the test does.
class consumer_below : public detail::staged_peer {
 public:
  /// `tag`: any term; none: a reference. `options`: a keyword list.
  explicit consumer_below(actor& of, const value& options = std::vector<value>{}, const value& tag = {});
  consumer_below& ask(std::uint64_t count);
  std::uint64_t asked() const { return link_->asked; }
  /// The number of events that came, in all.
  std::uint64_t received() const { return link_->received; }
  /// The events that came since the last call.
  template <class Event = value>
  std::vector<Event> take() {
    std::vector<Event> out;
    for (const value& each : std::exchange(link_->events, {})) {
      if constexpr (std::is_same_v<Event, value>)
        out.push_back(each);
      else
        out.push_back(each.as<Event>());
    }
    return out;
  }
};

/// A producer that the actor has subscribed to. It gives events only when the test does, also more than it
/// was asked for.
class producer_above : public detail::staged_peer {
 public:
  /// Makes the actor subscribe to it, as a configuration's subscribe_to does.
  explicit producer_above(actor& of, const value& options = std::vector<value>{},
                          const value& name = atom("producer"));
  /// All producers that the actor has subscribed to, oldest first, including ended subscriptions.
  static std::vector<producer_above> of(actor& of);
  /// The destination that the actor has subscribed to.
  const value& name() const { return link_->to; }
  /// The number of events asked for, in all.
  std::uint64_t asked() const;
  /// Each demand, in order.
  const std::vector<std::uint64_t>& asks() const { return link_->asks; }
  /// Delivers a list of events.
  producer_above& deliver(const value& events);

 private:
  using staged_peer::staged_peer;
};

} // namespace coppice::testing
