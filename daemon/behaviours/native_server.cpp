// SPDX-License-Identifier: MIT
// Sorts what arrives as gen_server's loop does: sys first, then the parent's exit, then calls, casts and
// the rest; nothing but the first two while suspended. In the process's own turn.
#include "behaviours/native_server.hpp"

#include "base/log.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

outcome native_server::receive(process& self, message m) {
  const gen::request what = gen::parse(m);
  if (what.what == gen::request::kind::system) return system_request(self, what);
  if (sys_ == nullptr || !sys_->suspended()) return dispatch(self, what);
  gen::exit_notice exit;
  if (gen::read_exit(self, m, exit) && exit.from == self.parent()) return runtime::stop(exit.reason);
  sys_->hold(std::move(m));
  return runtime::carry_on();
}

outcome native_server::system_request(process& self, const gen::request& what) {
  if (sys_ == nullptr) sys_ = std::make_unique<sys::protocol>();
  outcome next = sys_->handle(self, *this, what);
  for (message held; !next.stops() && sys_->next(held);) next = dispatch(self, gen::parse(held));
  return next;
}

outcome native_server::dispatch(process& self, const gen::request& what) {
  switch (what.what) {
    case gen::request::kind::call: {
      call_answer done = handle_call(self, what.from, what.body);
      if (done.reply) gen::reply(self, what.from, *done.reply);
      return done.next;
    }
    case gen::request::kind::cast:
      return handle_cast(self, what.body);
    case gen::request::kind::system:
      return system_request(self, what);
    case gen::request::kind::info:
      break;
  }
  gen::exit_notice exit;
  if (gen::read_exit(self, what.body, exit) && self.parent() && exit.from == self.parent()) {
    return runtime::stop(exit.reason);
  }
  return handle_info(self, what.body);
}

native_server::call_answer native_server::handle_call(process&, const message&, const message&) {
  runtime::message_writer out;
  out.tuple(2);
  out.atom("error");
  out.atom("bad_request");
  return reply(out.take());
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
