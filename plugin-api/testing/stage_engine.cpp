// SPDX-License-Identifier: MIT
// Subscriptions, demand and buffer of a stage under test. In the test's thread.
#include <coppice/testing/stage_engine.hpp>

#include <deque>
#include <utility>
#include <variant>

namespace coppice::testing::detail {

bool staged::is_stage(const world& w) {
  const std::string_view is = w.type->behaviour;
  return is == "producer" || is == "producer_consumer" || is == "consumer";
}

staged& staged::of(world& w) {
  if (!is_stage(w)) throw failure("this actor is no stage");
  return engine_of<staged>(w);
}

shared_link staged::subscribe(const value& to, const value& options) {
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

shared_link staged::subscribed_by_peer(const value& options, const value& tag) {
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

void staged::asked_by_peer(const shared_link& by, std::uint64_t count) {
  due_.push_back([this, by, count]() -> std::optional<call> {
    if (!by->open || count == 0) return std::nullopt;
    by->asked += count;
    asked_above(options_.dispatcher->ask(by, count));
    return std::nullopt;
  });
}

void staged::delivered_by_peer(const shared_link& by, const value& events) {
  due_.push_back([this, by, events]() -> std::optional<call> {
    if (by->open) take(by, events);
    return std::nullopt;
  });
}

void staged::cancelled_by_peer(const shared_link& by, std::uint32_t how, const value& reason) {
  due_.push_back([this, by, how, reason] {
    return by->of_consumer ? end_consumer(by, how, reason) : end_producer(by, how, reason);
  });
}

void staged::settle() {
  if (world_ != nullptr) world_->go_on();
}

shared_link staged::find(const value& party) const {
  const auto is_it = [&party](const auto& one) { return one->open && one->party == party; };
  const auto found = std::ranges::find_if(links_, is_it);
  return found == links_.end() ? nullptr : *found;
}

void staged::ask(staged_link& of, std::uint64_t count) {
  if (count == 0 || !of.open) return;
  of.asks.push_back(count);
  of.due += count;
}

void staged::cancel(const shared_link& one, const value& reason) {
  if (!one->of_consumer) one->cancelled = reason; // this confirms it
  cancelled_by_peer(one, COPPICE_STAGE_CANCEL, reason);
}

void staged::set_demand(bool forward) {
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

void staged::inform_after_events(const value& what) {
  due_.push_back([this, what]() -> std::optional<call> {
    if (!queue_.empty())
      queue_.emplace_back(waiting{nullptr, {}, what});
    else
      keep_or_inform(what);
    return std::nullopt;
  });
}

bool staged::configure(const value& options, bool in_init) {
  if (std::ranges::any_of(links_, [](const auto& one) { return one->of_consumer; })) return false;
  const bool done = options_.read(role(), options, in_init);
  for (const auto& [to, how] : std::exchange(options_.subscribe_to, {}))
    if (!subscribe(to, how)) return false;
  accumulating_ = options_.accumulates;
  return done;
}

std::optional<engine::call> staged::next(world& w) {
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

void staged::carried_to(world* next) {
  world_ = next;
  if (next == nullptr) return;
  on_ = table_of<coppice_stage>(*next->type, COPPICE_STAGE_DRAFT_2);
}

void staged::ended(bool) {
  for (const auto& each : links_) each->open = false;
}

bool staged::goes_on(std::int32_t status) {
  return status == COPPICE_OK || status == COPPICE_CONTINUE || status == COPPICE_HIBERNATE ||
         status == COPPICE_UNHANDLED || status == COPPICE_STAGE_MANUAL || status == COPPICE_STAGE_NONE ||
         status == COPPICE_STAGE_BY_HASH;
}

std::int32_t staged::plain_status(std::int32_t status) {
  return status == COPPICE_CONTINUE || status == COPPICE_HIBERNATE ? status : COPPICE_OK;
}

void staged::keep_or_inform(const value& what) {
  if (buffer_.empty()) return inform(what);
  buffer_.push_back({what, true});
}

std::optional<engine::call> staged::begin(const shared_link& one, std::uint32_t peer) {
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

std::int32_t staged::tell_cancel(coppice_actor* self, void* state, const staged_link& one, std::uint32_t how,
                                 const value& reason) const {
  if (on_.handle_cancel == nullptr) return COPPICE_OK;
  const lent why(reason);
  const lent party(one.party);
  return on_.handle_cancel(self, state, how, why.get(), party.bytes());
}

std::optional<engine::call> staged::end_consumer(const shared_link& one, std::uint32_t how,
                                                 const value& reason) {
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

std::optional<engine::call> staged::end_producer(const shared_link& one, std::uint32_t how,
                                                 const value& reason) {
  if (!one->open) return std::nullopt;
  one->open = false;
  if (queue_.empty()) return ended_producer(one, how, reason);
  queue_.emplace_back(waiting{one, {}, reason, how}); // after its events
  return std::nullopt;
}

std::optional<engine::call> staged::ended_producer(const shared_link& one, std::uint32_t how,
                                                   const value& reason) {
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

void staged::give_up(const shared_link& one, std::string_view why) {
  one->cancelled = atom(why);
  one->cancel = "temporary";
  at_once_.push_back([this, one] { return end_producer(one, COPPICE_STAGE_CANCEL, one->cancelled); });
}

void staged::take(const shared_link& from, const value& list) {
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

void staged::handle(const shared_link& from, std::deque<value> events) {
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

void staged::handle_queued() {
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

void staged::asked_above(std::uint64_t count) {
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

std::uint64_t staged::take_from_buffer(std::uint64_t count) {
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

void staged::dispatch(std::deque<value> events) {
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

std::optional<engine::call> staged::route() {
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

void staged::routed(const value& event, std::int32_t status, std::uint64_t partition) {
  const std::uint64_t partitions = *options_.dispatcher->partitions();
  if (status == COPPICE_STAGE_BY_HASH || status == COPPICE_UNHANDLED) {
    const coppice_bytes term{event.bytes().data(), event.bytes().size()};
    partition = partitions == 0 ? 0 : hash(term) % partitions;
    status = COPPICE_OK;
  }
  below_ -= std::min<std::uint64_t>(below_, 1);
  if (status != COPPICE_OK || !options_.dispatcher->dispatch(std::deque<value>{event}, partition)) ++dropped_;
}

std::uint64_t staged::cut_to_room(std::deque<value>& events, std::uint64_t held) const {
  const std::uint64_t room = options_.buffer_size - std::min(options_.buffer_size, held);
  const std::uint64_t over = events.size() - std::min<std::uint64_t>(room, events.size());
  if (options_.keeps_first) events.resize(events.size() - static_cast<std::size_t>(over));
  return over;
}

std::uint64_t staged::stored() const {
  return static_cast<std::uint64_t>(std::ranges::count(buffer_, false, &kept::is_info));
}

void staged::store(std::deque<value> events) {
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

void staged::accumulate(std::deque<value> events) {
  const std::uint64_t over = cut_to_room(events, accumulated_events());
  accumulated_.emplace_back(std::move(events));
  std::uint64_t left = options_.keeps_first ? 0 : over;
  for (auto& each : accumulated_) {
    auto* const old = std::get_if<std::deque<value>>(&each);
    for (; old != nullptr && left != 0 && !old->empty(); --left) old->pop_front();
  }
  discard(over);
}

std::uint64_t staged::accumulated_events() const {
  std::uint64_t all = 0;
  for (const auto& each : accumulated_)
    if (const auto* const events = std::get_if<std::deque<value>>(&each)) all += events->size();
  return all;
}

void staged::discard(std::uint64_t count) {
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

} // namespace coppice::testing::detail
