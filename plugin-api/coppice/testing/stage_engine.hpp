// SPDX-License-Identifier: MIT
// The engine of a stage under test: subscriptions, demand, buffer, and the order of callbacks, as in a node.
// In the test's thread.
#pragma once

#include <coppice/detail/behaviours.h>
#include <coppice/draft/stage.h>

#include <deque>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include <coppice/testing/calls.hpp>
#include <coppice/testing/stage_options.hpp>

namespace coppice::testing::detail {

class staged final : public engine {
 public:
  explicit staged(world& of) : options_(of.type->behaviour) { carried_to(&of); }

  static constexpr std::string_view interface_name = COPPICE_STAGE_HOST_DRAFT_2;
  static bool is_stage(const world& w);
  static staged& of(world& w);

  // ---- for the test and its peers ----

  /// Null: the actor is not a consumer, or the options are wrong.
  shared_link subscribe(const value& to, const value& options);
  shared_link subscribed_by_peer(const value& options, const value& tag);
  void asked_by_peer(const shared_link& by, std::uint64_t count);
  void delivered_by_peer(const shared_link& by, const value& events);
  void cancelled_by_peer(const shared_link& by, std::uint32_t how, const value& reason);
  void settle();
  const std::vector<shared_link>& links() const { return links_; }
  std::uint64_t buffered() const { return stored() + options_.dispatcher->queued() + accumulated_events(); }
  std::uint64_t dropped() const { return dropped_; }

  // ---- for the actor ----

  void emit(std::deque<value> events) { dispatch(std::move(events)); }
  /// An open subscription. Null: there is none (any more).
  shared_link find(const value& party) const;
  static void ask(staged_link& of, std::uint64_t count);
  void cancel(const shared_link& one, const value& reason);
  void set_demand(bool forward);
  void inform_after_events(const value& what);
  /// False: it has no such options. Options from init have precedence over the configuration's.
  bool configure(const value& options, bool in_init);

  // Called by its actor:
  std::optional<call> next(world& w) override;
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* next) override;
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool) override;

 private:
  using step = std::function<std::optional<call>()>;
  struct kept {
    value term;
    bool is_info = false;
  };
  // Events that a producer_consumer holds until its consumers want events.
  struct waiting {
    shared_link from; // null: a message to itself
    std::deque<value> events;
    value what;            // the message, or the reason of the end
    std::uint32_t how = 0; // how it ended; 0: it has not
  };

  std::string_view role() const { return world_->type->behaviour; }
  bool produces() const { return role() != "consumer"; }
  bool consumes() const { return role() != "producer"; }
  // Whether the stage goes on after a callback with this status.
  static bool goes_on(std::int32_t status);
  static std::int32_t plain_status(std::int32_t status);
  void inform(const value& what) { deliver(*world_, world_->self, what, false); }
  void keep_or_inform(const value& what);

  // ---- the ends of subscriptions ----

  std::optional<call> begin(const shared_link& one, std::uint32_t peer);
  std::int32_t tell_cancel(coppice_actor* self, void* state, const staged_link& one, std::uint32_t how,
                           const value& reason) const;
  std::optional<call> end_consumer(const shared_link& one, std::uint32_t how, const value& reason);
  std::optional<call> end_producer(const shared_link& one, std::uint32_t how, const value& reason);
  std::optional<call> ended_producer(const shared_link& one, std::uint32_t how, const value& reason);
  // The other side is at fault, so the stage goes on whatever its cancel mode is.
  void give_up(const shared_link& one, std::string_view why);

  // ---- events from producers ----

  void take(const shared_link& from, const value& list);
  // In batches of at most max - min. After a batch the stage asks for the events that bring demand back to
  // max.
  void handle(const shared_link& from, std::deque<value> events);
  void handle_queued();

  // ---- demand of consumers ----

  void asked_above(std::uint64_t count);
  // Serves `count` from the buffer. Returns the part that is left.
  std::uint64_t take_from_buffer(std::uint64_t count);

  // ---- events to consumers ----

  void dispatch(std::deque<value> events);
  // Routes events one by one, by the actor's choose.
  std::optional<call> route();
  void routed(const value& event, std::int32_t status, std::uint64_t partition);
  // How many events have no room beside `held`. The last ones are dropped if the first ones are to be kept.
  std::uint64_t cut_to_room(std::deque<value>& events, std::uint64_t held) const;
  std::uint64_t stored() const;
  void store(std::deque<value> events);
  void accumulate(std::deque<value> events);
  std::uint64_t accumulated_events() const;
  void discard(std::uint64_t count);

  world* world_ = nullptr; // null: between two generations
  coppice_stage on_{};
  std::vector<shared_link> links_;
  std::deque<step> at_once_; // before later messages
  std::deque<step> due_;

  staged_options options_;
  bool accumulating_ = false;
  std::deque<kept> buffer_;
  std::deque<std::variant<std::uint64_t, std::deque<value>>> accumulated_; // demands, or events
  std::deque<value> to_route_;
  std::uint64_t dropped_ = 0;
  std::deque<waiting> queue_;
  std::uint64_t below_ = 0; // demand of the consumers of a producer_consumer
};

} // namespace coppice::testing::detail
