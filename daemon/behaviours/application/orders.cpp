// SPDX-License-Identifier: MIT
// How the application controller carries out changes of the configuration: applications are added, removed,
// replaced or told, one order at a time. The process that gave an order waits for the application, the
// controller does not. In the process's own turn.
#include <algorithm>

#include "behaviours/application/controller.hpp"
#include "behaviours/application/master.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;

native_server::call_answer application_controller::carry_out(process& self, const message& from,
                                                             application_order order) {
  using kind = application_order::kind;
  if (going_down_) return reply(runtime::error_message(message::atom("terminating")));
  if (order.what == kind::arrange) return arrange(order.order), reply(message::atom("ok"));
  application* const one = find(order.spec.name);
  found_application unasked;
  found_application& found = order.found != nullptr ? *order.found : unasked;
  if (order.what == kind::restore) return order_restore(self, from, std::move(order.spec), found);
  if (order.what == kind::add || (one == nullptr && order.what == kind::replace)) {
    return order_add(self, from, std::move(order.spec));
  }
  if (one == nullptr) return reply(message::atom("ok"));
  const bool busy = one->state == application_state::starting || one->state == application_state::stopping;
  if (busy) return reply(runtime::error_message(message::atom("busy")));
  found = {true, one->state};
  if (order.what == kind::replace) return order_replace(self, from, *one, std::move(order.spec));
  if (order.what == kind::remove) {
    if (one->state == application_state::running) {
      halt(self, *one, from, application::after::leave);
      return no_reply();
    }
    forget(*one);
    return reply(message::atom("ok"));
  }
  if (one->master && one->spec.max_runtime != order.spec.max_runtime) {
    self.notify(one->master, application_master::max_runtime_message(order.spec.max_runtime));
  }
  one->spec = std::move(order.spec);
  board_.specify(one->spec);
  return reply(message::atom("ok"));
}

native_server::call_answer application_controller::order_add(process& self, const message& from,
                                                             application_spec spec) {
  if (application* const known = find(spec.name)) return order_replace(self, from, *known, std::move(spec));
  application& one = applications_.emplace_back();
  one.spec = std::move(spec);
  board_.add(one.spec);
  one.caller = from.compact();
  one.leaves_on_failure = one.bounded = true;
  start_if_possible(self, one);
  return no_reply();
}

// An application that was stopped stays stopped.
native_server::call_answer application_controller::order_replace(process& self, const message& from,
                                                                 application& one, application_spec spec) {
  one.ran_before = one.state == application_state::running;
  one.bounded = true;
  if (one.state == application_state::stopped || one.state == application_state::waiting) {
    one.spec = std::move(spec);
    board_.specify(one.spec);
    return reply(message::atom("ok"));
  }
  one.before = std::exchange(one.spec, std::move(spec));
  board_.specify(one.spec);
  if (one.ran_before) {
    halt(self, one, from, application::after::start);
  } else {
    one.caller = from.compact();
    start_if_possible(self, one);
  }
  return no_reply();
}

// Takes another order back: the application runs if it ran, by its own specification, and stays down if it
// was down.
native_server::call_answer application_controller::order_restore(process& self, const message& from,
                                                                 application_spec spec,
                                                                 const found_application& found) {
  if (!found.noted) return reply(message::atom("ok"));
  application* one = find(spec.name);
  if (one == nullptr) {
    one = &applications_.emplace_back();
    board_.add(spec);
  }
  if (one->state == application_state::starting || one->state == application_state::stopping)
    return reply(runtime::error_message(message::atom("busy")));
  one->spec = std::move(spec);
  one->before.reset();
  one->bounded = true;
  board_.specify(one->spec);
  const bool ran = found.state == application_state::running;
  if (one->state == application_state::running) {
    halt(self, *one, from, ran ? application::after::start : application::after::stay);
    one->was = found.state;
    return no_reply();
  }
  if (!ran) {
    change(*one, found.state);
    return reply(message::atom("ok"));
  }
  one->caller = from.compact();
  start(self, *one);
  return no_reply();
}

void application_controller::arrange(const std::vector<std::string>& order) {
  const auto rank = [&order](const application& one) {
    return std::find(order.begin(), order.end(), one.spec.name) - order.begin();
  };
  std::stable_sort(applications_.begin(), applications_.end(),
                   [&rank](const application& a, const application& b) { return rank(a) < rank(b); });
  board_.arrange(order);
}

} // namespace coppice::behaviours
