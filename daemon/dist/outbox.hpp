// SPDX-License-Identifier: MIT
// What waits to be drained to one peer: every thread pushes, who has the duty to drain takes it all. Small
// messages to a connected Coppice node become frames in the pushing thread, behind each other in the same
// memory, so that the drainer has nothing to do for each of them; all else stays a signal. One order for
// all: what a process pushes, on whichever worker, comes out in the order it was pushed.
//
// The lock guards what is queued and is held for some instructions. Whether anyone drains is a state apart:
// it is set to idle before one last look at whether anything is queued, and something is queued before it is
// set to awake, so that either the drainer sees it or the pusher has the duty.
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

// A signal on its way to another node.
struct routed {
  runtime::destination to;
  runtime::signal_ptr what;

  // What it counts for.
  static std::size_t weight_of(const runtime::signal& what) { return 128 + what.payload().size(); }
  std::size_t bytes() const { return weight_of(*what); }
};

// Messages of one connection as they go onto the network.
struct ready_frames {
  message_bytes bytes;
  std::uint64_t generation = 0; // of the connection they were made for
  std::size_t messages = 0;
  std::size_t weight = 0; // the sum of the messages'
};

class outbox {
 public:
  struct entry {
    routed one;        // unless it is
    ready_frames many; // these
  };
  // The connection there is, if its peer takes short forms.
  struct connected {
    std::uint64_t generation = 0;
    std::uint32_t node = 0;       // in node_names
    std::uint32_t creation = 0;   // of the peer
    std::size_t frames_below = 0; // payloads that become frames here
  };

  // Any thread. True: nobody drains, and the caller must see to it.
  bool push(const runtime::destination& to, runtime::signal_ptr what);
  // Any thread. Nothing is queued and nobody drains. Of what others push it may be out of date at once; what
  // the caller itself, or the process it runs, has pushed before is drained.
  bool is_idle() const {
    return !queued_.load(std::memory_order_relaxed) && !awake_.load(std::memory_order_relaxed);
  }

  // From now on, until close() or suspend(), messages become frames.
  void open(const connected& to);
  void close() { open({}); }
  // Only signals until the drainer says that what has to go before them is gone: try_idle(). For messages
  // that take long, and which what their senders send later may not pass.
  void suspend();

  // The drainer. All that is queued, into the empty `into`.
  void take_all(std::vector<entry>& into);
  // Gives up the duty; false if there is more. `resume`: nothing suspends any more.
  bool try_idle(bool resume);

 private:
  bool append(const runtime::destination& to, const runtime::signal& what);
  std::unique_lock<std::mutex> locked();

  std::atomic<bool> awake_{false};
  std::atomic<bool> queued_{false};
  std::atomic<bool> suspended_{false}; // written under the lock
  std::mutex lock_;                    // guards what follows
  std::vector<entry> entries_;
  connected to_;
};

} // namespace coppice::dist
