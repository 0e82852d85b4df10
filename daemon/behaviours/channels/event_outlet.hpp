// SPDX-License-Identifier: MIT
// Sends the events of all channels to the subscribers of one worker. Each worker has an outlet, run by a
// process. For each channel it keeps how far its subscribers have come. A subscriber without room is set
// aside and tried again a little later, so that it delays no other. A state machine: all its output goes
// through a port, and no call exceeds its budget.
//
// take() is for any thread, everything else for the process that runs the outlet.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/channels/event_channel.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

class event_port {
 public:
  virtual ~event_port() = default;
  // False: no room, and nothing was sent.
  virtual bool send(const runtime::pid& to, const runtime::message& m) = 0;
  virtual void send_unbounded(const runtime::pid& to, runtime::message m) = 0;
  virtual void exit(const runtime::pid& to, runtime::message reason) = 0;
  // Monitors the process: gone() is called when it ends.
  virtual runtime::reference watch(const runtime::pid& who) = 0;
  virtual void unwatch(const runtime::reference& of) = 0;
};

// A channel's message to an outlet.
struct channel_order {
  enum class kind : std::uint8_t { news, join, leave } what = kind::news;
  std::shared_ptr<event_channel> of;
  joining_subscriber one{}; // for `leave` only `who` and `id`
};

class event_outlet {
 public:
  // `wake` is called, on any thread, when an outlet without work gets some.
  event_outlet(std::size_t index, std::function<void()> wake);
  ~event_outlet();
  event_outlet(const event_outlet&) = delete;
  event_outlet& operator=(const event_outlet&) = delete;

  void take(channel_order order);

  // When run() has to be called next: at once, after a time, or not before the outlet is woken.
  struct progress {
    bool more = false;
    std::optional<base::nanos> again_in{};
  };
  // `budget`: most messages to send; at least 1.
  progress run(event_port& by, std::size_t budget);
  // The time of again_in has passed: the next run() tries the subscribers that are behind again.
  void ask_again();
  // A subscriber has ended.
  void gone(const runtime::pid& who);
  // A new process runs the outlet, and has to monitor the subscribers.
  void rewatch(event_port& by);

 private:
  class station; // of a channel
  struct watched {
    runtime::reference by;
    std::vector<event_channel*> in; // stations that have it as a subscriber
  };

  void carry_out(event_port& by, const channel_order& order);
  void activate(event_channel* of);
  void hold(event_port& by, const runtime::pid& who, event_channel* in);
  void release(event_port& by, const runtime::pid& who, event_channel* in);

  const std::size_t index_;
  const std::function<void()> wake_;
  std::unordered_map<event_channel*, std::unique_ptr<station>> stations_;
  std::unordered_map<runtime::pid, watched, runtime::pid_hash> watched_;
  std::vector<event_channel*> active_;         // channels with work
  std::unordered_set<event_channel*> lagging_; // channels with subscribers that are behind
  base::nanos delay_ = 0;                      // until these subscribers are tried again

  std::mutex lock_; // guards inbox_ and awake_
  std::vector<channel_order> inbox_;
  bool awake_ = false;
};

} // namespace coppice::behaviours
