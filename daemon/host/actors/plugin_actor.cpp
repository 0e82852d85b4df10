// SPDX-License-Identifier: MIT
// An actor of a plugin. A C++ exception that escapes a callback is caught here, so that it ends its actor and
// not the node. In the process's own turn.
#include "host/actors/plugin_actor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/log_settings.hpp"
#include "behaviours/supervision/supervisor_report.hpp"
#include "host/boundary/callback.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

// `kept`: empty: #{}.
bool is_same_map(const message& kept, const message& given) {
  return std::ranges::equal((kept ? kept : message::immortal(etf::empty_map)).bytes(), given.bytes());
}

} // namespace

plugin_actor::plugin_actor(actor_plan&& plan) : code_(plan.code), generation_(plan.image->generation()) {
  actor_.is = code_->is;
  actor_.image = std::move(plan.image);
  actor_.origin = kept_origin({std::move(plan.args), std::move(plan.env), std::move(plan.secrets)});
  actor_.unhandled = plan.unhandled;
  actor_.takes_streams = code_->streams.size != 0;
  if (plan.saved == nullptr) return;
  needs_handover().saved = std::move(plan.saved);
  handover_->only_tried = plan.only_tried;
}

plugin_actor::~plugin_actor() {
  if (has_prepared()) forget(*handover_->next);
  if (actor_.created && code_->lifecycle.destroy != nullptr)
    guarded(actor_, [this] { return code_->lifecycle.destroy(state_), COPPICE_OK; });
}

outcome plugin_actor::begin(process& self) {
  if (auto opened = open_sockets(self); !opened) {
    runtime::message_writer why;
    why.tuple(2);
    why.atom("listen");
    why.binary(opened.error().text);
    return runtime::stop(why.take());
  }
  outcome begun = begin_actor(self);
  if (begun.stops() || actor_.extra == nullptr) return begun;
  return take_first_stream();
}

outcome plugin_actor::begin_actor(process& self) {
  actor_.process = &self;
  std::int32_t status = look_only(actor_, looking::create, [this] {
    return call_or(COPPICE_OK, code_->lifecycle.create, &actor_, &state_);
  });
  actor_.created = status == COPPICE_OK;
  if (const std::string refusal = take_refusal(actor_, looking::create); !refusal.empty()) {
    actor_.needs_extra().error = {true, COPPICE_E_CONTEXT, refusal, {}};
    status = COPPICE_E_CONTEXT;
  }
  if (status != COPPICE_OK) return fail_to_begin(name_of(looking::create), status);
  if (handover_ != nullptr) return begin_restored(self);

  const message args = actor_.origin.args() ? actor_.origin.args() : message::immortal(etf::empty_map);
  const coppice_message lent = lend(args);
  status = in_turn(actor_, "init", {},
                   [&] { return call_or(COPPICE_OK, code_->lifecycle.init, &actor_, state_, &lent); });
  switch (status) {
    case COPPICE_OK:
    case COPPICE_HIBERNATE:
      forget_error();
      return runtime::carry_on();
    case COPPICE_IGNORE:
      return runtime::ignore();
    case COPPICE_CONTINUE:
      forget_error();
      actor_.to_be_continued = true;
      go_on_first(self);
      return runtime::carry_on();
    case COPPICE_UNHANDLED:
      return fail_to_begin("init", COPPICE_E_INVALID);
    default:
      return fail_to_begin("init", status);
  }
}

// The starter gets the reason; a supervisor also logs it.
outcome plugin_actor::fail_to_begin(const char* callback, std::int32_t status) {
  std::string thrown = backtrace(actor_, status);
  message reason = stop_reason(actor_, status);
  if (!runtime::is_orderly(reason) && is_supervised())
    actor_.process->host().crashes().leave(actor_.process->self(),
                                           {.callback = callback, .backtrace = std::move(thrown)});
  return runtime::stop(std::move(reason));
}

outcome plugin_actor::go_on() {
  std::int32_t status = COPPICE_OK;
  const char* const callback = "after_restore";
  if (std::exchange(actor_.restored, false)) {
    status = in_turn(actor_, callback, {},
                     [this] { return call_or(COPPICE_OK, code_->lifecycle.after_restore, &actor_, state_); });
    if (status == COPPICE_UNHANDLED) status = COPPICE_OK;
  }
  const bool goes_on = status == COPPICE_OK || status == COPPICE_HIBERNATE;
  if (std::exchange(actor_.to_be_continued, false) && goes_on) status = COPPICE_CONTINUE;
  return follow(status, callback);
}

outcome plugin_actor::follow_on(std::int32_t status, const char* callback, etf::bytes given) {
  while (status == COPPICE_CONTINUE) {
    callback = "handle_continue";
    given = {};
    status = in_turn(actor_, "handle_continue", {}, [this] {
      return call_or(COPPICE_OK, code_->lifecycle.handle_continue, &actor_, state_);
    });
    if (status == COPPICE_UNHANDLED) status = COPPICE_OK;
    if (status == COPPICE_CONTINUE && actor_.process->should_yield()) actor_.process->yield();
    if (actor_.process->exiting()) break;
  }
  if (status == COPPICE_OK || status == COPPICE_HIBERNATE) {
    forget_error();
    return runtime::carry_on();
  }
  // The term of its answer may come from another actor, so it is no reason to end: the caller gets an error
  // instead.
  if (status == COPPICE_E_TERM && actor_.extra != nullptr && actor_.extra->error.unanswered) {
    const coppice_error said = std::exchange(actor_.extra->error, {});
    gen::end_call(*actor_.process, said.unanswered, runtime::reasons::bad_term());
    return runtime::carry_on();
  }
  std::string thrown = backtrace(actor_, status);
  return stop_in(callback, given, stop_reason(actor_, status), std::move(thrown));
}

outcome plugin_actor::stop_in(const char* callback, etf::bytes given, message reason, std::string backtrace) {
  if (!runtime::is_orderly(reason)) {
    const bool shown = !given.empty() && base::log::shows_messages();
    actor_.needs_extra().crash = std::make_unique<runtime::crash_note>(
        runtime::crash_note{.callback = callback,
                            .message = shown ? runtime::shown_in_note(given) : "",
                            .backtrace = std::move(backtrace)});
  }
  return runtime::stop(std::move(reason));
}

runtime::unhandled plugin_actor::if_unhandled() const {
  return actor_.unhandled.value_or(code_->unhandled.value_or(runtime::unhandled::exit));
}

// A client outside of the cluster may be a person who mistyped a name: that ends the actor only if its
// configuration says so.
outcome plugin_actor::refuse_call(etf::bytes from, etf::bytes request, const char* callback,
                                  std::string_view engine, bool answered) {
  using runtime::unhandled;
  const std::string why = take_error_text();
  const unhandled chosen = if_unhandled();
  const bool spared = actor_.unhandled != unhandled::exit && gen::is_of_client(*actor_.process, from);
  const bool exits = chosen == unhandled::exit && !spared;
  if (chosen == unhandled::log || (exits && !why.empty())) tell_unhandled("call", request, why);
  if (exits) return stop_in(callback, request, tagged("bad_call", request));
  if (answered || (chosen != unhandled::reply_error && !spared)) return runtime::carry_on();
  const std::string text = why.empty() ? fmt::format("the {} takes no such request", engine) : why;
  gen::reply(*actor_.process, from, gen::refusal(text));
  return runtime::carry_on();
}

std::string plugin_actor::take_error_text() {
  if (actor_.extra == nullptr || !actor_.extra->error.told) return {};
  return std::exchange(actor_.extra->error, {}).text;
}

void plugin_actor::tell_unhandled(std::string_view kind, etf::bytes term, std::string_view why) {
  const bool request = kind != "message";
  const std::optional<std::uint64_t> left_out =
      request ? actor_.is->unhandled.next_line(base::mono_now()) : 0;
  if (!left_out) return;
  const process& self = *actor_.process;
  base::log::warning(actor_.is->plugin, "{} got a {} it does not {}: {}{}{}{}",
                     to_text(self.self(), self.host().nodes()), kind, request ? "take" : "know",
                     base::log::shows_messages() ? runtime::shown(term) : "...", why.empty() ? "" : ": ", why,
                     left_out_text(*left_out));
}

bool plugin_actor::is_supervised() const {
  const process& self = *actor_.process;
  const auto parent = self.parent() ? self.host().info(self.parent()) : std::nullopt;
  return parent && parent->summary.is.supervises;
}

void plugin_actor::report_crash(const message& reason) {
  process& self = *actor_.process;
  runtime::crash_note note;
  if (actor_.extra != nullptr && actor_.extra->crash != nullptr)
    note = std::move(*std::exchange(actor_.extra->crash, nullptr));
  if (const message status = formatted_status()) note.state = runtime::shown_in_note(status.bytes());
  if (is_supervised()) return self.host().crashes().leave(self.self(), std::move(note));
  const std::string pid = to_text(self.self(), self.host().nodes());
  const std::string name = self.name();
  behaviours::report::ended_alone(actor_.is->plugin, name.empty() ? pid : name, pid, reason, note);
}

// A terminate that throws changes nothing about the end, but the data that it was to save may be lost.
void plugin_actor::tell_failed_terminate(const message& reason) {
  if (actor_.extra == nullptr || !actor_.extra->error.reason) return;
  const process& self = *actor_.process;
  const std::string name = self.name();
  const std::string thrown = backtrace(actor_, COPPICE_E_EXCEPTION);
  base::log::error(actor_.is->plugin, "terminate of {}{}{}{} failed: {}; it ended with {}{}{}",
                   to_text(self.self(), self.host().nodes()), name.empty() ? "" : " (", name,
                   name.empty() ? "" : ")", runtime::shown(actor_.extra->error.reason),
                   runtime::shown(reason), thrown.empty() ? "" : "\n", thrown);
  actor_.extra->error = {};
}

void plugin_actor::end(const message& reason) {
  if (!runtime::is_orderly(reason)) report_crash(reason);
  if (code_->lifecycle.terminate != nullptr && actor_.created) {
    if (actor_.extra != nullptr) actor_.extra->error = {}; // `reason` already has the earlier text
    const coppice_message lent = lend(reason);
    in_turn(actor_, "terminate", reason.bytes(),
            [&] { return code_->lifecycle.terminate(&actor_, state_, &lent), COPPICE_OK; });
    tell_failed_terminate(reason);
  }
  end_program();
  end_streams(runtime::is_orderly(reason));
}

void plugin_actor::describe_to(runtime::description& out) const {
  out.behaviour = actor_.is->behaviour;
  out.plugin = actor_.is->plugin;
  out.actor = actor_.is->actor;
  out.generation = generation();
}

outcome plugin_actor::change_config(process& self, const message& from, behaviours::config_change to) {
  if (to.former && is_same_map(actor_.origin.args(), to.args) && is_same_map(actor_.origin.env(), to.env)) {
    gen::reply(self, from, message::atom("ok")); // it has not taken the change
    return runtime::carry_on();
  }
  // The actor already sees the new env during the callback.
  const message old_args = actor_.origin.args();
  kept_origin old_origin =
      std::exchange(actor_.origin, kept_origin({old_args, to.env, actor_.origin.whole().secrets}));
  const message old = old_args ? old_args : message::immortal(etf::empty_map);
  const coppice_message before = lend(old);
  const coppice_message after = lend(to.args);
  const char* const callback = "config_change";
  const std::int32_t status = in_turn(actor_, callback, {}, [&] {
    return call_or(COPPICE_UNHANDLED, code_->lifecycle.config_change, &actor_, state_, &before, &after);
  });
  if (status == COPPICE_UNHANDLED || status < 0) {
    actor_.origin = std::move(old_origin);
    message answer = status == COPPICE_UNHANDLED ? message::atom("unhandled")
                                                 : runtime::error_message(stop_reason(actor_, status));
    forget_error();
    if (to.former && status == COPPICE_UNHANDLED) answer = runtime::error_message(std::move(answer));
    gen::reply(self, from, std::move(answer));
    return runtime::carry_on();
  }
  actor_.origin = kept_origin({std::move(to.args), std::move(to.env)});
  gen::reply(self, from, message::atom("ok"));
  return follow(status, callback);
}

message plugin_actor::written(looking what, const std::function<std::int32_t(coppice_writer*)>& callback,
                              std::int32_t& status) {
  const coppice_message_api& messages = *message_interface();
  coppice_writer out;
  if (messages.write_begin(256, &out) != COPPICE_OK) return {};
  status = look_only(actor_, what, [&] { return callback(&out); });
  if (status != COPPICE_OK) return messages.discard(&out), message();
  coppice_message made;
  if (messages.finish(&out, &made) != COPPICE_OK) return {};
  return take(&made);
}

// The reason why it cannot be shown is not needed: the log already has the refused calls.
message plugin_actor::written_to_show(looking what,
                                      const std::function<std::int32_t(coppice_writer*)>& callback) {
  std::int32_t status = COPPICE_OK;
  message shown = written(what, callback, status);
  (void)take_refusal(actor_, what);
  forget_error();
  return shown;
}

message plugin_actor::formatted_status() {
  const auto format_status = code_->lifecycle.format_status;
  if (format_status == nullptr || !actor_.created) return {};
  return written_to_show(looking::format_status,
                         [&](coppice_writer* out) { return format_status(&actor_, state_, out); });
}

message plugin_actor::saved_to_show() {
  const auto save_state = code_->lifecycle.save_state;
  if (save_state == nullptr || !actor_.created) return {};
  std::uint32_t version = code_->state_version;
  return written_to_show(looking::save_state,
                         [&](coppice_writer* out) { return save_state(&actor_, state_, &version, out); });
}

message plugin_actor::shown_state() {
  const message shown = code_->lifecycle.format_status != nullptr ? formatted_status() : saved_to_show();
  return shown ? shown : message::atom("opaque");
}

message plugin_actor::state_to_show() {
  if (code_->lifecycle.format_status != nullptr) return formatted_status();
  const base::nanos now = base::mono_now();
  if (actor_.extra != nullptr && now < actor_.extra->shows_again) return {};
  message shown = saved_to_show();
  const base::nanos took = base::mono_now() - now;
  if (took > base::nanos_per_ms) actor_.needs_extra().shows_again = now + 100 * took;
  return shown;
}

} // namespace coppice::host
