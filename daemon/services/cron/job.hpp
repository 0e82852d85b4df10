// SPDX-License-Identifier: MIT
// A job of the node: when it is due and what it does. Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cron/timetable.hpp"

namespace coppice::services {

struct cron_action {
  enum class kind : std::uint8_t {
    send,   // a message to a process
    cast,   // gen_server:cast
    call,   // gen_server:call: its run lasts until the answer
    start,  // a child of a supervisor here; the run lasts until the child ends
    remote, // a process on another node; the run lasts until it ends
  };
  kind is = kind::send;
  std::string to; // send, cast, call: NAME or NAME@ALIVE@HOST; start: the supervisor's name
  std::vector<std::uint8_t> message; // send, cast, call: a term; empty: {cron, Name, Seconds}, see run.hpp
  base::nanos timeout = 0;           // call: until the answer; start, remote: until the process exists
  std::string actor;                 // start: PLUGIN:ACTOR; empty: the supervisor's template
  std::string node;                  // remote: ALIVE@HOST
  std::string module, function;      // remote
  std::vector<std::uint8_t> args;    // start: a map; remote: a list
  std::uint32_t arity = 0;           // remote: length of the list, at most 255
  // The registered name of this node's member of a Raft group. The action is carried out only while that
  // member leads, and its term stands where the message or the arguments have the atom $term. Empty: none.
  std::string group;
  bool operator==(const cron_action&) const = default;
};

struct cron_job {
  cron::job timing;
  cron_action action;
  // Only on the node with the lowest name among connected nodes that have the job. False for a job whose
  // action has a group: it runs on the node that leads this group.
  bool on_one_node = false;
  bool operator==(const cron_job&) const = default;
};

} // namespace coppice::services
