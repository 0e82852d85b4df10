// SPDX-License-Identifier: MIT
// The engine of a stage under test: subscriptions, demand, buffer, and the order of callbacks, as in a node.
// Header-only. In the test's thread.
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
  static bool is_stage(const world& w) {
    const std::string_view is = w.type->behaviour;
    return is == "producer" || is == "producer_consumer" || is == "consumer";
  }
  static staged& of(world& w) {
    if (!is_stage(w)) throw failure("this actor is no stage");
    return engine_of<staged>(w);
  }

  // ---- for the test and its peers ----

  /// Null: the actor is not a consumer, or the options are wrong.
  shared_link subscribe(const value& to, const value& options) {
    const shared_link made = std::make_shared<staged_link>();
    made->of_consumer = false;
    made->to = to;
    made->tag = fresh_reference(world_->others.node());
    made->party = std::pair(to.term(), made->tag.term());
    made->options = options;
    if (!consumes() || !read_subscription(*made)) return nullptr;
    links_.push_back(made);
    due_.push_back([this, made] { return begin(made, COPPICE_STAGE_PRODUCER); });
    return made;
  }
  shared_link subscribed_by_peer(const value& options, const value& tag) {
    if (!produces()) throw failure("this is a consumer, which has no consumers");
    const shared_link made = std::make_shared<staged_link>();
    made->tag = tag ? tag : fresh_reference("peer@localhost");
    const value pid = fresh_pid("peer@localhost");
    made->party = std::pair(pid.term(), made->tag.term());
    made->options = options;
    const bool is_known = std::ranges::any_of(
        links_, [&](const auto& one) { return one->open && one->of_consumer && one->tag == made->tag; });
    links_.push_back(made);
    if (is_known) {
      made->open = false;
      made->cancelled = atom("duplicated_subscription");
    } else {
      due_.push_back([this, made] { return begin(made, COPPICE_STAGE_CONSUMER); });
    }
    return made;
  }
  void asked_by_peer(const shared_link& by, std::uint64_t count) {
    due_.push_back([this, by, count]() -> std::optional<call> {
      if (!by->open || count == 0) return std::nullopt;
      by->asked += count;
      asked_above(options_.dispatcher->ask(by, count));
      return std::nullopt;
    });
  }
  void delivered_by_peer(const shared_link& by, const value& events) {
    due_.push_back([this, by, events]() -> std::optional<call> {
      if (by->open) take(by, events);
      return std::nullopt;
    });
  }
  void cancelled_by_peer(const shared_link& by, std::uint32_t how, const value& reason) {
    due_.push_back([this, by, how, reason] {
      return by->of_consumer ? end_consumer(by, how, reason) : end_producer(by, how, reason);
    });
  }
  void settle() {
    if (world_ != nullptr) world_->go_on();
  }
  const std::vector<shared_link>& links() const { return links_; }
  std::uint64_t buffered() const { return stored() + options_.dispatcher->queued() + accumulated_events(); }
  std::uint64_t dropped() const { return dropped_; }

  // ---- for the actor ----

  void emit(std::deque<value> events) { dispatch(std::move(events)); }
  /// An open subscription. Null: there is none (any more).
  shared_link find(const value& party) const {
    const auto is_it = [&party](const auto& one) { return one->open && one->party == party; };
    const auto found = std::ranges::find_if(links_, is_it);
    return found == links_.end() ? nullptr : *found;
  }
  static void ask(staged_link& of, std::uint64_t count) {
    if (count == 0 || !of.open) return;
    of.asks.push_back(count);
    of.due += count;
  }
  void cancel(const shared_link& one, const value& reason) {
    if (!one->of_consumer) one->cancelled = reason; // this confirms it
    cancelled_by_peer(one, COPPICE_STAGE_CANCEL, reason);
  }
  void set_demand(bool forward) {
    due_.push_back([this, forward]() -> std::optional<call> {
      accumulating_ = !forward;
      if (!forward) return std::nullopt;
      for (auto& each : std::exchange(accumulated_, {})) {
        if (auto* events = std::get_if<std::deque<value>>(&each))
          dispatch(std::move(*events));
        else
          asked_above(std::get<std::uint64_t>(each));
      }
      return std::nullopt;
    });
  }
  void inform_after_events(const value& what) {
    due_.push_back([this, what]() -> std::optional<call> {
      if (!queue_.empty())
        queue_.emplace_back(waiting{nullptr, {}, what});
      else
        keep_or_inform(what);
      return std::nullopt;
    });
  }
  /// False: it has no such options. Options from init have precedence over the configuration's.
  bool configure(const value& options, bool in_init) {
    if (std::ranges::any_of(links_, [](const auto& one) { return one->of_consumer; })) return false;
    const bool done = options_.read(role(), options, in_init);
    for (const auto& [to, how] : std::exchange(options_.subscribe_to, {}))
      if (!subscribe(to, how)) return false;
    accumulating_ = options_.accumulates;
    return done;
  }

  // Called by its actor:
  std::optional<call> next(world& w) override {
    for (;;) {
      if (!w.mailbox.empty()) // a message to itself comes before due work
        return call{"stage", [](coppice_actor*, void*) { return COPPICE_OK; }};
      auto& from = at_once_.empty() ? due_ : at_once_;
      if (from.empty()) return std::nullopt;
      const step now = std::move(from.front());
      from.pop_front();
      if (auto made = now()) return made;
    }
  }
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* next) override {
    world_ = next;
    if (next == nullptr) return;
    on_ = table_of<coppice_stage>(*next->type, COPPICE_STAGE_DRAFT_2);
  }
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool) override {
    for (const auto& each : links_) each->open = false;
  }

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
  static bool goes_on(std::int32_t status) {
    return status == COPPICE_OK || status == COPPICE_CONTINUE || status == COPPICE_HIBERNATE ||
           status == COPPICE_UNHANDLED || status == COPPICE_STAGE_MANUAL || status == COPPICE_STAGE_NONE ||
           status == COPPICE_STAGE_BY_HASH;
  }
  static std::int32_t plain_status(std::int32_t status) {
    return status == COPPICE_CONTINUE || status == COPPICE_HIBERNATE ? status : COPPICE_OK;
  }
  void inform(const value& what) { deliver(*world_, world_->self, what, false); }
  void keep_or_inform(const value& what) {
    if (buffer_.empty()) return inform(what);
    buffer_.push_back({what, true});
  }

  // ---- the ends of subscriptions ----

  std::optional<call> begin(const shared_link& one, std::uint32_t peer) {
    return call{"handle_subscribe", [this, one, peer](coppice_actor* self, void* state) {
                  std::int32_t status = COPPICE_OK;
                  if (on_.handle_subscribe != nullptr) {
                    const lent options(one->options);
                    const lent party(one->party);
                    status = on_.handle_subscribe(self, state, peer, options.get(), party.bytes());
                  }
                  if (!goes_on(status)) return status;
                  if (one->of_consumer) {
                    if (const auto why = options_.dispatcher->subscribe(one))
                      at_once_.push_back([this, one, why] {
                        return end_consumer(one, COPPICE_STAGE_CANCEL,
                                            std::pair(etf::atom{"bad_opts"}, std::string_view(*why)));
                      });
                  } else if (status == COPPICE_STAGE_MANUAL) {
                    one->manual = true;
                  } else {
                    one->pending = one->max;
                    ask(*one, one->max);
                  }
                  return plain_status(status);
                }};
  }
  std::int32_t tell_cancel(coppice_actor* self, void* state, const staged_link& one, std::uint32_t how,
                           const value& reason) const {
    if (on_.handle_cancel == nullptr) return COPPICE_OK;
    const lent why(reason);
    const lent party(one.party);
    return on_.handle_cancel(self, state, how, why.get(), party.bytes());
  }
  std::optional<call> end_consumer(const shared_link& one, std::uint32_t how, const value& reason) {
    if (!one->open) return std::nullopt;
    one->open = false;
    one->cancelled = reason;
    return call{"handle_cancel", [this, one, how, reason](coppice_actor* self, void* state) {
                  const std::int32_t status = tell_cancel(self, state, *one, how, reason);
                  if (!goes_on(status)) return status;
                  const std::uint64_t open = options_.dispatcher->cancel(one);
                  if (options_.dispatcher->partitions()) dropped_ += open;
                  asked_above(open);
                  return plain_status(status);
                }};
  }
  std::optional<call> end_producer(const shared_link& one, std::uint32_t how, const value& reason) {
    if (!one->open) return std::nullopt;
    one->open = false;
    if (queue_.empty()) return ended_producer(one, how, reason);
    queue_.emplace_back(waiting{one, {}, reason, how}); // after its events
    return std::nullopt;
  }
  std::optional<call> ended_producer(const shared_link& one, std::uint32_t how, const value& reason) {
    return call{"handle_cancel", [this, one, how, reason](coppice_actor* self, void* state) {
                  const std::int32_t status = tell_cancel(self, state, *one, how, reason);
                  if (!goes_on(status)) return status;
                  const bool ends =
                      one->cancel == "permanent" || (one->cancel == "transient" && !is_orderly(reason));
                  if (!ends || is_atom(reason, "already_subscribed")) return plain_status(status);
                  world_->error_reason = reason;
                  return COPPICE_STOP;
                }};
  }
  // The other side is at fault, so the stage goes on whatever its cancel mode is.
  void give_up(const shared_link& one, std::string_view why) {
    one->cancelled = atom(why);
    one->cancel = "temporary";
    at_once_.push_back([this, one] { return end_producer(one, COPPICE_STAGE_CANCEL, one->cancelled); });
  }

  // ---- events from producers ----

  void take(const shared_link& from, const value& list) {
    std::deque<value> events;
    if (!read_events(list, events)) return give_up(from, "bad_events");
    const std::uint64_t within = std::min<std::uint64_t>(from->due, events.size());
    from->due -= within;
    from->excess += events.size() - within;
    from->excess -= std::min(from->excess, within);
    if (from->excess > 2 * from->max) return give_up(from, "excess_events");
    if (role() == "consumer") return handle(from, std::move(events));
    queue_.emplace_back(waiting{from, std::move(events), {}});
    handle_queued();
  }
  // In batches of at most max - min. After a batch the stage asks for the events that bring demand back to
  // max.
  void handle(const shared_link& from, std::deque<value> events) {
    const std::size_t most =
        from->manual || !from->open ? events.size() : static_cast<std::size_t>(from->max - from->min);
    std::uint64_t within = from->pending; // how many of these were asked for
    while (!events.empty()) {
      const auto cut = events.begin() + static_cast<std::ptrdiff_t>(std::min(most, events.size()));
      const std::vector<value> batch(events.begin(), cut);
      events.erase(events.begin(), cut);
      std::uint64_t asks = 0;
      if (!from->manual && from->open) {
        const std::uint64_t counted = std::min<std::uint64_t>(batch.size(), within);
        within -= counted;
        from->pending -= std::min(from->pending, counted);
        if (from->pending <= from->min) asks = from->max - std::exchange(from->pending, from->max);
      }
      at_once_.push_back([this, from, batch, asks]() -> std::optional<call> {
        return call{"handle_events", [this, from, batch, asks](coppice_actor* self, void* state) {
                      const lent list{value(batch)};
                      const lent party(from->party);
                      const std::int32_t status = on_.handle_events(self, state, list.get(), party.bytes());
                      if (!goes_on(status)) return status;
                      ask(*from, asks);
                      return plain_status(status);
                    }};
      });
    }
  }
  void handle_queued() {
    at_once_.push_back([this]() -> std::optional<call> {
      if (below_ == 0 || queue_.empty()) return std::nullopt;
      waiting first = std::move(queue_.front());
      queue_.pop_front();
      if (first.from == nullptr)
        keep_or_inform(first.what);
      else if (first.how == 0)
        handle(first.from, std::move(first.events));
      handle_queued();
      return first.how == 0 ? std::nullopt : ended_producer(first.from, first.how, first.what);
    });
  }

  // ---- demand of consumers ----

  void asked_above(std::uint64_t count) {
    if (role() == "producer_consumer") {
      below_ += count;
      take_from_buffer(below_);
      return handle_queued();
    }
    count = take_from_buffer(count);
    if (count == 0) return;
    if (accumulating_) return accumulated_.emplace_back(count), void();
    const std::uint64_t now = std::min(count, options_.demand_step);
    at_once_.push_back([this, now]() -> std::optional<call> {
      return call{"handle_demand", [this, now](coppice_actor* self, void* state) {
                    const std::int32_t status = on_.handle_demand(self, state, now);
                    return goes_on(status) ? plain_status(status) : status;
                  }};
    });
    if (count == now) return;
    due_.push_back([this, left = count - now]() -> std::optional<call> {
      asked_above(left); // some of these may be in the buffer by now
      return std::nullopt;
    });
  }
  // Serves `count` from the buffer. Returns the part that is left.
  std::uint64_t take_from_buffer(std::uint64_t count) {
    while (count != 0 && !buffer_.empty()) {
      std::deque<value> events;
      while (!buffer_.empty() && (buffer_.front().is_info || events.size() < count)) {
        const kept first = std::move(buffer_.front());
        buffer_.pop_front();
        if (first.is_info)
          inform(first.term);
        else
          events.push_back(first.term);
      }
      count -= events.size();
      dispatch(std::move(events));
    }
    return count;
  }

  // ---- events to consumers ----

  void dispatch(std::deque<value> events) {
    if (events.empty()) return;
    if (!produces()) {
      world_->did.logs.push_back({COPPICE_LOG_ERROR, "a consumer has nobody to give its events to", {}});
      return;
    }
    if (accumulating_) return accumulate(std::move(events));
    if (options_.dispatcher->partitions()) {
      std::ranges::move(events, std::back_inserter(to_route_));
      at_once_.push_back([this] { return route(); });
      return;
    }
    const std::uint64_t count = std::min<std::uint64_t>(options_.dispatcher->room(), events.size());
    const auto cut = events.begin() + static_cast<std::ptrdiff_t>(count);
    options_.dispatcher->dispatch(std::deque<value>(events.begin(), cut), 0);
    below_ -= std::min(below_, count);
    store(std::deque<value>(cut, events.end()));
  }
  // Routes events one by one, by the actor's choose.
  std::optional<call> route() {
    while (!to_route_.empty()) {
      if (options_.dispatcher->room() == 0) {
        store(std::exchange(to_route_, {}));
        break;
      }
      const value event = std::move(to_route_.front());
      to_route_.pop_front();
      if (on_.choose == nullptr) {
        routed(event, COPPICE_STAGE_BY_HASH, 0);
        continue;
      }
      return call{"choose", [this, event](coppice_actor* self, void* state) {
                    const lent given(event);
                    std::uint64_t partition = 0;
                    const std::int32_t status = on_.choose(self, state, given.get(), &partition);
                    routed(event, status, partition);
                    at_once_.push_front([this] { return route(); });
                    return COPPICE_OK;
                  }};
    }
    return std::nullopt;
  }
  void routed(const value& event, std::int32_t status, std::uint64_t partition) {
    const std::uint64_t partitions = *options_.dispatcher->partitions();
    if (status == COPPICE_STAGE_BY_HASH || status == COPPICE_UNHANDLED) {
      const coppice_bytes term{event.bytes().data(), event.bytes().size()};
      partition = partitions == 0 ? 0 : hash(term) % partitions;
      status = COPPICE_OK;
    }
    below_ -= std::min<std::uint64_t>(below_, 1);
    if (status != COPPICE_OK || !options_.dispatcher->dispatch(std::deque<value>{event}, partition))
      ++dropped_;
  }
  // How many events have no room beside `held`. The last ones are dropped if the first ones are to be kept.
  std::uint64_t cut_to_room(std::deque<value>& events, std::uint64_t held) const {
    const std::uint64_t room = options_.buffer_size - std::min(options_.buffer_size, held);
    const std::uint64_t over = events.size() - std::min<std::uint64_t>(room, events.size());
    if (options_.keeps_first) events.resize(events.size() - static_cast<std::size_t>(over));
    return over;
  }
  std::uint64_t stored() const {
    return static_cast<std::uint64_t>(std::ranges::count(buffer_, false, &kept::is_info));
  }
  void store(std::deque<value> events) {
    if (events.empty()) return;
    const std::uint64_t over = cut_to_room(events, stored());
    for (value& each : events) buffer_.push_back({std::move(each), false});
    for (std::uint64_t left = options_.keeps_first ? 0 : over; left != 0;) {
      const kept first = std::move(buffer_.front());
      buffer_.pop_front();
      if (first.is_info)
        inform(first.term);
      else
        --left;
    }
    discard(over);
  }
  void accumulate(std::deque<value> events) {
    const std::uint64_t over = cut_to_room(events, accumulated_events());
    accumulated_.emplace_back(std::move(events));
    std::uint64_t left = options_.keeps_first ? 0 : over;
    for (auto& each : accumulated_) {
      auto* const old = std::get_if<std::deque<value>>(&each);
      for (; old != nullptr && left != 0 && !old->empty(); --left) old->pop_front();
    }
    discard(over);
  }
  std::uint64_t accumulated_events() const {
    std::uint64_t all = 0;
    for (const auto& each : accumulated_)
      if (const auto* const events = std::get_if<std::deque<value>>(&each)) all += events->size();
    return all;
  }
  void discard(std::uint64_t count) {
    if (count == 0) return;
    dropped_ += count;
    at_once_.push_back([this, count]() -> std::optional<call> {
      return call{
          "format_discarded", [this, count](coppice_actor* self, void* state) {
            const bool silent = on_.format_discarded != nullptr &&
                                on_.format_discarded(self, state, count) == COPPICE_STAGE_NONE;
            if (!silent)
              world_->did.logs.push_back({COPPICE_LOG_WARNING,
                                          "the buffer is full: " + std::to_string(count) + " events dropped",
                                          {}});
            return COPPICE_OK;
          }};
    });
  }

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
