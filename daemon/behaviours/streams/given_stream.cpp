// SPDX-License-Identifier: MIT
// See given_stream.hpp. A stream is destroyed without the lock, because that gives its place back.
#include "behaviours/streams/given_stream.hpp"

#include <sys/ioctl.h>

#include "base/clock.hpp"
#include "behaviours/streams/tcp_counters.hpp"

namespace coppice::behaviours {
namespace {

const net::accepted_socket& socket_of(const given_stream& one) {
  const auto* const accepted = std::get_if<accepted_stream>(&one);
  return accepted != nullptr ? accepted->socket : std::get<handed_stream>(one).socket.socket;
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
  // A copy: another thread may close the stream.
  const net::connection_slot slot = socket_of(*from->stream_).slot;
  if (slot.counted() == nullptr) return;
  if (!slot.counted()->on_dismissal(giving_up(from))) from->give_up(); // its former owner was told to end it
}

std::function<void()> waiting_stream::giving_up(const std::shared_ptr<waiting_stream>& from) {
  return [it = std::weak_ptr(from)] {
    const auto still = it.lock();
    if (still && !speaks(still)) still->give_up();
  };
}

// No process reads the stream, so only the kernel knows what its client has sent. Takes the lock, since the
// process that takes the stream decides how it is dismissed from then on.
bool waiting_stream::speaks(const std::shared_ptr<waiting_stream>& from) {
  const std::lock_guard guard(from->lock_);
  if (!from->stream_) return false;
  const net::accepted_socket& socket = socket_of(*from->stream_);
  int unread = 0;
  if (::ioctl(socket.fd.get(), FIONREAD, &unread) != 0 || unread == 0) return false;
  net::connection_limit::connection& counted = *socket.slot.counted();
  counted.stay(static_cast<std::uint64_t>(base::mono_now() / base::nanos_per_ms));
  return counted.on_dismissal(giving_up(from));
}

} // namespace coppice::behaviours
