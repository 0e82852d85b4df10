// SPDX-License-Identifier: MIT
// See kernel application_controller.erl. An application that does not start counts as one that ended
// badly: it takes the node down unless it is temporary. In the process's own turn.
#include "behaviours/application/controller.hpp"

#include <algorithm>

#include "base/log_event.hpp"
#include "behaviours/application/master.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

namespace log = base::log;

constexpr std::string_view module = "application";
constexpr std::string_view stop_tag = "stop_applications";

constexpr std::string_view start_tag = "start_application";
constexpr std::string_view stop_one_tag = "stop_application";
constexpr std::string_view env_tag = "get_all_env";

// {Tag, Name}
message about(std::string_view tag, std::string_view name) {
  message_writer out;
  out.tuple(2);
  out.atom(tag);
  out.atom(name);
  return out.take();
}

message error_about(std::string_view tag, std::string_view name) {
  return runtime::error_message(about(tag, name));
}

} // namespace

application_controller::application_controller(std::vector<application_spec> applications, supervision with,
                                               application_board& board, application_events events)
    : native_server(std::string(registered_name)),
      with_(std::move(with)),
      board_(board),
      events_(std::move(events)) {
  for (application_spec& spec : applications) applications_.emplace_back().spec = std::move(spec);
}

application_controller::~application_controller() {
  say_gone();
}

// Called at the end of on_stop() too: the object may live longer, since it belongs to a worker, which may be
// stuck.
void application_controller::say_gone() {
  if (const auto gone = std::exchange(events_.gone, nullptr)) gone();
}

message application_controller::stop_message() {
  return message::atom(stop_tag);
}

message application_controller::start_request(std::string_view name) {
  return about(start_tag, name);
}

message application_controller::stop_request(std::string_view name) {
  return about(stop_one_tag, name);
}

message application_controller::env_request(std::string_view name) {
  return about(env_tag, name);
}

outcome application_controller::on_start(process& self) {
  self.trap_exit(true);
  self.use_reserved_stacks();
  start_next(self);
  return runtime::carry_on();
}

void application_controller::start_next(process& self) {
  std::vector<std::string> failed;
  for (application& one : applications_) {
    if (going_down_ || one.state == application_state::starting) return;
    if (one.state == application_state::stopping && one.then == application::after::start) return;
    if (one.state == application_state::waiting) {
      start_if_possible(self, one);
      if (one.state == application_state::starting) return;
    }
    if (one.state == application_state::failed) failed.push_back(one.spec.name);
  }
  if (told_started_ || going_down_) return;
  told_started_ = true;
  if (events_.all_started) events_.all_started(failed);
}

message application_controller::not_started(std::string_view dependency) {
  return about("not_started", dependency);
}

std::string application_controller::missing(const application& of) const {
  for (const std::string& name : of.spec.depends_on) {
    for (const application& one : applications_) {
      if (one.spec.name == name && one.state != application_state::running) return name;
    }
  }
  return {};
}

void application_controller::start_if_possible(process& self, application& one) {
  const std::string absent = missing(one);
  absent.empty() ? start(self, one) : fail(self, one, not_started(absent));
}

void application_controller::start(process& self, application& one) {
  const auto shared = std::make_shared<supervision>(with_);
  shared->env = one.spec.env;
  shared->bounded = std::exchange(one.bounded, false);
  runtime::spawn_options options;
  options.label = one.spec.name;
  options.link = true;
  options.of_node = true;
  const auto master = self.spawn(std::move(options), std::make_unique<application_master>(one.spec, shared));
  if (!master) return fail(self, one, message::atom("system_limit"));
  one.master = *master;
  change(one, application_state::starting);
}

// The caller that asked for the start is told. Without a caller, the failure takes the node down unless the
// application is temporary.
void application_controller::fail(process& self, application& one, const message& reason) {
  base::log::error(module, "{} did not start: {}", one.spec.name, runtime::shown(reason));
  change(one, application_state::failed, reason);
  if (one.before) {
    one.spec = std::move(*one.before);
    one.before.reset();
    board_.specify(one.spec);
    answer(self, one, runtime::error_message(reason));
    one.bounded = true;
    return one.ran_before ? start(self, one) : void();
  }
  if (one.caller) {
    answer(self, one, runtime::error_message(reason));
    if (one.leaves_on_failure) forget(one);
    return;
  }
  if (one.spec.type != application_type::temporary) take_node_down(one);
}

void application_controller::ended(process& self, application& one, const message& reason) {
  one.master = {};
  if (one.state == application_state::starting) {
    fail(self, one, reason);
    return start_next(self);
  }
  if (one.state == application_state::stopping) {
    log::tell(log::events::application_ended, log::level::info, module, {{"application", one.spec.name}},
              "{} stopped", one.spec.name);
    change(one, std::exchange(one.was, application_state::stopped), reason);
    const auto then = std::exchange(one.then, application::after::stay);
    if (then == application::after::start) return start(self, one);
    answer(self, one, message::atom("ok"));
    if (then == application::after::leave) forget(one);
    return;
  }
  const bool fatal = one.spec.type == application_type::permanent ||
                     (one.spec.type == application_type::transient && !runtime::is_normal(reason));
  const std::string why = runtime::shown(reason);
  log::tell(log::events::application_ended, fatal ? log::level::error : log::level::info, module,
            {{"application", one.spec.name}, {"reason", why}}, "{} ({}) ended: {}", one.spec.name,
            text(one.spec.type), why);
  change(one, application_state::stopped, reason);
  if (fatal) take_node_down(one);
}

void application_controller::take_node_down(const application& one) {
  if (going_down_) return;
  going_down_ = true;
  base::log::error(module, "the end of {} ({}) takes the node down", one.spec.name, text(one.spec.type));
  if (events_.node_must_stop) events_.node_must_stop(one.spec.name);
}

void application_controller::change(application& one, application_state state, const message& reason) {
  one.state = state;
  board_.change(one.spec.name, state, reason);
}

outcome application_controller::handle_info(process& self, const message& m) {
  std::string_view name;
  runtime::pid top;
  gen::exit_notice exit;
  if (gen::read_exit(self, m, exit)) {
    for (application& one : applications_) {
      if (one.master && one.master == exit.from) {
        ended(self, one, exit.reason);
        break;
      }
    }
  } else if (application_master::read_started(self, m, name, top)) {
    for (application& one : applications_) {
      if (one.spec.name != name || one.state != application_state::starting) continue;
      one.state = application_state::running;
      board_.running(name, top);
      log::tell(log::events::application_started, log::level::info, module,
                {{"application", std::string(name)}}, "{} started", name);
      one.before.reset();
      one.leaves_on_failure = false;
      answer(self, one, message::atom("ok"));
    }
    start_next(self);
  } else if (self.origin().notice && etf::cursor(m.bytes()).read_atom_is(stop_tag)) {
    return runtime::stop(runtime::reasons::shutdown());
  }
  return runtime::carry_on();
}

std::optional<peer_requests> application_controller::from_peers() const {
  constexpr auto call = gen::request::kind::call;
  static constexpr peer_request requests[] = {{call, "which_applications", 0, 0, peer_request::answers},
                                              {call, "loaded_applications", 0, 0, peer_request::answers}};
  return requests;
}

native_server::call_answer application_controller::handle_call(process& self, const message& from,
                                                               const message& request) {
  etf::cursor at(request.bytes());
  std::string_view what;
  std::string_view name;
  if (at.read_atom(what)) {
    if (what == "which_applications") return reply(list_applications(true));
    if (what == "loaded_applications") return reply(list_applications(false));
  } else if (at.read_tuple_of(2) && at.read_atom(what) && self.origin().here()) {
    if (what == pending_orders::tag && with_.orders != nullptr) {
      std::any ordered = with_.orders->take(at.rest());
      auto* const mine = std::any_cast<application_order>(&ordered);
      if (mine != nullptr) return carry_out(self, from, std::move(*mine));
    }
    if (what == start_tag && at.read_atom(name)) return start_one(self, from, name);
    if (what == stop_one_tag && at.read_atom(name)) return stop_one(self, from, name);
    if (what == env_tag && at.read_atom(name)) {
      const application* const one = find(name);
      if (one == nullptr) return reply(message::atom("undefined"));
      return reply(one->spec.env ? one->spec.env : message::immortal(etf::empty_map));
    }
  }
  return native_server::handle_call(self, from, request);
}

application_controller::application* application_controller::find(std::string_view name) {
  for (application& one : applications_) {
    if (one.spec.name == name) return &one;
  }
  return nullptr;
}

native_server::call_answer application_controller::start_one(process& self, const message& from,
                                                             std::string_view name) {
  application* const one = find(name);
  if (one == nullptr) return reply(error_about("unknown_application", name));
  if (going_down_) return reply(runtime::error_message(message::atom("terminating")));
  if (one->state != application_state::stopped && one->state != application_state::failed) {
    return reply(error_about("already_started", name));
  }
  const std::string absent = missing(*one);
  if (!absent.empty()) return reply(error_about("not_started", absent));
  one->caller = from.compact();
  start(self, *one);
  return no_reply();
}

native_server::call_answer application_controller::stop_one(process& self, const message& from,
                                                            std::string_view name) {
  application* const one = find(name);
  if (one == nullptr) return reply(error_about("unknown_application", name));
  if (one->state != application_state::running) return reply(error_about("not_started", name));
  halt(self, *one, from, application::after::stay);
  return no_reply();
}

void application_controller::halt(process& self, application& one, const message& from,
                                  application::after then) {
  one.caller = from.compact();
  one.then = then;
  change(one, application_state::stopping);
  self.exit(one.master, runtime::reasons::shutdown());
}

void application_controller::forget(application& one) {
  board_.remove(one.spec.name);
  std::erase_if(applications_, [&one](const application& each) { return &each == &one; });
}

void application_controller::answer(process& self, application& one, const message& reply) {
  if (const message caller = std::exchange(one.caller, {})) gen::reply(self, caller, reply);
}

// [{Name, Description, Version}], the latest started first.
message application_controller::list_applications(bool running_only) const {
  const auto listed = [running_only](const application& one) {
    return !running_only || one.state == application_state::running;
  };
  message_writer out;
  out.list(static_cast<std::uint32_t>(std::count_if(applications_.begin(), applications_.end(), listed)));
  for (auto one = applications_.rbegin(); one != applications_.rend(); ++one) {
    if (!listed(*one)) continue;
    out.tuple(3);
    out.atom(one->spec.name);
    out.string(one->spec.name);
    out.string(COPPICE_VERSION);
  }
  out.nil();
  return out.take();
}

void application_controller::on_stop(process& self, const message&) {
  going_down_ = true;
  for (auto one = applications_.rbegin(); one != applications_.rend() && !self.exiting(); ++one) {
    if (!one->master) continue;
    change(*one, application_state::stopping);
    const base::nanos began = base::mono_now();
    const runtime::reference end = self.monitor(one->master, true);
    self.exit(one->master, runtime::reasons::shutdown());
    (void)self.await(end);
    change(*one, application_state::stopped, runtime::reasons::shutdown());
    base::log::info(module, "{} stopped in {} ms", one->spec.name,
                    base::to_milliseconds(base::mono_now() - began).count());
  }
  if (!self.exiting()) say_gone();
}

} // namespace coppice::behaviours
