// SPDX-License-Identifier: MIT
// After proc_lib:start_link and start_monitor. The new process sends its answer before its exit signals. So
// as long as the answer has not come, no 'EXIT' or 'DOWN' of the process has come either, and unlink and
// demonitor are enough: there are no messages to flush. A process whose init takes too long is killed, and
// the starter waits until it has ended: its name is free then, and another start can take it. In the
// process's own turn.
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours::gen {
namespace {

using runtime::message;
using runtime::process;
using failure = start_error::kind;

start_result failed(failure what, message reason = {}, const runtime::pid& who = {}) {
  return start_result(unexpect, what, base::error{}, std::move(reason), who);
}

// Reads `ok`, `ignore` or {error, Reason}.
start_result result_of(const runtime::pid& started, const message& ack) {
  etf::cursor at(ack.bytes());
  if (at.read_atom_is("ok")) return started;
  if (at.read_atom_is("ignore")) return failed(failure::ignored, ack);
  etf::bytes reason;
  const bool is_error = at.read_tuple_of(2) && at.read_atom_is("error") && at.read_term(reason);
  return failed(failure::init, is_error ? ack.slice(reason) : ack, started);
}

// Kills a process whose start took too long, and waits until it has ended. False: it is still in code that
// does not return. Also false if this process ends meanwhile, or has no stack to wait on.
bool kill(process& self, const runtime::pid& late) {
  const runtime::reference ended = self.monitor(late, true);
  self.exit(late, runtime::reasons::kill());
  const auto how = self.await(ended, base::mono_now() + kill_patience);
  return !how && how.error().what == runtime::await_error::kind::down;
}

} // namespace

start_result start(process& self, runtime::spawn_options&& options, std::unique_ptr<runtime::behaviour> does,
                   base::nanos deadline) {
  runtime::reference* const monitor = options.monitor;
  const bool linked = options.link;
  auto begun = self.start(std::move(options), std::move(does), deadline);
  if (!begun) return start_result(unexpect, failure::spawn, std::move(begun).error());
  using kind = runtime::answer_to_call::kind;
  const auto& [started, answer] = *begun;
  if (answer.what == kind::exiting) return failed(failure::exiting);
  if (answer.what == kind::reply || answer.what == kind::enveloped) {
    start_result result = result_of(started, answer.term);
    if (!result && monitor != nullptr) self.demonitor(*monitor, true);
    return result;
  }
  if (linked) self.unlink(started);
  if (monitor != nullptr) self.demonitor(*monitor, true);
  const bool gone = kill(self, started);
  if (self.exiting()) return failed(failure::exiting);
  const failure why = answer.what == kind::timeout ? failure::timeout : failure::limit;
  return failed(why, {}, gone ? runtime::pid() : started);
}

} // namespace coppice::behaviours::gen
