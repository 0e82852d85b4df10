// SPDX-License-Identifier: MIT
// The events that each event manager of a run has taken, and what each handler has had of them. The
// invariants of the workload `managers` are checked here, as the events come. One for a run; used by the
// thread that holds the baton. A log is never destroyed, because processes of a killed host never end.
// rooms: node
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/messages/ids.hpp"

namespace coppice::simulated {

// An event is named by its sender and the sender's number for it.
struct event_key {
  std::uint64_t sender = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const event_key&, const event_key&) = default;
};

struct handler_log;

// One life of an event manager.
struct manager_log {
  std::uint64_t number = 0;
  unsigned host = 0;
  bool waits = true;     // for its handlers, however long they take
  bool may_drop = false; // events that a slow handler has no room for
  bool allows = true;    // other nodes to add handlers
  bool over = false;     // it has ended, or was killed
  std::vector<event_key> taken;
  std::vector<handler_log*> handlers; // ordered by their begin
};

// The handler {'h:h', Number}.
struct handler_log {
  enum class state : std::uint8_t {
    begins,
    lives,
    refused, // its init failed
    left,    // it asked to be removed or replaced
    removed, // it was told to leave
    crashed,
  };
  std::uint64_t number = 0;
  manager_log* of = nullptr;
  std::uint64_t owner = 0; // the number of the process that is told of its end; 0: none
  state is = state::begins;
  bool killed = false;     // it was killed, or is about to be
  bool again = false;      // it has begun again: its next event decides where it goes on
  std::size_t next = 0;    // index of the next event in of->taken
  std::size_t handled = 0; // events that it has handled, by the same count
  unsigned told = 0;       // how often its owner was told of its end
  std::string end;         // the beginning of the reason that its owner is told
  runtime::pid process{};

  bool lives() const { return is == state::lives && !killed; }
  std::string shown() const;
};

class manager_logs {
 public:
  manager_log& begin_manager(unsigned host);
  // Gives up if there is no manager of that number.
  manager_log& manager(std::uint64_t number);
  // Makes the handler's log if there is none.
  handler_log& begin_handler(std::uint64_t number, manager_log& of);
  handler_log* find(std::uint64_t number); // null: no such handler

  // The manager begins to handle the event. `at`: the number of the manager's place.
  void taken(manager_log& by, unsigned at, const event_key& event);
  // The handler begins to handle the event, or has handled it.
  void came(handler_log& to, const event_key& event);
  void handled(handler_log& by) { by.handled = by.next; }
  // The manager has made the handler do something for which it must have had all earlier events.
  void up_to_date(const handler_log& one, std::string_view when);
  // A sync_notify of that event was answered.
  void answered(const event_key& event);
  // The owner is told that the handler has ended.
  void told(std::uint64_t owner, std::uint64_t number, const std::string& reason);

 private:
  std::map<std::uint64_t, manager_log*> managers_;
  std::map<std::uint64_t, handler_log*> handlers_;
  std::map<event_key, std::pair<manager_log*, std::size_t>> where_; // place of the event in `taken`
};

manager_logs& the_manager_logs();

} // namespace coppice::simulated
