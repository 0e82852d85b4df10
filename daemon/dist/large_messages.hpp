// SPDX-License-Identifier: MIT
// Very large messages on their way to one peer. They go in fragments that take turns, and the network is
// given no more of them than keeps it busy: whatever else is sent goes between them, but what the same sender
// sends waits behind its own. So many are under way at once; more wait until one ends, since the receiver has
// to keep the beginning of each. It writes fragments and nothing else. One thread, the connection's.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "dist/packer.hpp"
#include "net/stream/stream.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::dist {

class large_messages {
 public:
  using addressed = std::pair<runtime::destination, runtime::signal_ptr>;
  // What may go on: a message whose last fragment is written, if any, and what its sender sent after it; or
  // messages of a sender that waited until there was room for another large one.
  struct released {
    runtime::signal_ptr done;
    std::deque<addressed> behind;
  };

  // Bytes the network is given of them before it has taken any.
  static constexpr std::size_t window = std::size_t{1} << 20;
  static constexpr std::size_t most_under_way = 256;

  large_messages(packer& to_frames, net::stream& out) : packer_(to_frames), stream_(out) {}

  // Whether a payload goes in fragments that let others pass.
  bool is_large(std::size_t payload_bytes) const {
    return payload_bytes > window / 4 && packer_.takes_fragments();
  }
  bool empty() const { return by_sender_.empty(); }
  bool has(const runtime::pid& sender) const { return by_sender_.contains(sender); }
  // Whether another one has to wait().
  bool full() const { return under_way_ == most_under_way || stream_.bytes_queued() >= window; }

  // Its sender has none here, in all of these. begin() writes the first fragment of `what`; false, and
  // nothing is written or kept: it has no encoding. `payload` may be a part of the signal's.
  bool begin(const control_message& control, const packer::content& payload, runtime::signal_ptr& what);
  // It is large and there is no room: released when there is.
  void wait(const runtime::destination& to, runtime::signal_ptr what);

  // Its sender has one here: released after it.
  void hold(const runtime::destination& to, runtime::signal_ptr what);
  void hold(const runtime::pid& sender, std::deque<addressed> behind);

  // Writes fragments until the network has enough of them, or something is released: then there may be more.
  std::optional<released> next();

  // Bytes held up that are not large messages' own, but for as much of one that waits as its first fragment.
  std::size_t held_bytes() const { return held_bytes_; }
  // Bytes of large messages that are not written yet.
  std::size_t unwritten_bytes() const { return unwritten_bytes_; }

  // The connection is lost: each signal not wholly written, in no order but each sender's; true: its writing
  // has begun.
  template <class Tell>
  void for_each_left(Tell&& tell) const {
    for (const auto& [sender, one] : by_sender_) {
      tell(one.to, *one.signal, one.begun);
      for (const auto& [to, what] : one.behind) tell(to, *what, false);
    }
  }

 private:
  struct entry {
    runtime::destination to; // unless begun
    runtime::signal_ptr signal;
    bool begun = false;
    packer::fragmented fragments; // if begun
    std::deque<addressed> behind;
  };

  released end(const runtime::pid& sender);
  released admit(const runtime::pid& sender);

  packer& packer_;
  net::stream& stream_;
  std::unordered_map<runtime::pid, entry, runtime::pid_hash> by_sender_;
  std::deque<runtime::pid> turns_;   // whose fragment is next
  std::deque<runtime::pid> waiting_; // whose large message may begin next
  std::size_t under_way_ = 0;        // begun and not ended
  std::size_t held_bytes_ = 0;
  std::size_t unwritten_bytes_ = 0;
};

} // namespace coppice::dist
