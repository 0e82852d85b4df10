// SPDX-License-Identifier: MIT
// What a listener needs of the actors it makes for its connections: that each begins with one.
#pragma once

#include <memory>

#include "behaviours/streams/stream_options.hpp"
#include "net/stream.hpp"
#include "net/tls_context.hpp"

namespace coppice::behaviours {

struct tcp_counters;

// A connection that a listener has accepted, on no loop yet.
struct accepted_stream {
  net::accepted_socket socket;
  std::shared_ptr<const stream_options> options;
  std::shared_ptr<const net::tls_context> tls; // null: none
  std::shared_ptr<tcp_counters> counters;      // of the listener
};

class stream_taker {
 public:
  // Before its process is made: it begins with this stream, and ends with it.
  virtual void begin_with(accepted_stream stream) = 0;

 protected:
  ~stream_taker() = default;
};

} // namespace coppice::behaviours
