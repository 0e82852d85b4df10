// SPDX-License-Identifier: MIT
// Brings the events of all channels to those subscribers whom it was given: one outlet for each worker, each
// run by a process of its own. For each channel it remembers up to where its subscribers are; who has no room
// is left behind, and is asked again a little later, so that he delays nobody else. A state machine: what it
// does goes through a port, and no call does more than its budget says.
//
// take() is for any thread, all else for the process that runs it.
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
  // False: there is no room, and nothing was sent.
  virtual bool send(const runtime::pid& to, const runtime::message& m) = 0;
  virtual void send_unbounded(const runtime::pid& to, runtime::message m) = 0;
  virtual void exit(const runtime::pid& to, runtime::message reason) = 0;
  // gone() is called when it ends.
  virtual runtime::reference watch(const runtime::pid& who) = 0;
  virtual void unwatch(const runtime::reference& of) = 0;
};

// What an outlet is told of a channel.
struct channel_order {
  enum class kind : std::uint8_t { news, join, leave } what = kind::news;
  std::shared_ptr<event_channel> of;
  joining_subscriber one{}; // leave: who and id
};

class event_outlet {
 public:
  // `wake` is called, on any thread, when there is something to do for one that had nothing.
  event_outlet(std::size_t index, std::function<void()> wake);
  ~event_outlet();
  event_outlet(const event_outlet&) = delete;
  event_outlet& operator=(const event_outlet&) = delete;

  void take(channel_order order);

  // What is to be done next: at once, when the time has passed, or nothing until it is woken.
  struct progress {
    bool more = false;
    std::optional<base::nanos> again_in{};
  };
  // `budget`: messages, at most; at least 1.
  progress run(event_port& by, std::size_t budget);
  // The time of again_in has passed: those who are behind are asked again by the next run().
  void ask_again();
  // A subscriber has ended.
  void gone(const runtime::pid& who);
  // Another process runs it from now on.
  void rewatch(event_port& by);

 private:
  class station; // of a channel
  struct watched {
    runtime::reference by;
    std::vector<event_channel*> in; // the stations that have it
  };

  void carry_out(event_port& by, const channel_order& order);
  void activate(event_channel* of);
  void hold(event_port& by, const runtime::pid& who, event_channel* in);
  void release(event_port& by, const runtime::pid& who, event_channel* in);

  const std::size_t index_;
  const std::function<void()> wake_;
  std::unordered_map<event_channel*, std::unique_ptr<station>> stations_;
  std::unordered_map<runtime::pid, watched, runtime::pid_hash> watched_;
  std::vector<event_channel*> active_;         // have something to do now
  std::unordered_set<event_channel*> lagging_; // have subscribers who are behind
  base::nanos delay_ = 0;                      // before those are asked again

  std::mutex lock_; // of the next two
  std::vector<channel_order> inbox_;
  bool awake_ = false;
};

} // namespace coppice::behaviours
