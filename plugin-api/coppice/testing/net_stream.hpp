// SPDX-License-Identifier: MIT
// Both ends of one stream of an actor under test: bytes that were sent and not read yet, bytes cut and given
// to the actor, bytes that it has written and the peer's room for them. Does what the node does in
// daemon/behaviours/streams, on the kit's clock and without sockets. In the test's thread.
#pragma once

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
  bool last_drained = false; // on_drained was called after the peer's reset
  std::size_t left_then =
      0; // after the peer's reset: bytes that the actor had not taken, the last time that changed
  nanoseconds left_since{};
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

  void open(nanoseconds now);
  /// The actor's end is closed; on_close follows.
  void close(std::uint32_t how_it_ends, std::string why = {});
  void reset(std::uint32_t how_it_ends = COPPICE_STREAM_NORMAL, std::string why = {});
  /// The peer resets the connection. An actor that waits for room is told, since it need not wait any more.
  void lose_peer();
  /// Sends as much as the peer has room for.
  void flush();
  std::int32_t write(std::string_view bytes, nanoseconds now);
  /// Reads as much as the credit allows.
  void read(nanoseconds now);
  void use(std::size_t count, nanoseconds now);

  struct deadline {
    nanoseconds at = nanoseconds::max();
    std::uint32_t how = COPPICE_STREAM_IDLE;
    const char* why = "";
  };
  deadline next_deadline() const;
  /// Notes since when written bytes have made no progress.
  void note_progress(nanoseconds now);
  void look_at_times(nanoseconds now);

  /// The result of coppice_stream_api's info; borrowed from this object.
  coppice_stream_info info() const;
};

} // namespace detail
} // namespace coppice::testing
