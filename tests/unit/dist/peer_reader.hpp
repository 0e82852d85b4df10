// SPDX-License-Identifier: MIT
// Reads what a raw peer is sent, frame by frame or message by message.
#pragma once

#include <stdexcept>
#include <vector>

#include "cluster.hpp"
#include "dist/unpacker.hpp"

namespace coppice::dist::testing {

class peer_reader {
 public:
  // `capabilities`: as in its handshake.
  explicit peer_reader(raw_peer& from, std::uint32_t capabilities = 0) : from_(from), in_({}, capabilities) {}

  // The next frame that is not a tick. Valid until the next call. Throws at the end of the stream.
  const std::vector<std::uint8_t>& next_frame() {
    for (;;) {
      std::span<const std::uint8_t> rest(received_);
      const auto whole = dist::next_frame(rest, 1U << 30);
      REQUIRE(whole);
      if (!*whole) {
        if (!from_.receive(received_)) throw std::runtime_error("the node closed the connection");
        continue;
      }
      frame_.assign((*whole)->begin(), (*whole)->end());
      received_.erase(received_.begin(), received_.end() - static_cast<std::ptrdiff_t>(rest.size()));
      if (frame_.empty()) continue;
      ++frames_;
      return frame_;
    }
  }
  // The next message. What it borrows from its last frame is valid until the next call.
  unpacked next() {
    for (;;) {
      auto taken = in_.take(next_frame());
      while (taken && *taken == nullptr && in_.busy()) taken = in_.go_on();
      REQUIRE(taken);
      if (*taken != nullptr) return std::move(**taken);
    }
  }
  const std::vector<std::uint8_t>& frame() const { return frame_; } // the frame read last
  int frames() const { return frames_; }                            // how many were read so far

 private:
  raw_peer& from_;
  unpacker in_;
  std::vector<std::uint8_t> frame_;
  std::vector<std::uint8_t> received_;
  int frames_ = 0;
};

} // namespace coppice::dist::testing
