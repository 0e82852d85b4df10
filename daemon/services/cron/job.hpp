// SPDX-License-Identifier: MIT
// A job of the node: when it is due, and what it does. Plain values; any thread.
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
    start,  // a child of a supervisor here: until the child ends
    remote, // a process on another node: until it ends
  };
  kind is = kind::send;
  std::string to; // send, cast, call: NAME or NAME@ALIVE@HOST; start: the supervisor's name
  std::vector<std::uint8_t> message; // of the three: a term; empty: {cron, Name, Seconds}, see cron_run.hpp
  base::nanos timeout = 0;           // of a call; of the two others for the process to be there
  std::string actor;                 // start: PLUGIN:ACTOR; empty: what the supervisor's template is
  std::string node;                  // remote: ALIVE@HOST
  std::string module, function;      // remote
  std::vector<std::uint8_t> args;    // start: a map; remote: a list
  std::uint32_t arity = 0;           // remote: of the list, at most 255
  bool operator==(const cron_action&) const = default;
};

struct cron_job {
  cron::job timing;
  cron_action action;
  bool on_one_node = false; // of those that are connected and have it, the one with the lowest name
  bool operator==(const cron_job&) const = default;
};

} // namespace coppice::services
