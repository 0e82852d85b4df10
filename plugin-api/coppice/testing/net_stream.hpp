// SPDX-License-Identifier: MIT
// Both ends of one stream of an actor under test: bytes that were sent and not read yet, bytes cut and given
// to the actor, bytes that it has written and the peer's room for them. Does what the node does in
// daemon/behaviours/streams, on the kit's clock and without sockets. Header-only. In the test's thread.
#pragma once

#include <algorithm>
#include <limits>

#include <coppice/testing/net_framing.hpp>
#include <coppice/testing/processes.hpp>

namespace coppice::testing {

/// Options of a stream, as under `tcp:` in the tree and in coppice_connect_options. Times: 0: no limit.
struct stream_options {
  coppice_framing framing{};
  std::size_t credit = std::size_t{64} << 10;
  std::size_t high = std::size_t{1} << 20;
  std::size_t low = std::size_t{256} << 10;
  nanoseconds idle{0};
  nanoseconds first_byte{0};
  nanoseconds frame = 30s;
  nanoseconds stall = 30s;
  bool half_close = false;
  bool ends_actor = true; ///< false: the actor is a pool's worker that handles many streams
  std::string peer = "127.0.0.1:40000", local = "127.0.0.1:7007";
  std::string tls{}, protocol{}, subject{}; ///< values for coppice_stream_info
};

namespace detail {

struct stream {
  enum class stage : std::uint8_t { opening, open, ending, gone };
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  std::uint64_t id = 0;
  bool accepted = false;
  stream_options how;
  framing cut_by;
  stage is = stage::opening;

  // The peer's end:
  std::string wire;    // sent, not yet read by the node
  std::string arrived; // written by the actor, not yet read by the test
  std::size_t window = unlimited;
  bool peer_ended = false, peer_reset = false;
  bool ended = false;  // all that the actor wrote has arrived, and no more comes
  bool broken = false; // the actor's end was reset

  // The actor's end:
  std::string input; // read, not yet used
  std::size_t needed = 1;
  bool cut_anew = false; // set_framing was called inside on_data
  std::string queued;    // written, not yet taken
  std::string sealed;    // written after start_tls, before the handshake is over
  std::string host;      // of a connection that the actor opens
  std::uint32_t port = 0;
  nanoseconds connect_due{};
  bool dialled = false;
  bool wants_tls = false, securing = false, secured_due = false, connect_told = false;
  bool ends = false, held = false, drained_due = false, refused_write = false, eof_told = false;
  bool draining = false;
  std::optional<value> handed_to; ///< another process: pid or name
  std::uint32_t end_how = COPPICE_STREAM_NORMAL;
  std::string end_why;
  nanoseconds ending_since{};

  // For a program:
  bool end_held = false;    // on_close waits until the program has ended
  std::string end_why_held; // the reason that on_close then gives
  value end_reason;         // exit reason of the actor; none: `normal`
  std::string complaint;    // an incomplete line of standard error
  std::uint64_t bytes_read = 0, bytes_written = 0, written_then = 0;
  nanoseconds opened_at{}, active_at{}, frame_began{}, stuck_since{};

  bool is_open() const { return is == stage::open; }
  std::size_t bytes_queued() const { return queued.size() + sealed.size(); }

  void open(nanoseconds now) {
    is = stage::open;
    opened_at = active_at = now;
  }
  /// The actor's end is closed; on_close follows.
  void close(std::uint32_t how_it_ends, std::string why = {}) {
    if (is == stage::ending || is == stage::gone) return;
    is = stage::ending;
    end_how = how_it_ends;
    end_why = std::move(why);
    ends = true;
    input.clear();
    wire.clear();
    flush();
  }
  void reset(std::uint32_t how_it_ends = COPPICE_STREAM_NORMAL, std::string why = {}) {
    if (is == stage::ending || is == stage::gone) return;
    queued.clear();
    sealed.clear();
    broken = true;
    close(how_it_ends, std::move(why));
  }
  /// Sends as much as the peer has room for.
  void flush() {
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
  std::int32_t write(std::string_view bytes, nanoseconds now) {
    if (!is_open() || ends || peer_reset) return COPPICE_E_NOT_FOUND;
    if (bytes_queued() > how.high) return refused_write = true, COPPICE_E_FULL;
    (securing ? sealed : queued).append(bytes);
    active_at = now;
    flush();
    note_progress(now);
    return COPPICE_OK;
  }
  /// Reads as much as the credit allows.
  void read(nanoseconds now) {
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
  void use(std::size_t count, nanoseconds now) {
    input.erase(0, count);
    needed = 1;
    frame_began = now;
  }

  struct deadline {
    nanoseconds at = nanoseconds::max();
    std::uint32_t how = COPPICE_STREAM_IDLE;
    const char* why = "";
  };
  deadline next_deadline() const {
    deadline first;
    const auto look = [&first](bool holds, nanoseconds since, nanoseconds limit, std::uint32_t how_it_ends,
                               const char* why) {
      if (!holds || limit <= 0ns || since + limit >= first.at) return;
      first = {since + limit, how_it_ends, why};
    };
    if (is == stage::opening && dialled) {
      first = {connect_due, COPPICE_STREAM_TIMEOUT, "nobody answers"};
    } else if (is_open()) {
      const bool waits = !input.empty() && input.size() < needed && cut_by.kind != COPPICE_FRAMING_NONE;
      look(bytes_read == 0, opened_at, how.first_byte, COPPICE_STREAM_IDLE, "it has sent nothing");
      look(true, active_at, how.idle, COPPICE_STREAM_IDLE, "nothing was read or written");
      look(waits, frame_began, how.frame, COPPICE_STREAM_IDLE, "it has not ended the frame it began");
      look(!queued.empty(), stuck_since, how.stall, COPPICE_STREAM_SLOW,
           "it does not take what is written to it");
    }
    return first;
  }
  /// Notes since when written bytes have made no progress.
  void note_progress(nanoseconds now) {
    if (queued.empty())
      stuck_since = {};
    else if (stuck_since == 0ns || bytes_written != written_then)
      stuck_since = now;
    written_then = bytes_written;
  }
  void look_at_times(nanoseconds now) {
    note_progress(now);
    const deadline due = next_deadline();
    if (due.at > now) return;
    if (due.how == COPPICE_STREAM_SLOW)
      reset(due.how, due.why);
    else
      close(due.how, due.why);
  }

  /// The result of coppice_stream_api's info; borrowed from this object.
  coppice_stream_info info() const {
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
};

} // namespace detail
} // namespace coppice::testing
