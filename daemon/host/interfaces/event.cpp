// SPDX-License-Identifier: MIT
// "coppice.channel/draft-2" over the node's named events. If there are none (a file is only being
// checked), registering and subscribing fail. In the process's own turn.
#include <coppice/draft/channel.h>

#include <optional>

#include "behaviours/channels/event_channels.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/sized.hpp"

namespace coppice::host {
namespace {

using behaviours::channel_options;
using behaviours::event_channel;
using behaviours::event_channels;
using behaviours::event_subscribe_options;

constexpr std::uint32_t most_kept = 1'000'000;
constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20;

std::int32_t events_of(coppice_actor* self, event_channels*& out) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  out = self->image->events();
  return out == nullptr ? COPPICE_E_UNSUPPORTED : COPPICE_OK;
}

std::int32_t status_of(base::errc code) {
  switch (code) {
    case base::errc::not_found:
    case base::errc::closed:
      return COPPICE_E_NOT_FOUND;
    case base::errc::exists:
      return COPPICE_E_EXISTS;
    case base::errc::refused:
      return COPPICE_E_REFUSED;
    case base::errc::limit:
      return COPPICE_E_MEMORY;
    case base::errc::invalid:
      return COPPICE_E_INVALID;
    default:
      return COPPICE_E_INTERNAL;
  }
}

// Empty: the options are not valid.
std::optional<channel_options> options_of(const coppice_channel_options* given) {
  channel_options out;
  if (given == nullptr) return out;
  const auto from = sized(given, COPPICE_CHANNEL_OPTIONS_LEAST);
  if (!from || (from->flags & ~(COPPICE_CHANNEL_OPEN | COPPICE_CHANNEL_NOTIFY)) != 0 ||
      from->buffer > most_kept || from->queue > most_kept || from->bytes > most_bytes ||
      from->slow > COPPICE_CHANNEL_PARK)
    return std::nullopt;
  out.buffer = from->buffer;
  if (from->queue != 0) out.queue = from->queue;
  if (from->bytes != 0) out.bytes = from->bytes;
  out.open = (from->flags & COPPICE_CHANNEL_OPEN) != 0;
  out.notify = (from->flags & COPPICE_CHANNEL_NOTIFY) != 0;
  switch (from->slow) {
    case COPPICE_CHANNEL_DROP_NEW:
      out.slow = behaviours::slow_subscriber::drop_new;
      break;
    case COPPICE_CHANNEL_UNSUBSCRIBE:
      out.slow = behaviours::slow_subscriber::unsubscribe;
      break;
    case COPPICE_CHANNEL_PARK:
      out.slow = behaviours::slow_subscriber::park;
      break;
    default:
      break;
  }
  return out;
}

std::optional<event_subscribe_options> options_of(const coppice_channel_subscribe_options* given) {
  using kind = event_subscribe_options::kind;
  event_subscribe_options out;
  if (given == nullptr) return out;
  const auto from = sized(given, COPPICE_CHANNEL_SUBSCRIBE_OPTIONS_LEAST);
  if (!from || (from->flags & ~COPPICE_CHANNEL_LINK) != 0 || from->begin > COPPICE_CHANNEL_AFTER)
    return std::nullopt;
  out.begin = from->begin == COPPICE_CHANNEL_BUFFERED ? kind::buffered
              : from->begin == COPPICE_CHANNEL_NOW    ? kind::now
                                                      : kind::after;
  out.after = {from->creation, from->seq};
  out.link = (from->flags & COPPICE_CHANNEL_LINK) != 0;
  return out;
}

std::int32_t register_event(coppice_actor* self, coppice_bytes name, const coppice_channel_options* options,
                            std::uint64_t* out_token) {
  if (out_token == nullptr) return COPPICE_E_INVALID;
  *out_token = 0;
  event_channels* events = nullptr;
  if (const std::int32_t status = events_of(self, events); status != COPPICE_OK) return status;
  const auto called = text_of(name);
  const auto chosen = options_of(options);
  if (!called || !chosen) return COPPICE_E_INVALID;
  const auto done = events->enroll(*called, *chosen, self->process->self(), self->process->name());
  if (!done) return status_of(done.error().code);
  *out_token = *done;
  return COPPICE_OK;
}

std::int32_t unregister_event(coppice_actor* self, std::uint64_t token) {
  event_channels* events = nullptr;
  if (const std::int32_t status = events_of(self, events); status != COPPICE_OK) return status;
  return events->withdraw(token) ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

// Waits until there may be room. False: there was none in time, or the process has died.
bool wait_for_room(runtime::process& self, event_channel& of, base::nanos until) {
  const runtime::reference room = self.make_ack();
  const std::uint64_t waits = of.when_room([&host = self.host(), room] {
    host.send(runtime::destination::alias(room), runtime::message::atom("ok"));
  });
  const bool has_room = self.await(room, until).has_value();
  if (!has_room) of.no_longer_waits(waits);
  return has_room;
}

std::int32_t publish(coppice_actor* self, std::uint64_t token, coppice_bytes payload,
                     std::uint64_t* out_seq) {
  if (out_seq != nullptr) *out_seq = 0;
  event_channels* events = nullptr;
  if (const std::int32_t status = events_of(self, events); status != COPPICE_OK) return status;
  const auto term = term_of(payload);
  if (!term) return COPPICE_E_TERM;
  const auto channel = events->find(token);
  if (channel == nullptr) return COPPICE_E_NOT_FOUND;
  base::nanos until = 0; // 0: has not waited yet
  for (;;) {
    switch (channel->publish(*term, out_seq)) {
      case event_channel::outcome::published:
        return COPPICE_OK;
      case event_channel::outcome::closed:
        return COPPICE_E_NOT_FOUND;
      case event_channel::outcome::too_large:
        return COPPICE_E_INVALID;
      case event_channel::outcome::full:
        break;
    }
    if (until == 0) until = base::mono_now() + self->process->host().options().park;
    if (!wait_for_room(*self->process, *channel, until))
      return self->process->exiting() ? COPPICE_E_EXITING : COPPICE_E_FULL;
  }
}

std::int32_t subscribe(coppice_actor* self, coppice_bytes name, coppice_bytes node,
                       const coppice_channel_subscribe_options* options, coppice_channel_begin* out_begin) {
  if (out_begin != nullptr) *out_begin = {};
  event_channels* events = nullptr;
  if (const std::int32_t status = events_of(self, events); status != COPPICE_OK) return status;
  const auto called = text_of(name);
  const auto where = text_of(node);
  const auto how = options_of(options);
  if (!called || called->empty() || !where || !how) return COPPICE_E_INVALID;
  const runtime::pid who = self->process->self();
  const auto done = where->empty() ? events->subscribe(*called, who, *how)
                                   : events->subscribe_to(*called, *where, who, *how);
  if (!done) return status_of(done.error().code);
  if (out_begin != nullptr) *out_begin = {done->first, done->last, done->creation, done->buffer};
  return COPPICE_OK;
}

std::int32_t unsubscribe(coppice_actor* self, coppice_bytes name, coppice_bytes node) {
  event_channels* events = nullptr;
  if (const std::int32_t status = events_of(self, events); status != COPPICE_OK) return status;
  const auto called = text_of(name);
  const auto where = text_of(node);
  if (!called || !where) return COPPICE_E_INVALID;
  return events->unsubscribe(*called, *where, self->process->self()) ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

} // namespace

const coppice_channel_api* event_interface() {
  static const coppice_channel_api table = {
      .size = sizeof(coppice_channel_api),
      .reserved = 0,
      .register_event = &entry<&register_event>::call,
      .unregister_event = &entry<&unregister_event>::call,
      .publish = &entry<&publish>::call,
      .subscribe = &entry<&subscribe>::call,
      .unsubscribe = &entry<&unsubscribe>::call,
  };
  return &table;
}

} // namespace coppice::host
