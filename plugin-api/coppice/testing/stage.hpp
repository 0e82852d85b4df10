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
// Demand, dispatchers, buffer and the ends of subscriptions are as in a node; emitted events are dispatched
// at once, except that choose runs for them when the callback has returned. Include it beside
// coppice/testing.hpp: a plugin then finds "coppice.stage_host/draft-2". Header-only. In the test's thread.
#pragma once

#include <coppice/testing.hpp>

#include <coppice/testing/stage_host.hpp>

namespace coppice::testing {

/// The options of a configuration's `stage:`, a keyword list with the keys of `configure` in
/// coppice/draft/stage.h, except subscribe_to; configure_stage() in its init has precedence. Call it before
/// the first peer is made.
inline void configure_stage(actor& of, const value& options) {
  detail::staged& stage = detail::staged::of(of.process());
  if (!stage.configure(options, false)) throw failure("a stage of this kind has no such options");
}
/// Events that it has emitted and no consumer has asked for.
inline std::uint64_t buffered(actor& of) {
  return detail::staged::of(of.process()).buffered();
}
/// Events that found its buffer full, or that its choose dropped.
inline std::uint64_t dropped(actor& of) {
  return detail::staged::of(of.process()).dropped();
}

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
  void cancel(const value& reason) {
    stage_->cancelled_by_peer(link_, COPPICE_STAGE_CANCEL, reason);
    stage_->settle();
  }
  /// This side's process ends; for a lost node the reason is `noconnection`.
  void down(const value& reason) {
    stage_->cancelled_by_peer(link_, COPPICE_STAGE_DOWN, reason);
    stage_->settle();
  }

 protected:
  staged_peer(std::shared_ptr<staged> stage, shared_link link)
      : stage_(std::move(stage)), link_(std::move(link)) {}
  static std::shared_ptr<staged> stage_of(actor& of) {
    if (!of.alive()) throw failure("this stage has ended, and takes no subscription");
    return std::static_pointer_cast<staged>(staged::of(of.process()).shared_from_this());
  }

  std::shared_ptr<staged> stage_;
  shared_link link_;
};

} // namespace detail

/// A consumer that has subscribed to the actor. It asks for events only when the test does.
class consumer_below : public detail::staged_peer {
 public:
  /// `tag`: any term; none: a reference. `options`: a keyword list.
  explicit consumer_below(actor& of, const value& options = std::vector<value>{}, const value& tag = {})
      : staged_peer(stage_of(of), nullptr) {
    link_ = stage_->subscribed_by_peer(options, tag);
    stage_->settle();
  }
  consumer_below& ask(std::uint64_t count) {
    stage_->asked_by_peer(link_, count);
    stage_->settle();
    return *this;
  }
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
                          const value& name = atom("producer"))
      : staged_peer(stage_of(of), nullptr) {
    link_ = stage_->subscribe(name, options);
    if (!link_) throw failure("this is no consumer, or no consumer subscribes with these options");
    stage_->settle();
  }
  /// All producers that the actor has subscribed to, oldest first, including ended subscriptions.
  static std::vector<producer_above> of(actor& of) {
    std::vector<producer_above> out;
    const auto stage =
        std::static_pointer_cast<detail::staged>(detail::staged::of(of.process()).shared_from_this());
    for (const auto& each : stage->links())
      if (!each->of_consumer) out.push_back(producer_above(stage, each));
    return out;
  }
  /// The destination that the actor has subscribed to.
  const value& name() const { return link_->to; }
  /// The number of events asked for, in all.
  std::uint64_t asked() const {
    std::uint64_t all = 0;
    for (const std::uint64_t each : link_->asks) all += each;
    return all;
  }
  /// Each demand, in order.
  const std::vector<std::uint64_t>& asks() const { return link_->asks; }
  /// Delivers a list of events.
  producer_above& deliver(const value& events) {
    stage_->delivered_by_peer(link_, events);
    stage_->settle();
    return *this;
  }

 private:
  using staged_peer::staged_peer;
};

} // namespace coppice::testing
