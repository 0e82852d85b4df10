// SPDX-License-Identifier: MIT
// Decides when a connection pauses reading: while messages fill the node's memory (but a connection with
// incomplete messages reads on if such messages are what fills it, because only then is memory given back);
// while a peer writes many small messages each by itself, so that several come in one read; and while
// handling what was read takes more than one turn of the loop. It alone pauses and resumes the stream. The
// connection's thread.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/uv.hpp"
#include "dist/unfinished_messages.hpp"
#include "net/stream/stream.hpp"

namespace coppice::dist {

class read_pacer {
 public:
  // `peer`: its name for the log. `unfinished`: the connection's incomplete messages. `go_on` is called in
  // the turn of the loop after each hold().
  read_pacer(uv_loop_t* on, net::stream& stream, std::string peer,
             const unfinished_messages::share& unfinished, std::function<void()> go_on);

  // So many bytes have been read and handled.
  void after_read(std::size_t bytes);
  // Not all that has been read is handled yet.
  void hold();
  // The stream is closed.
  void close();

 private:
  void take_turn();
  void look_again();
  bool lacks_memory() const;

  net::stream& stream_;
  std::string peer_;
  const unfinished_messages::share& unfinished_;
  std::function<void()> go_on_;
  bool holds_ = false;
  base::uv::timer timer_; // runs while the stream is paused, unless holds_
  // Not a timer: libuv runs a timer that is due at once again and again before it polls the sockets.
  base::uv::idle next_turn_;
  unsigned small_reads_ = 0;       // in a row, with nothing written between them
  std::uint64_t written_then_ = 0; // bytes written at the last of them
};

} // namespace coppice::dist
