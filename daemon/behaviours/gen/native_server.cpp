// SPDX-License-Identifier: MIT
// The defaults of native_server, for messages that a derived class does not take. In the process's own turn.
#include "behaviours/gen/native_server.hpp"

#include "base/log.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

bool native_server::takes(const process& self, gen::request::kind form, etf::bytes request) const {
  if (self.origin().here() || self.origin().notice) return true;
  const auto table = from_peers();
  return !table || find_request(*table, form, request) != nullptr;
}

outcome native_server::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  const message asker = whole.slice(from);
  call_answer done = takes(self, gen::request::kind::call, request)
                         ? handle_call(self, asker, whole.slice(request))
                         : native_server::handle_call(self, asker, {});
  if (done.reply && debug() != nullptr) debug()->replied(from, done.reply->bytes());
  if (done.reply) gen::reply(self, asker, *done.reply);
  return done.next;
}

outcome native_server::take_cast(process& self, const message& whole, etf::bytes request) {
  if (!takes(self, gen::request::kind::cast, request)) return native_server::handle_cast(self, whole);
  return handle_cast(self, whole.slice(request));
}

outcome native_server::take_info(process& self, const message& m) {
  if (!takes(self, gen::request::kind::info, m.bytes())) return native_server::handle_info(self, m);
  return handle_info(self, m);
}

native_server::call_answer native_server::handle_call(process& self, const message& from, const message&) {
  return reply(gen::unknown_request(self, from.bytes(), kind_ + " takes no such request"));
}

outcome native_server::handle_cast(process& self, const message&) {
  base::log::debug("behaviours", "{} {}: a cast it does not know", kind_,
                   to_text(self.self(), self.host().nodes()));
  return runtime::carry_on();
}

outcome native_server::handle_info(process& self, const message&) {
  base::log::debug("behaviours", "{} {}: a message it does not know", kind_,
                   to_text(self.self(), self.host().nodes()));
  return runtime::carry_on();
}

message native_server::sys_state(process&) {
  return message::atom("undefined");
}

} // namespace coppice::behaviours
