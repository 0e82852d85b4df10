// SPDX-License-Identifier: MIT
// Streams that an actor is given, not on any loop yet: accepted by a listener, or handed over by another
// actor; and the parcel that carries either to a process. No loop reads such a stream or watches its times,
// so stream_loop::parcel() bounds how long it may wait for the process.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "behaviours/streams/stream_options.hpp"
#include "net/stream/framer.hpp"
#include "net/stream/stream.hpp"
#include "net/tls/peer_certificate.hpp"
#include "net/tls/tls_context.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::behaviours {

struct tcp_counters;

// A connection that a listener has accepted, not on any loop yet.
struct accepted_stream {
  net::accepted_socket socket;
  std::shared_ptr<const stream_options> options;
  std::shared_ptr<const net::tls_context> tls; // null: none
  std::shared_ptr<tcp_counters> counters;      // of the listener
};

// A stream that an actor has handed over, not on any loop.
struct handed_stream {
  net::detached_stream socket;
  std::shared_ptr<const stream_options> options;
  net::framing framing;
  runtime::message input; // bytes that have come and were not used
  std::string peer;
  std::string local;
  std::string target; // as actor_stream::target()
  std::unique_ptr<net::peer_certificate> certificate;
  bool has_spoken = false; // the peer has sent a byte for the actor
};

using given_stream = std::variant<accepted_stream, handed_stream>;

// A stream on its way to a process. Any thread.
class waiting_stream {
 public:
  explicit waiting_stream(given_stream from) : stream_(std::move(from)) {}
  // nullopt: it was taken before, by the process or to be closed.
  std::optional<given_stream> take();
  // Makes the stream's place at its listener free for a newcomer, as for any connection that is quiet and of
  // whose client nothing waits to be read.
  static void may_make_room(const std::shared_ptr<waiting_stream>& from);
  // Closes the stream if the process has not taken it. False: it has.
  bool give_up();

 private:
  static std::function<void()> giving_up(const std::shared_ptr<waiting_stream>& from);
  // Whether its client has said something that waits to be read; then it is not quiet, and stays.
  static bool speaks(const std::shared_ptr<waiting_stream>& from);

  std::mutex lock_; // guards stream_
  std::optional<given_stream> stream_;
};

// Carries a stream to a process that has callbacks for streams. If the parcel is dropped, the stream is
// closed.
struct stream_parcel final : runtime::parcel {
  explicit stream_parcel(std::shared_ptr<waiting_stream> from) : stream(std::move(from)) {}
  const std::shared_ptr<waiting_stream> stream; // all others have weak references
};

} // namespace coppice::behaviours
