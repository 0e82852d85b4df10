// SPDX-License-Identifier: MIT
// Both ends of a stream under test, without a socket. In the test's thread.
#include <coppice/testing/net_stream.hpp>

#include <algorithm>
#include <utility>

namespace coppice::testing {

namespace detail {

void stream::open(nanoseconds now) {
  is = stage::open;
  opened_at = active_at = now;
}

void stream::close(std::uint32_t how_it_ends, std::string why) {
  if (is == stage::ending || is == stage::gone) return;
  is = stage::ending;
  end_how = how_it_ends;
  end_why = std::move(why);
  ends = true;
  input.clear();
  wire.clear();
  flush();
}

void stream::reset(std::uint32_t how_it_ends, std::string why) {
  if (is == stage::ending || is == stage::gone) return;
  queued.clear();
  sealed.clear();
  broken = true;
  close(how_it_ends, std::move(why));
}

void stream::flush() {
  const std::size_t free = peer_reset ? 0 : window - std::min(window, arrived.size());
  const std::size_t count = std::min(free, queued.size());
  arrived.append(queued, 0, count);
  queued.erase(0, count);
  bytes_written += count;
  if (refused_write && bytes_queued() <= how.low) {
    refused_write = false;
    drained_due = true;
  }
  if (ends && bytes_queued() == 0 && !broken && !peer_reset) ended = true;
}

void stream::lose_peer() {
  peer_reset = true;
  if (std::exchange(refused_write, false)) drained_due = true;
}

std::int32_t stream::write(std::string_view bytes, nanoseconds now) {
  if (!is_open() || ends || peer_reset) return COPPICE_E_NOT_FOUND;
  if (bytes_queued() > how.high) {
    refused_write = true;
    drained_due = false; // there was room, and it is taken
    return COPPICE_E_FULL;
  }
  (securing ? sealed : queued).append(bytes);
  active_at = now;
  flush();
  note_progress(now);
  return COPPICE_OK;
}

void stream::read(nanoseconds now) {
  if (!is_open() || securing) return;
  const std::size_t most = std::max(how.credit, needed);
  const std::size_t count = std::min(wire.size(), most - std::min(most, input.size()));
  if (count == 0) return;
  if (input.empty()) frame_began = now;
  input.append(wire, 0, count);
  wire.erase(0, count);
  bytes_read += count;
  active_at = now;
}

void stream::use(std::size_t count, nanoseconds now) {
  input.erase(0, count);
  needed = 1;
  frame_began = now;
}

stream::deadline stream::next_deadline() const {
  deadline first;
  const auto look = [&first](bool holds, nanoseconds since, nanoseconds limit, std::uint32_t how_it_ends,
                             const char* why) {
    if (!holds || limit <= 0ns || since + limit >= first.at) return;
    first = {since + limit, how_it_ends, why};
  };
  if (is == stage::opening && dialled) {
    first = {connect_due, COPPICE_STREAM_TIMEOUT, "nobody answers"};
  } else if (is_open() && peer_reset) {
    look(held, left_since, 30s, COPPICE_STREAM_RESET, "connection reset by peer");
  } else if (is_open()) {
    const bool waits = !input.empty() && input.size() < needed && cut_by.cuts();
    look(bytes_read == 0, opened_at, how.first_byte, COPPICE_STREAM_IDLE, "it has sent nothing");
    look(true, active_at, how.idle, COPPICE_STREAM_IDLE, "nothing was read or written");
    look(waits, frame_began, how.frame, COPPICE_STREAM_IDLE, "it has not ended the frame it began");
    look(!queued.empty(), stuck_since, how.stall, COPPICE_STREAM_SLOW,
         "it does not take what is written to it");
  }
  return first;
}

void stream::note_progress(nanoseconds now) {
  if (queued.empty())
    stuck_since = {};
  else if (stuck_since == 0ns || bytes_written != written_then)
    stuck_since = now;
  written_then = bytes_written;
}

void stream::look_at_times(nanoseconds now) {
  note_progress(now);
  if (const std::size_t left = input.size() + wire.size(); !peer_reset || !held || left != left_then) {
    left_then = left;
    left_since = now;
  }
  const deadline due = next_deadline();
  if (due.at > now) return;
  if (due.how == COPPICE_STREAM_SLOW)
    reset(due.how, due.why);
  else
    close(due.how, due.why);
}

coppice_stream_info stream::info() const {
  const auto lend = [](const std::string& text) {
    return coppice_bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  };
  return {.size = sizeof(coppice_stream_info),
          .accepted = accepted ? 1U : 0U,
          .peer = lend(how.peer),
          .local = lend(how.local),
          .tls = lend(how.tls),
          .protocol = lend(how.protocol),
          .certificate = {},
          .subject = lend(how.subject),
          .bytes_read = bytes_read,
          .bytes_written = bytes_written,
          .bytes_queued = bytes_queued()};
}

} // namespace detail
} // namespace coppice::testing
