// SPDX-License-Identifier: MIT
// What is needed of actors that are made for connections or datagrams: that each begins with one connection,
// is to have one, or has sockets.
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

struct kept_connection;
class datagram_sockets;
struct program_spec;
struct tcp_counters;

// A connection that a listener has accepted, on no loop yet.
struct accepted_stream {
  net::accepted_socket socket;
  std::shared_ptr<const stream_options> options;
  std::shared_ptr<const net::tls_context> tls; // null: none
  std::shared_ptr<tcp_counters> counters;      // of the listener
};

// One that its owner has handed over, on no loop.
struct handed_stream {
  net::detached_stream socket;
  std::shared_ptr<const stream_options> options;
  net::framing framing;
  runtime::message input; // what has come and was not used
  std::string peer;
  std::string local;
  std::string target; // as actor_stream::target()
  std::unique_ptr<net::peer_certificate> certificate;
};

// From a listener, or another actor, for whoever has callbacks for streams. Dropped: it is closed.
struct stream_parcel final : runtime::parcel {
  explicit stream_parcel(handed_stream from) : stream(std::move(from)) {}
  explicit stream_parcel(accepted_stream from) : stream(std::move(from)) {}
  std::variant<accepted_stream, handed_stream> stream;
};

class stream_taker {
 public:
  // Before its process is made: it begins with this stream, and ends with it.
  virtual void begin_with(accepted_stream stream) = 0;
  // Likewise: it has this one all the time, from the end of its init on.
  virtual void begin_with(std::shared_ptr<const kept_connection> connection) = 0;
  // Likewise: it has these UDP sockets from before its init on. False: it takes no datagrams.
  virtual bool begin_with(std::shared_ptr<datagram_sockets> sockets) = 0;
  // Likewise: it runs this program from the end of its init on, and ends with it. False: it takes no streams.
  virtual bool begin_with(std::shared_ptr<const program_spec> program) = 0;

 protected:
  ~stream_taker() = default;
};

} // namespace coppice::behaviours
