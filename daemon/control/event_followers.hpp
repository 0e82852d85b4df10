// SPDX-License-Identifier: MIT
// The readers of /api/v1/stream?event=NAME: each has a tail of the event, whose lines are sent as they come.
// The lines that wait for a reader that does not take its bytes are bounded by its tail, which drops the
// oldest ones and counts them; the server's deadline ends such a reader. The HTTP thread; only the function
// that says that there are lines is called on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/uv.hpp"
#include "net/http/http_server.hpp"
#include "node/shown/event_tail.hpp"

namespace coppice::control {

class event_followers {
 public:
  // `of` outlives it and is set by the time of the first open(), as is `tails`. `has_lines` is called on any
  // thread and must not wait: the HTTP thread then calls look().
  event_followers(uv_loop_t* loop, net::http_server*& of, node::event_tails& tails,
                  std::function<void(net::http_exchange)> has_lines);
  ~event_followers();
  event_followers(const event_followers&) = delete;
  event_followers& operator=(const event_followers&) = delete;

  std::size_t open_readers() const { return readers_.size(); }
  // Readers that did not take their bytes.
  std::uint64_t dropped() const { return dropped_; }

  // Begins the answer. `node`: the event's node; empty: this node. An error, as of event_tails::open(),
  // leaves the request unanswered.
  base::status open(net::http_exchange to, const std::string& name, const std::string& node,
                    const behaviours::event_subscribe_options& how);
  // Sends what there is for this reader, if it is still there.
  void look(net::http_exchange to);
  void writable(net::http_exchange to);
  // The reader has gone, or was dropped by the server.
  void left(net::http_exchange from);
  // Ends all answers.
  void end();

 private:
  using key = std::pair<std::uint64_t, std::uint64_t>;
  struct reader {
    net::http_exchange to;
    std::uint64_t number = 0; // of the tail
    std::shared_ptr<node::event_tail> tail;
    std::uint64_t after = 0; // the last line that it has
    bool is_slow = false;    // much waits for it: it gets nothing
    bool is_silent = true;   // nothing was sent to it since the last tick
  };

  void tick();
  void wait_for_lines(reader& one);
  // False: the write has ended the reader.
  bool write(net::http_exchange to, const std::string& text);
  void close(const reader& one);

  net::http_server*& server_;
  node::event_tails& tails_;
  const std::function<void(net::http_exchange)> has_lines_;
  base::uv::timer timer_;
  std::map<key, reader> readers_;
  std::uint64_t dropped_ = 0;
};

} // namespace coppice::control
