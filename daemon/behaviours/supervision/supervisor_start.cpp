// SPDX-License-Identifier: MIT
// How a supervisor makes the process of one child, and why a child did not start. In the process's own turn.
#include <fmt/format.h>

#include "behaviours/supervision/left_over.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "behaviours/supervision/supervisor_report.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

message start_failed(std::string_view text) {
  message_writer out;
  out.tuple(2);
  out.atom("start_failed");
  out.binary(text);
  return out.take();
}

message started_notice(const message& id, const runtime::pid& pid, const runtime::node_names& names) {
  message_writer out(id.size() + 64);
  out.tuple(3);
  out.atom(supervisor::started_tag);
  out.raw(id.bytes());
  runtime::write(out, pid, names);
  return out.take();
}

} // namespace

message already_started(const runtime::pid& pid, const runtime::node_names& names) {
  message_writer out;
  out.tuple(2);
  out.atom("already_started");
  runtime::write(out, pid, names);
  return out.take();
}

base::result<std::unique_ptr<runtime::behaviour>> supervisor::make(child& one, const std::string& label,
                                                                   const message& env, pace how) {
  const child_spec& spec = *one.spec;
  auto shared = spec.is_supervisor() ? shared_with(env, how) : shared_;
  const child_start begun{one.spec,          one.args, one.secrets, env,
                          std::move(shared), label,    above_ + 1,  one.kept};
  if (spec.kind != nullptr) return spec.kind->make(begun);
  if (!spec.is_supervisor()) return make_actor(begun);
  return std::make_unique<supervisor>(spec.supervisor, begun.shared, label, begun.above);
}

supervisor::launched supervisor::launch(process& self, child& one, const std::string& label,
                                        const message& env, pace how) {
  const auto failed = [](message reason, runtime::crash_note note = {}) {
    return unexpected(start_failure{std::move(reason), std::move(note)});
  };
  if (how == pace::free) await_name(self, *one.spec, label);
  if (self.exiting()) return failed(runtime::reasons::killed());
  auto does = make(one, label, env, how);
  if (!does) return failed(start_failed(does.error().text));
  const child_spec& spec = *one.spec;
  runtime::spawn_options options;
  options.name = spec.registered_name();
  options.label = label;
  options.link = true;
  options.of_node = spec.of_node;
  options.priority = spec.priority;
  options.mailbox = spec.mailbox;
  options.compression = spec.compression;
  const std::string name = options.name;
  const bool endless = spec.start_timeout == 0 && how == pace::free;
  const base::nanos limit = endless ? runtime::no_deadline : start_patience(spec);
  auto started = gen::start(self, std::move(options), std::move(*does),
                            limit == runtime::no_deadline ? limit : base::mono_now() + limit);
  if (started) return *started;
  using kind = gen::start_error::kind;
  gen::start_error& error = started.error();
  switch (error.what) {
    case kind::ignored:
      return runtime::pid{};
    case kind::init:
      return failed(std::move(error.reason),
                    self.host().crashes().take(error.who).value_or(runtime::crash_note()));
    case kind::spawn:
      break;
    case kind::timeout:
      if (error.who) report::left_behind(label);
      return failed(start_failed(
          fmt::format("its init has not returned in {} ms: it is killed", limit / base::nanos_per_ms)));
    case kind::limit:
      return unexpected(start_failure{gen::system_limit(), {}, true});
    default:
      return failed(runtime::reasons::killed());
  }
  const auto holder = error.error.code == base::errc::exists ? self.host().whereis(name) : std::nullopt;
  if (holder) return failed(already_started(*holder, self.host().nodes()));
  return failed(start_failed(error.error.text));
}

void supervisor::await_name(process& self, const child_spec& spec, const std::string& label) {
  const std::string& name = spec.registered_name();
  const auto former = name.empty() ? std::nullopt : self.host().whereis(name);
  if (!former || !is_left_over(self.host(), *former, label_)) return;
  const base::nanos most = stop_patience(spec);
  const base::nanos until = base::mono_now() + most;
  report::waits_for_name(label, *former);
  const auto ended = self.await(self.monitor(*former, true), until);
  if (ended || ended.error().what != runtime::await_error::kind::timeout) return;
  report::killed(label, most);
  self.exit(*former, runtime::reasons::kill());
  (void)self.await(self.monitor(*former, true), base::mono_now() + kill_patience);
}

supervisor::launched supervisor::start(process& self, child& one, const message& env, pace how) {
  const std::string label = child_label(one);
  children_.set_busy(&one);
  launched result = launch(self, one, label, env, how);
  children_.set_busy(nullptr);
  if (!result) return result;
  if (*result) {
    children_.set_running(one, *result);
    one.env = env;
    one.began = base::mono_now();
    report::child_started(label, *result);
    if (pool_) self.notify(pool_, started_notice(one.id, *result, self.host().nodes()));
  } else {
    children_.set_stopped(one);
    children_.set_rests(one, true);
  }
  return result;
}

} // namespace coppice::behaviours
