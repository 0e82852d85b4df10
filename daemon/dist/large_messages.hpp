// SPDX-License-Identifier: MIT
// Very large messages under way to one peer. They are sent in fragments that take turns, and only as many as
// keep the network busy: other messages pass between them, but later ones of the same sender wait behind it.
// At most most_under_way are under way; more wait until one ends, because the receiver keeps the beginning of
// each. Writes fragments and nothing else. The connection's thread.
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
  // The messages that may go on: a message whose last fragment was written, if any, and those that its sender
  // sent after it; or the messages of a sender that waited for room for another large message.
  struct released {
    runtime::signal_ptr done;
    std::deque<addressed> behind;
  };

  // Bytes of fragments given to the network before it has taken any.
  static constexpr std::size_t window = std::size_t{1} << 20;
  static constexpr std::size_t most_under_way = 256;

  large_messages(packer& to_frames, net::stream& out) : packer_(to_frames), stream_(out) {}

  // Whether a payload of that size is sent in fragments, between which others pass.
  bool is_large(std::size_t payload_bytes) const {
    return payload_bytes > window / 4 && packer_.takes_fragments();
  }
  bool empty() const { return by_sender_.empty(); }
  bool has(const runtime::pid& sender) const { return by_sender_.contains(sender); }
  // Whether a further large message has to wait().
  bool full() const { return under_way_ == most_under_way || stream_.bytes_queued() >= window; }

  // For begin() and wait(), the sender must have no message here. begin() writes the first fragment of
  // `what`; `payload` may be a part of the signal's. False: the message has no encoding, and nothing is
  // written or kept.
  bool begin(const control_message& control, const packer::content& payload, runtime::signal_ptr& what);
  // Keeps a large message for which there is no room; it is released when there is.
  void wait(const runtime::destination& to, runtime::signal_ptr what);

  // Keeps a message whose sender has a large one here; it is released after that.
  void hold(const runtime::destination& to, runtime::signal_ptr what);
  void hold(const runtime::pid& sender, std::deque<addressed> behind);

  // Writes fragments until the network has enough, or something is released; after a release there may be
  // more to write.
  std::optional<released> next();

  // Bytes queued behind large messages. A large message that has not begun counts only as much as its first
  // fragment.
  std::size_t held_bytes() const { return held_bytes_; }
  // Bytes of large messages that are not written yet.
  std::size_t unwritten_bytes() const { return unwritten_bytes_; }

  // For the end of the connection: calls `tell(to, signal, begun)` for each signal that was not written
  // completely. Only the signals of one sender are in order. `begun`: a part of it was written.
  template <class Tell>
  void for_each_left(Tell&& tell) const {
    for (const auto& [sender, one] : by_sender_) {
      tell(one.to, *one.signal, one.begun);
      for (const auto& [to, what] : one.behind) tell(to, *what, false);
    }
  }

 private:
  struct entry {
    runtime::destination to; // not set if begun
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
  std::deque<runtime::pid> turns_;   // senders in the order in which their fragments are written
  std::deque<runtime::pid> waiting_; // senders in the order in which their large messages may begin
  std::size_t under_way_ = 0;        // begun and not ended
  std::size_t held_bytes_ = 0;
  std::size_t unwritten_bytes_ = 0;
};

} // namespace coppice::dist
