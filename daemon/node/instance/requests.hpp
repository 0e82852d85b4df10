// SPDX-License-Identifier: MIT
// Requests from outside the runtime to one process: finding it, calls, and questions about the process
// itself. Each `done` is called once, on a worker's thread unless its comment says otherwise, and must not
// wait. `timeout`: ns; runtime::no_deadline: no limit. The functions that return a pid return the process
// that asks (none: there is none): once it is killed the request is given up, and `done` gets an error. Any
// thread; no function waits. The node outlives this.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "runtime/inspectable.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/occupation.hpp"

namespace coppice::node {

struct components;

class requests {
 public:
  explicit requests(components& of) : of_(of) {}
  requests(const requests&) = delete;
  requests& operator=(const requests&) = delete;

  // As snapshots::resolve() and snapshots::info(), and the process of global:NAME is found by asking
  // `global`. `done` is called on the caller's thread before the function returns, but for global:NAME on a
  // worker's thread, with the errors of find_global() (target.hpp).
  void resolve(std::string_view target, std::function<void(base::result<runtime::destination>)> done);
  void info(std::string_view process, std::function<void(base::result<runtime::process_info>)> done);

  // A gen_server:call.
  using call_done = std::function<void(behaviours::gen::call_result)>;
  runtime::pid call(const runtime::destination& to, runtime::message request, base::nanos timeout,
                    call_done done);
  // A gen_server:cast, and a plain message. errc::limit: the mailbox is full.
  base::status cast(const runtime::destination& to, const runtime::message& request);
  base::status send(const runtime::destination& to, runtime::message m);

  // The occupation of a process of this node. Empty: it did not answer in time.
  void occupation_of(const runtime::pid& process, base::nanos timeout,
                     std::function<void(std::optional<runtime::occupation>)> done);
  // For a server of this node: the result of its format_status, if that is wanted, and its engine's report.
  void state_of(const runtime::pid& process, behaviours::shown_part wanted, base::nanos timeout,
                std::function<void(behaviours::shown_state)> done);
  // The report of the engine of a process of this node: a map that names its `kind`. The process is called
  // with `change` first. Empty: no call. errc::timeout, errc::closed. errc::refused: the change was answered
  // with an error, and why.
  runtime::pid engine_of(const runtime::pid& process, runtime::message change, base::nanos timeout,
                         std::function<void(base::result<runtime::message>)> done);
  // Switches off what `sys` has switched on at a server of this node: log, statistics, trace. errc::timeout,
  // errc::closed.
  runtime::pid stop_debugging(const runtime::pid& process, base::nanos timeout,
                              std::function<void(base::status)> done);

 private:
  components& of_;
};

} // namespace coppice::node
