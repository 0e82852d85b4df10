// SPDX-License-Identifier: MIT
// See given_stream.hpp. A stream is destroyed without the lock, because that gives its place back.
#include "behaviours/streams/given_stream.hpp"

#include "behaviours/streams/tcp_counters.hpp"

namespace coppice::behaviours {
namespace {

const net::connection_slot& slot_of(const given_stream& one) {
  const auto* const accepted = std::get_if<accepted_stream>(&one);
  return (accepted != nullptr ? accepted->socket : std::get<handed_stream>(one).socket.socket).slot;
}

} // namespace

std::optional<given_stream> waiting_stream::take() {
  const std::lock_guard guard(lock_);
  return std::exchange(stream_, std::nullopt);
}

bool waiting_stream::give_up() {
  const auto gone = take();
  if (!gone) return false;
  if (const auto* const accepted = std::get_if<accepted_stream>(&*gone); accepted && accepted->counters)
    accepted->counters->failed.add();
  return true;
}

void waiting_stream::may_make_room(const std::shared_ptr<waiting_stream>& from) {
  const net::connection_slot slot = slot_of(*from->stream_); // a copy: another thread may close the stream
  if (slot.counted() == nullptr) return;
  const bool stays = slot.counted()->on_dismissal([it = std::weak_ptr(from)] {
    if (const auto still = it.lock()) still->give_up();
  });
  if (!stays) from->give_up(); // its former owner was told to end it
}

} // namespace coppice::behaviours
