// SPDX-License-Identifier: MIT
// The journal of an actor: the record of its actions, for the test to read; and the responses that a test
// gives in place of other processes. Destinations, pids and references are terms. One thread.
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

/// What a called process does with a request.
struct response {
  std::int32_t status = COPPICE_OK; ///< COPPICE_E_EXIT, E_NOPROC, E_NODEDOWN; E_TIMEOUT: it never answers
  value term;                       ///< the reply, or the exit reason
};
response replies(value reply);
response exits(value reason);
response nodedown();
response silence();

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
  value pid, reason;       ///< an alias is possible too
  std::uint32_t flags = 0; ///< COPPICE_PRIORITY, COPPICE_NO_CONNECT
};
struct log_line {
  std::int32_t level = COPPICE_LOG_INFO;
  std::string text;
  std::map<std::string, value> fields;
};

/// In order of time. The test may read and clear the lists.
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
  std::vector<std::string> complaints;      ///< rules of the ABI that the actor broke
  std::string label;
};

// A timer that runs until the actor cancels it or it has fired.
struct timer {
  std::uint64_t id = 0;
  nanoseconds due{};    ///< on the actor's clock
  nanoseconds period{}; ///< 0: fires once
  value to, term;       ///< no `to`: the actor itself
};
struct monitored {
  value whom;
  value tag;                                ///< first element of its message
  std::uint32_t flags = 0;                  ///< COPPICE_PRIORITY, COPPICE_NO_CONNECT
  std::uint32_t alias = COPPICE_ALIAS_NONE; ///< how long its reference is an alias
};

} // namespace coppice::testing
