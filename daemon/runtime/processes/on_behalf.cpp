// SPDX-License-Identifier: MIT
// See on_behalf.hpp. A signal whose sender is a process of another node is marked as coming from the network:
// it waits outside a full mailbox, as signals from that node's connection do. In the process's own turn.
#include "runtime/on_behalf.hpp"

#include <utility>

#include "runtime/messages/delivery.hpp"
#include "runtime/messages/sound_term.hpp"

namespace coppice::runtime {

std::optional<on_behalf> on_behalf::of(process& self, const pid& asker) {
  if (asker.node != self.origin().node) return std::nullopt;
  return on_behalf(self, asker);
}

on_behalf on_behalf::of_origin(process& self) {
  return {self, pid{self.origin().node, 0, 0, 0}};
}

send_status on_behalf::dispatch(const destination& to, signal_kind what, message payload) const {
  if (self_.exiting()) return send_status::ok;
  if (!to.here() && to.node() != asker_.node) return send_status::nodedown;
  if (!to.here() && what == signal_kind::message) check_before_leaving(self_, payload);
  signal_ptr made = make_signal(what, to.here() ? asker_ : self_.self(), std::move(payload));
  made->flags = to.here() && !asker_.here() ? signal::remote : signal::no_wait;
  // A message to the asker's node is bounded by that node's connection.
  if (!to.here()) made->flags = signal::unbounded;
  return delivery::dispatch(self_.host(), to, std::move(made), nullptr);
}

send_status on_behalf::send(const destination& to, message m) const {
  return dispatch(to, signal_kind::message, std::move(m));
}

send_status on_behalf::answer(message m) const {
  return asker_.here() ? self_.send_unbounded(asker_, std::move(m)) : send(asker_, std::move(m));
}

send_status on_behalf::exit(const pid& to, message reason) const {
  return dispatch(to, signal_kind::exit2, std::move(reason));
}

} // namespace coppice::runtime
