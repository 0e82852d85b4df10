// SPDX-License-Identifier: MIT
// Wraps a sys request in the monitor and alias of a call, and sends it as a notice.
#include "behaviours/gen/system_notice.hpp"

#include "runtime/system.hpp"

namespace coppice::behaviours {

namespace {

void send(runtime::process& self, const runtime::pid& of, etf::bytes body, const runtime::reference& ref) {
  const auto& names = self.host().nodes();
  runtime::message_writer out(body.size() + 128);
  out.tuple(3);
  out.atom("system");
  out.tuple(2);
  runtime::write(out, self.self(), names);
  out.list(1);
  out.atom("alias");
  runtime::write(out, ref, names);
  out.raw(body);
  self.notify(of, out.take());
}

} // namespace

gen::call_result ask_by_notice(runtime::process& self, const runtime::pid& of, etf::bytes body,
                               base::nanos deadline) {
  const runtime::reference ref = self.monitor(of, true);
  send(self, of, body, ref);
  return gen::finish_call(self, ref, deadline);
}

runtime::reference send_by_notice(runtime::process& self, const runtime::pid& of, etf::bytes body) {
  const runtime::reference ref = self.monitor(of, {.alias = runtime::alias_until::reply});
  send(self, of, body, ref);
  return ref;
}

} // namespace coppice::behaviours
