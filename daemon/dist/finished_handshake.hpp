// SPDX-License-Identifier: MIT
// A finished handshake on its way to its peer. It keeps what is received meanwhile. The worker's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/handshake.hpp"
#include "net/stream/stream.hpp"

namespace coppice::dist {

struct finished_handshake final : net::stream_handler {
  peer_node who;
  net::stream stream;
  std::vector<std::uint8_t> leftover;
  std::string admitted;
  bool outgoing = false;
  bool certified = false; // the peer showed a verified certificate
  bool closed = false;

  void on_data(base::bytes_span bytes) override {
    leftover.insert(leftover.end(), bytes.begin(), bytes.end());
    if (leftover.size() > handshake::max_total) stream.pause();
  }
  void on_closed(base::error) override { closed = true; }
};

} // namespace coppice::dist
