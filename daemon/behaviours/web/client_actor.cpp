// SPDX-License-Identifier: MIT
// The actor is started as a linked process without a supervisor, and ended by OTP's system message. In the
// connection's turns.
#include "behaviours/web/client_actor.hpp"

#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/log_counted.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr std::string_view late_tag = "$coppice_client_actor_late";
constexpr base::nanos most_of_stop = 5 * base::nanos_per_second;

} // namespace

base::result<std::unique_ptr<client_actor>> client_actor::start(process& self, const child_spec& what,
                                                                web_sites& site, tcp_counters* counters) {
  auto does = self.host().factory()->make({.actor = what.actor,
                                           .args = what.args,
                                           .env = site.env(),
                                           .label = site.label(),
                                           .unhandled = what.unhandled,
                                           .secrets = what.secrets});
  if (!does) return unexpected(std::move(does.error()));
  self.trap_exit(true);
  runtime::spawn_options options;
  options.label = site.label();
  options.link = true;
  options.priority = what.priority;
  options.mailbox = what.mailbox;
  options.worker = self.host().current_worker();
  const auto made = self.spawn(std::move(options), std::move(*does));
  if (!made) return unexpected(made.error());
  auto out = std::unique_ptr<client_actor>(new client_actor(site, counters));
  out->who_ = *made;
  return out;
}

void client_actor::expect_end(process& self) {
  if (ended_ || std::exchange(is_expected_, true)) return;
  self.remind(base::mono_now() + most_of_stop, message::atom(late_tag));
}

// Ends it as OTP's sys:terminate does: messages that were sent to the actor before are handled first.
void client_actor::end(process& self) {
  expect_end(self);
  if (ended_ || std::exchange(is_told_, true)) return;
  message_writer out;
  out.tuple(3);
  out.atom("system");
  out.tuple(2);
  runtime::write(out, self.self(), self.host().nodes());
  runtime::write(out, self.make_reference(), self.host().nodes());
  out.tuple(2);
  out.atom("terminate");
  out.atom("normal");
  self.send_unbounded(runtime::destination(who_), out.take());
}

bool client_actor::take(process& self, const message& m) {
  if (etf::cursor(m.bytes()).read_atom_is(late_tag)) {
    if (ended_) return true;
    base::log::counted(base::log::level::warning, "web", "late " + site_.label(),
                       "{}: the actor of a client that has gone is killed, it does not end", site_.label());
    self.exit(runtime::destination(who_), message::atom("kill"));
    return true;
  }
  gen::exit_notice gone;
  if (!gen::read_exit(self, m, gone) || gone.from != who_) return false;
  ended_ = true;
  if (runtime::is_orderly(gone.reason)) return true;
  if (counters_ != nullptr) counters_->crashed.add();
  base::log::counted(base::log::level::error, "web", "crashed " + site_.label(),
                     "{}: the actor of a client has ended: {}", site_.label(), runtime::shown(gone.reason));
  return true;
}

} // namespace coppice::behaviours
