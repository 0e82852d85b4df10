// SPDX-License-Identifier: MIT
// Named events for tests: events that an actor publishes, its subscriptions, and the messages that a node
// would send to it. Include it beside coppice/testing.hpp; without it the host has no coppice.channel.
//
//   named_events events(one);
//   one.call("{order, 3}"_erl);
//   CHECK(events.published().at(0).payload == "{order, 3}"_erl);
//   CHECK(events.subscriptions().at(0).name == "orders");
//   one.info(event_message("orders", 1, "{order, 4}"_erl));
//   one.info(event_gap_message("orders", 2, 5));
//   one.info(event_end_message("orders", atom("unregistered")));
//
// Events belong to one actor: each actor has its own names, and each event counts from 1. In the
// test's thread.
#pragma once

#include <coppice/draft/channel.h>
#include <coppice/etf/utf8.hpp>
#include <coppice/testing.hpp>
#include <coppice/testing/calls.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace coppice::testing {

struct published_event {
  std::string name;
  std::uint64_t seq = 0;
  value payload;
};

struct event_subscription {
  std::string name;
  std::string node; ///< empty: the actor's node
  std::uint32_t begin = COPPICE_CHANNEL_BUFFERED;
  std::uint32_t creation = 0; ///< with COPPICE_CHANNEL_AFTER, as `after`
  std::uint64_t after = 0;
  bool link = false;
};

namespace detail {

class event_book final : public engine {
 public:
  static constexpr std::string_view interface_name = COPPICE_CHANNEL_DRAFT_2;

  struct source {
    std::uint64_t token = 0;
    std::uint64_t last = 0;
    coppice_channel_options options{};
  };

  explicit event_book(world& of) : world_(&of) {}
  static event_book& of(world& w) { return engine_of<event_book>(w); }

  std::map<std::string, source> sources;
  std::vector<published_event> published;
  std::vector<event_subscription> subscriptions;
  std::set<std::string> absent; ///< events that do not exist on this node
  std::size_t room = SIZE_MAX;  ///< publications with PARK until COPPICE_E_FULL
  std::uint64_t last_token = 1000;

  std::optional<call> next(world&) override { return std::nullopt; }
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* next) override { world_ = next; }
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool) override;

 private:
  world* world_; // null: no actor
};

const coppice_channel_api* event_interface();
inline const bool event_interface_is_known =
    more_interfaces().emplace(COPPICE_CHANNEL_DRAFT_2, event_interface()).second;

} // namespace detail

/// An actor's events; a restored actor has those of its former generation. The actor must outlive this
/// object.
class named_events {
 public:
  explicit named_events(actor& of) : book_(&detail::event_book::of(of.process())) {}

  /// The published events; the test may read and clear the list.
  std::vector<published_event>& published() { return book_->published; }
  const std::vector<event_subscription>& subscriptions() const { return book_->subscriptions; }
  /// Whether the actor has registered an event and not ended it.
  bool has(const std::string& name) const { return book_->sources.contains(name); }
  /// From now on its node has no such event.
  void forget(const std::string& name) { book_->absent.insert(name); }
  /// With slow_subscriber::park: `count` more publications succeed, then COPPICE_E_FULL.
  void leave_room(std::size_t count) { book_->room = count; }

 private:
  detail::event_book* book_;
};

/// The messages of a subscription, for actor::send(). `node` as in the subscription.
value event_message(std::string_view name, std::uint64_t seq, const value& payload,
                    std::string_view node = {}, std::int64_t time = 1'700'000'000'000'000'000);
value event_gap_message(std::string_view name, std::uint64_t first, std::uint64_t last,
                        std::string_view node = {});
value event_end_message(std::string_view name, const value& reason, std::string_view node = {});
/// For a producer.
value event_subscribers_message(std::string_view name, std::uint64_t count);

} // namespace coppice::testing
