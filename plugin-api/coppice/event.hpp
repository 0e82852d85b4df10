// SPDX-License-Identifier: MIT
// Named events in C++ (DRAFT), for every class of actor:
//
//   class shop : public coppice::server {
//     void init() { orders_ = coppice::event_source(*this, "orders", {.buffer = 100}); }
//     bool handle_call(const order& one) { return orders_.publish(one), true; }
//     coppice::event_source orders_;
//   };
//
//   class desk : public coppice::server {
//     using infos = std::variant<coppice::event, coppice::event_gap, coppice::event_end>;
//     void init() { coppice::subscribe(*this, "orders"); }
//     void handle_info(const coppice::event& one) { if (const auto what = one.as<order>()) … }
//   };
//
// See coppice/draft/channel.h. A draft of the ABI: these throw std::runtime_error on a host without it. Only
// in the actor's own callbacks. Header-only.
#pragma once

#include <coppice/draft/channel.h>
#include <coppice/actor.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace coppice {

/// {event, Name, Seq, Time, Payload}. Borrowed until the callback returns.
struct event {
  term name; ///< an atom; {Name, Node} for an event of another node
  std::uint64_t seq = 0;
  std::int64_t time = 0; ///< ns since 1970, UTC
  term payload;

  /// The payload as an M. Empty: it is not one.
  template <class M>
  std::optional<M> as() const {
    return detail::read_quietly<M>(payload.encoded);
  }
};

/// {event_gap, Name, First, Last}: these events were lost. First 0: also those of an earlier life of the
/// node.
struct event_gap {
  term name;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// {event_end, Name, Reason}: the last message of a subscription.
struct event_end {
  term name;
  term reason;
};

/// {event_subscribers, Name, Count}, for a producer that asked for it.
struct event_subscribers {
  term name;
  std::uint64_t count = 0;
};

/// What a publisher does if a subscriber has no room: it drops the oldest event of the queue or the new one,
/// ends the subscription, or waits.
enum class slow_subscriber : std::uint32_t {
  drop_old = COPPICE_CHANNEL_DROP_OLD,
  drop_new = COPPICE_CHANNEL_DROP_NEW,
  unsubscribe = COPPICE_CHANNEL_UNSUBSCRIBE,
  park = COPPICE_CHANNEL_PARK,
};

/// 0: the host's default.
struct event_options {
  std::uint32_t buffer = 0;
  std::uint32_t queue = 0;
  std::uint64_t bytes = 0;
  bool open = false;
  bool notify = false;
  slow_subscriber slow = slow_subscriber::drop_old;
};

namespace detail {

inline constinit draft<coppice_channel_api> event_host{COPPICE_CHANNEL_DRAFT_2};

// Throws unless `status` is COPPICE_OK.
inline void event_done(std::int32_t status, const char* what) {
  if (status == COPPICE_OK) return;
  if (status == COPPICE_E_EXITING) throw exiting{};
  if (status == COPPICE_E_CONTEXT) throw std::logic_error(std::string(what) + ": not in this callback");
  throw std::runtime_error(std::string(what) + ": status " + std::to_string(status));
}

// An encoded term, usually without an allocation.
class short_term {
 public:
  template <class T>
  explicit short_term(const T& value) : to_(room_, room_ + sizeof room_, &grow, &more_) {
    if constexpr (std::is_same_v<T, term>) {
      given_ = value.encoded;
    } else {
      etf::encode(to_, value);
      given_ = to_.view();
    }
  }
  coppice_bytes bytes() const { return plain(given_); }

 private:
  static etf::storage grow(void* context, etf::storage old, std::size_t used, std::size_t needed) {
    auto& more = *static_cast<std::vector<std::uint8_t>*>(context);
    std::vector<std::uint8_t> larger(2 * (used + needed));
    if (used != 0) std::memcpy(larger.data(), old.begin, used);
    more.swap(larger);
    return {more.data(), more.data() + more.size()};
  }

  std::uint8_t room_[256];
  std::vector<std::uint8_t> more_;
  etf::writer to_;
  etf::bytes given_;
};

} // namespace detail

/// Publishes an event, for the actor that made it. Copies publish the same event. A saved state holds it as
/// its token.
class event_source {
 public:
  event_source() = default; // publishes nothing: publish() throws
  /// Registers the event; a second registration by the same actor finds it. Throws std::runtime_error with
  /// the status if another process has the event, or if the configuration gives it to another actor.
  event_source(const actor& of, std::string_view name, const event_options& options = {})
      : self_(of.handle()) {
    coppice_channel_options raw{};
    raw.size = sizeof raw;
    raw.flags = (options.open ? COPPICE_CHANNEL_OPEN : 0u) | (options.notify ? COPPICE_CHANNEL_NOTIFY : 0u);
    raw.buffer = options.buffer;
    raw.queue = options.queue;
    raw.bytes = options.bytes;
    raw.slow = static_cast<std::uint32_t>(options.slow);
    detail::event_done(detail::event_host.need().register_event(self_, detail::plain(name), &raw, &token_),
                       "register_event");
  }
  /// From a token that another actor passed on.
  event_source(const actor& of, std::uint64_t token) : self_(of.handle()), token_(token) {}

  /// Names the event for another actor of this node, which may publish with it.
  std::uint64_t token() const { return token_; }

  /// Publishes and returns the sequence number. Throws std::runtime_error: the event has ended, the payload
  /// is too large, or, with `park`, the subscribers made no room in time.
  template <class T>
  std::uint64_t publish(const T& payload) const {
    const detail::short_term encoded(payload);
    std::uint64_t seq = 0;
    detail::event_done(detail::event_host.need().publish(self_, token_, encoded.bytes(), &seq), "publish");
    return seq;
  }

  /// Ends the event, unless the configuration declares it.
  void unregister() {
    detail::event_done(detail::event_host.need().unregister_event(self_, token_), "unregister_event");
    token_ = 0;
  }

 private:
  coppice_actor* self_ = nullptr;
  std::uint64_t token_ = 0;
};

/// The last event that a subscriber has handled. Kept over the subscriber's restarts, it lets the next
/// subscription continue there.
struct event_position {
  std::uint32_t creation = 0; ///< the node's life, from subscribe(); 0: the present one
  std::uint64_t seq = 0;
};

/// The options of subscribe().
struct subscribe_options {
  enum class begin : std::uint32_t {
    buffered = COPPICE_CHANNEL_BUFFERED, ///< with the events that are kept
    now = COPPICE_CHANNEL_NOW,           ///< with the next event
  } with = begin::buffered;
  std::optional<event_position> after{}; ///< replaces `begin`: with the events after this one
  bool link = false;                     ///< the event's end comes as an exit signal
};

/// Where a subscription stands: see coppice_channel_begin.
using event_begin = coppice_channel_begin;

/// Subscribes to an event of this node, or of `node`. Throws std::runtime_error: this node has no such event,
/// or the actor has subscribed already.
inline event_begin subscribe(const actor& who, std::string_view name, std::string_view node = {},
                             const subscribe_options& options = {}) {
  coppice_channel_subscribe_options raw{};
  raw.size = sizeof raw;
  raw.flags = options.link ? COPPICE_CHANNEL_LINK : 0u;
  raw.begin = options.after ? COPPICE_CHANNEL_AFTER : static_cast<std::uint32_t>(options.with);
  if (options.after) {
    raw.creation = options.after->creation;
    raw.seq = options.after->seq;
  }
  event_begin out{};
  detail::event_done(
      detail::event_host.need().subscribe(who.handle(), detail::plain(name), detail::plain(node), &raw, &out),
      "subscribe");
  return out;
}

/// False: the actor had not subscribed. Events on their way may still arrive.
inline bool unsubscribe(const actor& who, std::string_view name, std::string_view node = {}) {
  const std::int32_t status =
      detail::event_host.need().unsubscribe(who.handle(), detail::plain(name), detail::plain(node));
  if (status == COPPICE_E_NOT_FOUND) return false;
  detail::event_done(status, "unsubscribe");
  return true;
}

} // namespace coppice
