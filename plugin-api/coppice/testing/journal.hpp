// SPDX-License-Identifier: MIT
// What a test reads and says: what an actor did, in its journal, and what those it asks do about it.
// Destinations, pids and references are terms. Header-only. One thread.
#pragma once

#include <coppice/actor.h>
#include <coppice/log.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <coppice/testing/event.hpp>
#include <coppice/testing/router.hpp>
#include <coppice/testing/statem.hpp>
#include <coppice/testing/value.hpp>

namespace coppice::testing {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// What a process that the actor calls does about a request.
struct response {
  std::int32_t status = COPPICE_OK; ///< COPPICE_E_EXIT, E_NOPROC, E_NODEDOWN; E_TIMEOUT: it never answers
  value term;                       ///< the reply, or the exit reason
};
inline response replies(value reply) {
  return {COPPICE_OK, std::move(reply)};
}
inline response exits(value reason) {
  return {COPPICE_E_EXIT, std::move(reason)};
}
inline response nodedown() {
  return {COPPICE_E_NODEDOWN, {}};
}
inline response silence() {
  return {COPPICE_E_TIMEOUT, {}};
}

struct sent_message {
  value to, term;
  bool is_cast = false;
  std::uint32_t flags = 0; ///< COPPICE_PRIORITY, COPPICE_NO_CONNECT, COPPICE_NO_WAIT
};
struct made_call {
  value to, request;
  nanoseconds patience{}; ///< nanoseconds::max(): no deadline
  std::uint64_t id = 0;   ///< of a request; 0: a call
};
struct child {
  std::string actor, name;
  value args, pid;
  bool linked = false, monitored = false;
};
struct remote_child {
  std::string node, module, function;
  value args, options, pid;
  bool linked = false, monitored = false;
};
struct sent_exit {
  value pid, reason;       ///< or an alias
  std::uint32_t flags = 0; ///< COPPICE_PRIORITY, COPPICE_NO_CONNECT
};
struct log_line {
  std::int32_t level = COPPICE_LOG_INFO;
  std::string text;
  std::map<std::string, value> fields;
};

/// In the order it happened; a test reads and clears as it likes.
struct journal {
  std::vector<sent_message> sent;
  std::vector<made_call> calls;
  std::vector<child> children;
  std::vector<remote_child> remote_children;
  std::vector<sent_exit> exits;
  std::vector<log_line> logs;
  std::vector<made_transition> transitions; // of a state machine
  std::vector<routed_message> routed;       // by a router
  std::vector<left_manager> left;           // of an event handler
  std::vector<std::string> complaints;      ///< rules of the ABI that it broke
  std::string label;
};

// What an actor has until it ends it, or it ends by itself.
struct timer {
  std::uint64_t id = 0;
  nanoseconds due{};    ///< on the actor's clock
  nanoseconds period{}; ///< 0: fires once
  value to, term;       ///< no `to`: the actor itself
};
struct monitored {
  value whom;
  value tag;                                ///< what its message begins with
  std::uint32_t flags = 0;                  ///< COPPICE_PRIORITY, COPPICE_NO_CONNECT
  std::uint32_t alias = COPPICE_ALIAS_NONE; ///< how long its reference is one
};

} // namespace coppice::testing
