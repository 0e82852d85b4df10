// SPDX-License-Identifier: MIT
// Streams that an actor is given, not on any loop yet: accepted by a listener, or handed over by another
// actor; and the parcel that carries either to a process.
#pragma once

#include <memory>
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
};

// Carries a stream to a process that has callbacks for streams. If the parcel is dropped, the stream is
// closed.
struct stream_parcel final : runtime::parcel {
  explicit stream_parcel(handed_stream from) : stream(std::move(from)) {}
  explicit stream_parcel(accepted_stream from) : stream(std::move(from)) {}
  std::variant<accepted_stream, handed_stream> stream;
};

} // namespace coppice::behaviours
