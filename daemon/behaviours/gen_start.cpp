// SPDX-License-Identifier: MIT
// See proc_lib:start_link and start_monitor. The new process dispatches its answer before its exit signals,
// so while the answer has not come no 'EXIT' and no 'DOWN' of it has either: what unlink and demonitor
// prevent from arriving is all there is to flush. In the process's own turn.
#include <utility>

#include "behaviours/gen.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours::gen {
namespace {

using runtime::message;
using runtime::process;
using failure = start_error::kind;

unexpected<start_error> failed(failure what, message reason = {}) {
  return unexpected(start_error{what, {}, std::move(reason), {}});
}

// `ok`, `ignore` or {error, Reason}.
start_result result_of(const runtime::pid& started, const message& ack) {
  etf::cursor at(ack.bytes());
  if (at.read_atom_is("ok")) return started;
  if (at.read_atom_is("ignore")) return failed(failure::ignored, ack);
  etf::bytes reason;
  const bool is_error = at.read_tuple_of(2) && at.read_atom_is("error") && at.read_term(reason);
  return unexpected(start_error{failure::init, {}, is_error ? ack.slice(reason) : ack, started});
}

} // namespace

start_result start(process& self, runtime::spawn_options&& options, std::unique_ptr<runtime::behaviour> does,
                   base::nanos deadline) {
  const runtime::reference ack = options.ack = self.make_ack();
  runtime::reference* const monitor = options.monitor;
  const bool linked = options.link;
  auto started = self.spawn(std::move(options), std::move(does));
  if (!started) {
    self.demonitor(ack);
    return unexpected(start_error{failure::spawn, std::move(started.error()), {}, {}});
  }
  const auto answer = self.await(ack, deadline);
  if (!answer) {
    using kind = runtime::await_error::kind;
    if (answer.error().what == kind::exiting) return failed(failure::exiting);
    if (linked) self.unlink(*started);
    if (monitor != nullptr) self.demonitor(*monitor, true);
    self.exit(*started, runtime::reasons::kill());
    return failed(answer.error().what == kind::timeout ? failure::timeout : failure::limit);
  }
  start_result result = result_of(*started, *answer);
  if (!result && monitor != nullptr) self.demonitor(*monitor, true);
  return result;
}

} // namespace coppice::behaviours::gen
