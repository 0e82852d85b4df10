// SPDX-License-Identifier: MIT
// Makes the signals that tell processes of other nodes. Any thread.
#include "dist/local_notices.hpp"

#include <utility>

#include "runtime/messages/exit_reason.hpp"

namespace coppice::dist {

using runtime::make_signal;
using runtime::signal_kind;

void local_notices::bounce(const runtime::destination& to, const runtime::signal& s) {
  const bool to_process = to.what() == runtime::destination::kind::process;
  const runtime::pid remote = to_process ? to.process() : runtime::pid{to.node(), 0, 0, 0};
  const auto deliver_in_order = [&](runtime::signal_ptr what) {
    what->flags |= runtime::signal::remote;
    system_.deliver(s.from, std::move(what));
  };
  switch (s.kind) {
    case signal_kind::link:
      deliver_in_order(make_signal(signal_kind::exit, remote, runtime::reasons::noconnection()));
      return;
    case signal_kind::monitor: {
      auto down = make_signal(signal_kind::down, remote, s.ref, runtime::reasons::noconnection());
      down->flags = s.flags & runtime::signal::by_name;
      deliver_in_order(std::move(down));
      return;
    }
    case signal_kind::spawn_request:
      system_.deliver(s.from,
                      make_signal(signal_kind::down, remote, s.ref, runtime::reasons::noconnection()));
      return;
    case signal_kind::unlink: {
      auto ack = make_signal(signal_kind::unlink_ack, remote);
      ack->number = s.number;
      deliver_in_order(std::move(ack));
      return;
    }
    case signal_kind::message:
      count_lost(1);
      if ((s.flags & runtime::signal::of_call) != 0)
        system_.deliver(s.from,
                        make_signal(signal_kind::down, remote, s.ref, runtime::reasons::noconnection()));
      if ((s.flags & runtime::signal::awaited) != 0) wake(resting_sender{s.from, s.number});
      return;
    default:
      return;
  }
}

void local_notices::wake(const resting_sender& one) {
  auto go_on = make_signal(signal_kind::stop_waiting, {});
  go_on->number = one.number;
  system_.deliver(one.who, std::move(go_on));
}

void local_notices::tell_watchers(std::uint32_t node, std::string_view name, const node_watchers& watchers) {
  constexpr auto flags = runtime::signal::unbounded | runtime::signal::remote | runtime::signal::notice;
  for (const auto& [who, times] : watchers) {
    runtime::message_writer out;
    out.tuple(2);
    out.atom("nodedown");
    out.atom(name);
    const auto told = out.take();
    for (std::uint32_t i = 0; i < times; ++i) {
      auto s = make_signal(signal_kind::message, runtime::pid{node, 0, 0, 0}, told);
      s->flags = flags;
      system_.deliver(who, std::move(s));
    }
  }
}

void local_notices::tell_askers(const std::vector<runtime::reference>& askers, bool connected) {
  for (const auto& ref : askers) {
    if (!ref) continue;
    runtime::message_writer out;
    out.tuple(2);
    runtime::write(out, ref, system_.nodes());
    out.boolean(connected);
    auto s = make_signal(signal_kind::message, {}, ref, out.take());
    s->flags = runtime::signal::unbounded;
    system_.deliver(runtime::destination::alias(ref), std::move(s));
  }
}

} // namespace coppice::dist
