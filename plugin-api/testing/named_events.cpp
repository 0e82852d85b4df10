// SPDX-License-Identifier: MIT
// The host's interface for named events, and what a node would send to their subscribers. In the test's
// thread.
#include <coppice/testing/named_events.hpp>

#include <utility>

namespace coppice::testing {

namespace detail {

namespace {

// A name is an atom: up to 255 characters, not bytes.
bool is_event_name(const std::string& name) {
  const auto characters = etf::utf8::length(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
  return characters > 0 && characters <= 255;
}
// Whether a node accepts these options.
bool are_event_options(const coppice_channel_options& given) {
  constexpr std::uint32_t most_kept = 1'000'000;
  return (given.flags & ~(COPPICE_CHANNEL_OPEN | COPPICE_CHANNEL_NOTIFY)) == 0 && given.buffer <= most_kept &&
         given.queue <= most_kept && given.bytes <= std::uint64_t{64} << 20 &&
         given.slow <= COPPICE_CHANNEL_PARK;
}
std::int32_t register_event(coppice_actor* self, coppice_bytes name, const coppice_channel_options* options,
                            std::uint64_t* out_token) {
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
std::int32_t unregister_event(coppice_actor* self, std::uint64_t token) {
  const std::int32_t status = may_call(self, COPPICE_CHANNEL_DRAFT_2 "'s unregister_event");
  if (status != COPPICE_OK) return status;
  const bool any = std::erase_if(event_book::of(*of(self)).sources,
                                 [token](const auto& one) { return one.second.token == token; }) != 0;
  return any ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}
std::int32_t publish_event(coppice_actor* self, std::uint64_t token, coppice_bytes payload,
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
std::int32_t subscribe_to_event(coppice_actor* self, coppice_bytes name, coppice_bytes node,
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
std::int32_t unsubscribe_from_event(coppice_actor* self, coppice_bytes name, coppice_bytes node) {
  const std::int32_t status = may_call(self, COPPICE_CHANNEL_DRAFT_2 "'s unsubscribe");
  if (status != COPPICE_OK) return status;
  const bool any = std::erase_if(event_book::of(*of(self)).subscriptions,
                                 [called = text_of(name), where = text_of(node)](const auto& one) {
                                   return one.name == called && one.node == where;
                                 }) != 0;
  return any ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}
value event_label(std::string_view name, std::string_view node) {
  if (node.empty()) return atom(name);
  return std::pair(etf::atom{name}, etf::atom{node});
}

} // namespace

void event_book::ended(bool) {
  sources.clear();
  subscriptions.clear();
}

const coppice_channel_api* event_interface() {
  static constexpr coppice_channel_api table = {.size = sizeof(coppice_channel_api),
                                                .reserved = 0,
                                                .register_event = &register_event,
                                                .unregister_event = &unregister_event,
                                                .publish = &publish_event,
                                                .subscribe = &subscribe_to_event,
                                                .unsubscribe = &unsubscribe_from_event};
  return &table;
}

} // namespace detail
value event_message(std::string_view name, std::uint64_t seq, const value& payload, std::string_view node,
                    std::int64_t time) {
  return std::tuple(etf::atom{"event"}, detail::event_label(name, node).term(), seq, time, payload.term());
}

value event_gap_message(std::string_view name, std::uint64_t first, std::uint64_t last,
                        std::string_view node) {
  return std::tuple(etf::atom{"event_gap"}, detail::event_label(name, node).term(), first, last);
}

value event_end_message(std::string_view name, const value& reason, std::string_view node) {
  return std::tuple(etf::atom{"event_end"}, detail::event_label(name, node).term(), reason.term());
}

value event_subscribers_message(std::string_view name, std::uint64_t count) {
  return std::tuple(etf::atom{"event_subscribers"}, etf::atom{name}, count);
}

} // namespace coppice::testing
