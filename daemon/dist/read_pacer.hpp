// SPDX-License-Identifier: MIT
// When a connection does not read for a moment: while messages fill the node's memory, so that the peers keep
// theirs (but one that has the beginning of a message reads on as long as such beginnings are what fills it,
// since only so does it give memory back), and while a peer writes each of many small messages by itself, so
// that several come in one read. It alone pauses and resumes the stream, and what it paused it resumes. So it
// does, too, while what has been read takes more than one turn of the loop to handle. One thread, the
// connection's.
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
  // `peer`: its name, for the log. `unfinished`: what it holds of messages. `go_on` is called in the turn of
  // the loop after each hold().
  read_pacer(uv_loop_t* on, net::stream& stream, std::string peer,
             const unfinished_messages::share& unfinished, std::function<void()> go_on);

  // So many bytes have been read and handled.
  void after_read(std::size_t bytes);
  // What has been read is not all handled.
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
  base::uv::timer timer_; // while the stream is paused, unless it holds
  // No timer: libuv runs one that is due at once again and again before it looks at its sockets.
  base::uv::idle next_turn_;
  unsigned small_reads_ = 0;       // in a row, with nothing written between them
  std::uint64_t written_then_ = 0; // at the last of them
};

} // namespace coppice::dist
