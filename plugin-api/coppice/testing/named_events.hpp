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
// Events belong to one actor: each actor has its own names, and each event counts from 1. Header-only. In the
// test's thread.
#pragma once

#include <coppice/draft/channel.h>
#include <coppice/etf/utf8.hpp>
#include <coppice/testing.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
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
  void ended(bool) override {
    sources.clear();
    subscriptions.clear();
  }

 private:
  world* world_; // null: no actor
};

// A name is an atom: up to 255 characters, not bytes.
inline bool is_event_name(const std::string& name) {
  const auto characters = etf::utf8::length(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
  return characters > 0 && characters <= 255;
}

// Whether a node accepts these options.
inline bool are_event_options(const coppice_channel_options& given) {
  constexpr std::uint32_t most_kept = 1'000'000;
  return (given.flags & ~(COPPICE_CHANNEL_OPEN | COPPICE_CHANNEL_NOTIFY)) == 0 && given.buffer <= most_kept &&
         given.queue <= most_kept && given.bytes <= std::uint64_t{64} << 20 &&
         given.slow <= COPPICE_CHANNEL_PARK;
}

inline std::int32_t register_event(coppice_actor* self, coppice_bytes name,
                                   const coppice_channel_options* options, std::uint64_t* out_token) {
  if (out_token == nullptr) return COPPICE_E_INVALID;
  *out_token = 0;
  const std::int32_t status = may_call(self, COPPICE_CHANNEL_DRAFT_2 "'s register_event");
  if (status != COPPICE_OK) return status;
  const std::string called = text_of(name);
  coppice_channel_options chosen{};
  if (options != nullptr) {
    const auto given = sized(options, COPPICE_CHANNEL_OPTIONS_LEAST);
    if (!given || !are_event_options(*given)) return COPPICE_E_INVALID;
    chosen = *given;
  }
  if (!is_event_name(called) || called.starts_with("coppice.")) return COPPICE_E_INVALID;
  event_book& book = event_book::of(*of(self));
  event_book::source& its = book.sources[called];
  its.options = chosen;
  if (its.token == 0) its.token = ++book.last_token;
  *out_token = its.token;
  return COPPICE_OK;
}

inline std::int32_t unregister_event(coppice_actor* self, std::uint64_t token) {
  const std::int32_t status = may_call(self, COPPICE_CHANNEL_DRAFT_2 "'s unregister_event");
  if (status != COPPICE_OK) return status;
  const bool any = std::erase_if(event_book::of(*of(self)).sources,
                                 [token](const auto& one) { return one.second.token == token; }) != 0;
  return any ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

inline std::int32_t publish_event(coppice_actor* self, std::uint64_t token, coppice_bytes payload,
                                  std::uint64_t* out_seq) {
  if (out_seq != nullptr) *out_seq = 0;
  const std::int32_t status = may_call(self, COPPICE_CHANNEL_DRAFT_2 "'s publish");
  if (status != COPPICE_OK) return status;
  const etf::bytes term(payload.data, static_cast<std::size_t>(payload.size));
  etf::cursor at(term);
  if (payload.data == nullptr || !at.skip() || !at.at_end()) return COPPICE_E_TERM;
  event_book& book = event_book::of(*of(self));
  for (auto& [name, its] : book.sources) {
    if (its.token != token) continue;
    const std::uint64_t most = its.options.bytes == 0 ? std::uint64_t{1} << 20 : its.options.bytes;
    if (payload.size > most) return COPPICE_E_INVALID;
    if (its.options.slow == COPPICE_CHANNEL_PARK && book.room == 0) return COPPICE_E_FULL;
    if (its.options.slow == COPPICE_CHANNEL_PARK && book.room != SIZE_MAX) --book.room;
    book.published.push_back({name, ++its.last, value::of(term)});
    if (out_seq != nullptr) *out_seq = its.last;
    return COPPICE_OK;
  }
  return COPPICE_E_NOT_FOUND;
}

inline std::int32_t subscribe_to_event(coppice_actor* self, coppice_bytes name, coppice_bytes node,
                                       const coppice_channel_subscribe_options* options,
                                       coppice_channel_begin* out_begin) {
  if (out_begin != nullptr) *out_begin = {};
  const std::int32_t status = may_call(self, COPPICE_CHANNEL_DRAFT_2 "'s subscribe");
  if (status != COPPICE_OK) return status;
  event_subscription one{text_of(name), text_of(node)};
  if (options != nullptr) {
    const auto given = sized(options, COPPICE_CHANNEL_SUBSCRIBE_OPTIONS_LEAST);
    if (!given || (given->flags & ~COPPICE_CHANNEL_LINK) != 0 || given->begin > COPPICE_CHANNEL_AFTER)
      return COPPICE_E_INVALID;
    one.begin = given->begin;
    one.creation = given->creation;
    one.after = given->seq;
    one.link = (given->flags & COPPICE_CHANNEL_LINK) != 0;
  }
  if (one.name.empty()) return COPPICE_E_INVALID;
  event_book& book = event_book::of(*of(self));
  if (one.node.empty() && !is_event_name(one.name)) return COPPICE_E_NOT_FOUND;
  if (one.node.empty() && book.absent.contains(one.name)) return COPPICE_E_NOT_FOUND;
  for (const event_subscription& each : book.subscriptions)
    if (each.name == one.name && each.node == one.node) return COPPICE_E_EXISTS;
  if (out_begin != nullptr && one.node.empty()) *out_begin = {1, 0, 1, 0};
  book.subscriptions.push_back(std::move(one));
  return COPPICE_OK;
}

inline std::int32_t unsubscribe_from_event(coppice_actor* self, coppice_bytes name, coppice_bytes node) {
  const std::int32_t status = may_call(self, COPPICE_CHANNEL_DRAFT_2 "'s unsubscribe");
  if (status != COPPICE_OK) return status;
  const bool any = std::erase_if(event_book::of(*of(self)).subscriptions,
                                 [called = text_of(name), where = text_of(node)](const auto& one) {
                                   return one.name == called && one.node == where;
                                 }) != 0;
  return any ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

inline const coppice_channel_api* event_interface() {
  static constexpr coppice_channel_api table = {.size = sizeof(coppice_channel_api),
                                                .reserved = 0,
                                                .register_event = &register_event,
                                                .unregister_event = &unregister_event,
                                                .publish = &publish_event,
                                                .subscribe = &subscribe_to_event,
                                                .unsubscribe = &unsubscribe_from_event};
  return &table;
}
inline const bool event_interface_is_known =
    more_interfaces().emplace(COPPICE_CHANNEL_DRAFT_2, event_interface()).second;

inline value event_label(std::string_view name, std::string_view node) {
  if (node.empty()) return atom(name);
  return std::pair(etf::atom{name}, etf::atom{node});
}

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
inline value event_message(std::string_view name, std::uint64_t seq, const value& payload,
                           std::string_view node = {}, std::int64_t time = 1'700'000'000'000'000'000) {
  return std::tuple(etf::atom{"event"}, detail::event_label(name, node).term(), seq, time, payload.term());
}
inline value event_gap_message(std::string_view name, std::uint64_t first, std::uint64_t last,
                               std::string_view node = {}) {
  return std::tuple(etf::atom{"event_gap"}, detail::event_label(name, node).term(), first, last);
}
inline value event_end_message(std::string_view name, const value& reason, std::string_view node = {}) {
  return std::tuple(etf::atom{"event_end"}, detail::event_label(name, node).term(), reason.term());
}
/// For a producer.
inline value event_subscribers_message(std::string_view name, std::uint64_t count) {
  return std::tuple(etf::atom{"event_subscribers"}, etf::atom{name}, count);
}

} // namespace coppice::testing
