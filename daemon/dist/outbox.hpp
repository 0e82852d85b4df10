// SPDX-License-Identifier: MIT
// The queue of signals for one peer: every thread pushes, and the thread that has the duty to drain takes all
// of it. Small messages to a connected Coppice node are turned into frames by the pushing thread, one behind
// the other in the same memory, so the drainer has no work for each of them; everything else stays a signal.
// There is one order: what a process pushes, on any worker, comes out in the order in which it was pushed.
// The exception is a second, bounded queue, the lane, for messages whose order does not matter: they pass all
// that waits for the peer, here and in the connection's stream.
//
// The lock guards what is queued and is held for some instructions only. Whether a thread drains is a
// separate flag, awake_. A pusher queues first and then sets the flag; the drainer clears the flag and then
// looks once more for queued entries. So either the drainer sees the entry, or the pusher gets the duty.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "dist/message_bytes.hpp"
#include "dist/short_form.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::dist {

// A signal for another node, with its destination.
struct routed {
  runtime::destination to;
  runtime::signal_ptr what;

  // Bytes that the signal counts for in bounds.
  static std::size_t weight_of(const runtime::signal& what) { return 128 + what.payload().size(); }
  std::size_t bytes() const { return weight_of(*what); }
};

// Messages to one connection as they go onto the network.
struct ready_frames {
  message_bytes bytes;
  std::uint64_t generation = 0; // of the connection that they were made for
  std::size_t messages = 0;
  std::size_t weight = 0; // the sum of the weights of the messages
};

class outbox {
 public:
  struct entry {
    routed one;        // unless it is null:
    ready_frames many; // then these
  };
  // The connected peer, if it takes short forms.
  struct connected {
    std::uint64_t generation = 0;
    std::uint32_t node = 0;       // index in node_names
    std::uint32_t creation = 0;   // of the peer
    std::size_t frames_below = 0; // shorter payloads become frames here
  };

  // Any thread. True: no thread drains, and the caller has to see to it.
  bool push(const runtime::destination& to, runtime::signal_ptr what);
  // Any thread. Like push(), into the lane. Empty: the lane holds most_ahead bytes, and takes no more.
  static constexpr std::size_t most_ahead = std::size_t{1} << 20;
  std::optional<bool> push_ahead(const runtime::destination& to, runtime::signal_ptr what);
  // Any thread. Whether nothing is queued and no thread drains. Other threads may change that at once. True:
  // all that the caller, or the process that it runs, pushed before has been drained.
  bool is_idle() const {
    return !queued_.load(std::memory_order_relaxed) && !awake_.load(std::memory_order_relaxed);
  }

  // From now on messages become frames, until close() or suspend(). close() drops what is in the lane.
  void open(const connected& to);
  void close();
  // Stops making frames until the drainer calls try_idle(true). For a message that takes long and that later
  // messages of its sender may not pass.
  void suspend();

  // Drainer only. Moves all that is queued into `into`, which is empty.
  void take_all(std::vector<entry>& into);
  // Drainer only. Moves all that is in the lane into `into`.
  void take_ahead(std::vector<routed>& into);
  // Drainer only. Gives up the duty. False: there is more, and the duty stays. `resume`: nothing needs
  // suspend() any more.
  bool try_idle(bool resume);

 private:
  bool append(const runtime::destination& to, const runtime::signal& what);
  std::unique_lock<std::mutex> locked();

  std::atomic<bool> awake_{false};
  std::atomic<bool> queued_{false};
  std::atomic<bool> ahead_queued_{false};
  std::atomic<bool> suspended_{false}; // written under the lock
  std::mutex lock_;                    // guards the members below
  std::vector<entry> entries_;
  std::vector<routed> ahead_;
  std::size_t ahead_bytes_ = 0; // of ahead_
  connected to_;
};

} // namespace coppice::dist
