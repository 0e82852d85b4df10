// SPDX-License-Identifier: MIT
// The requests that `supervisor` of an Erlang node makes: which_children, count_children, start_child,
// restart_child, terminate_child, delete_child, get_childspec. The answers are OTP's to the letter. In the
// process's own turn.
#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "behaviours/supervision/child_id.hpp"
#include "behaviours/supervision/child_spec_term.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "behaviours/supervision/supervisor_report.hpp"
#include "behaviours/supervision/template_secrets.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

message error_answer(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

message error_answer(const message& why) {
  return runtime::error_message(why);
}

// {ok, Pid}, or {ok, undefined} for a child whose init said ignore.
message started_answer(const runtime::pid& pid, const runtime::node_names& names) {
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  if (pid) {
    runtime::write(out, pid, names);
  } else {
    out.atom("undefined");
  }
  return out.take();
}

bool is_already_started(const message& reason) {
  etf::cursor at(reason.bytes());
  return at.read_tuple_of(2) && at.read_atom_is("already_started");
}

// {error, {Reason, ChildRecord}}; an already_started is passed on bare.
message start_error_answer(const message& reason, const child_spec& spec) {
  if (is_already_started(reason)) return error_answer(reason);
  message_writer out(reason.size() + 256);
  out.tuple(2);
  out.atom("error");
  out.tuple(2);
  out.raw(reason.bytes());
  write_child_record(out, spec);
  return out.take();
}

// The pairs of several maps, in the order in which their keys first came, each key with its latest value.
struct merged_map {
  std::vector<std::pair<etf::bytes, etf::bytes>> pairs;
  std::unordered_map<std::string_view, std::size_t> place; // by a key's bytes

  // False: the term is no map.
  bool add(etf::bytes term) {
    etf::cursor at(term);
    std::uint32_t count = 0;
    if (!at.read_map(count)) return false;
    for (; count != 0; --count) {
      etf::bytes key;
      etf::bytes value;
      if (!at.read_term(key) || !at.read_term(value)) return false;
      const auto [found, fresh] = place.emplace(base::as_text(key), pairs.size());
      if (fresh) {
        pairs.emplace_back(key, value);
      } else {
        pairs[found->second].second = value;
      }
    }
    return true;
  }
};

// `extra` (a map, or a list of at most one) merged over `given`. Empty: `extra` is neither.
message merge_args(const message& given, etf::bytes extra) {
  etf::cursor at(extra);
  std::uint32_t length = 0;
  if (at.read_list(length)) {
    if (length > 1) return {};
    if (length == 1) {
      etf::bytes only;
      if (!at.read_term(only)) return {};
      extra = only;
    }
  }
  merged_map merged;
  if (given && !merged.add(given.bytes())) return {};
  const bool none = etf::cursor(extra).peek() == etf::kind::nil;
  if (!none && !merged.add(extra)) return {};
  message_writer out(given.size() + extra.size() + 16);
  out.map(static_cast<std::uint32_t>(merged.pairs.size()));
  for (const auto& [key, value] : merged.pairs) {
    out.raw(key);
    out.raw(value);
  }
  return out.take();
}

// The first actor in the specification that other nodes may not start; null: none.
const child_spec* first_refused(const child_spec& spec, const peer_rights& rights) {
  if (!spec.is_supervisor()) return rights.may_spawn(spec.actor) ? nullptr : &spec;
  for (const auto& one : spec.supervisor->children)
    if (const child_spec* const found = first_refused(*one, rights)) return found;
  return nullptr;
}

} // namespace

message supervisor::restart_request(etf::bytes id) {
  message_writer out(id.size() + 64);
  out.tuple(2);
  out.atom(restart_tag);
  out.raw(id);
  return out.take();
}

native_server::call_answer supervisor::handle_call(process& self, const message& from,
                                                   const message& request) {
  etf::cursor at(request.bytes());
  std::string_view what;
  if (at.read_atom(what)) {
    if (what == "which_children") return reply(which_children(self));
    if (what == "count_children") return reply(count_children());
    return reply(refuse(self, from));
  }
  if (!at.read_tuple_of(2) || !at.read_atom(what)) return reply(refuse(self, from));
  const etf::bytes argument = at.rest();
  if (!may_change(self, what)) return reply(error_answer("not_allowed"));
  if (what == "start_child") {
    return reply(simple() ? start_from_template(self, argument) : start_child(self, request.slice(argument)));
  }
  if (what == "terminate_child") return reply(terminate_child(self, argument));
  if (what == "get_childspec") return reply(get_childspec(self, argument));
  if (what == restart_tag) return reply(restart_now(self, argument));
  if (what == pending_orders::tag && shared_->orders != nullptr) {
    const std::any ordered = shared_->orders->take(argument);
    const auto* const mine = std::any_cast<supervisor_order>(&ordered);
    return reply(mine != nullptr ? carry_out(self, *mine) : refuse(self, from));
  }
  if (what != "restart_child" && what != "delete_child") return reply(refuse(self, from));
  if (simple()) return reply(error_answer("simple_one_for_one"));
  return reply(what == "restart_child" ? restart_child(self, argument) : delete_child(self, argument));
}

// Other nodes may do only what the configuration allows.
bool supervisor::may_change(process& self, std::string_view what) const {
  constexpr std::array<std::string_view, 4> grantable{"start_child", "restart_child", "terminate_child",
                                                      "delete_child"};
  const bool of_node = what == restart_tag || what == pending_orders::tag;
  const bool changes = of_node || std::ranges::find(grantable, what) != grantable.end();
  if (self.origin().here() || !changes) return true;
  if (!of_node && shared_->rights.may_supervise(self.name())) return true;
  base::log::warning("supervisor",
                     "{}: {} by {} was refused: distribution.allow.supervise does not name this supervisor",
                     label_, etf::print_atom(what), self.host().nodes().name(self.origin().node));
  return false;
}

bool supervisor::may_start(process& self, const child_spec& spec) const {
  if (self.origin().here()) return true;
  const child_spec* const refused = first_refused(spec, shared_->rights);
  if (refused == nullptr) return true;
  base::log::warning("supervisor",
                     "{}: start_child of {} by {} was refused: distribution.allow.spawn does not name it",
                     label_, refused->actor, self.host().nodes().name(self.origin().node));
  return false;
}

// OTP's ends of such a request. Elixir's Task.Supervisor makes them of the supervisor it is told.
message supervisor::refuse(process& self, const message& from) {
  constexpr std::size_t most_remembered = 1000;
  constexpr std::string_view takes =
      "a supervisor takes which_children, count_children, start_child, restart_child, terminate_child, "
      "delete_child and get_childspec";
  auto& names = self.host().nodes();
  etf::cursor at(from.bytes());
  at.read_tuple_of(2);
  const auto sender = runtime::read_pid(at, names).value_or(runtime::pid{});
  if (refused_.size() == most_remembered) refused_.clear();
  if (refused_.insert(sender).second)
    base::log::warning("supervisor", "{}: a request of {} was refused: {}", label_, to_text(sender, names),
                       takes);
  return gen::refusal(takes);
}

child* supervisor::find(process& self, etf::bytes id_or_pid) {
  if (!simple()) return children_.find(id_or_pid);
  etf::cursor at(id_or_pid);
  const auto pid = runtime::read_pid(at, self.host().nodes());
  return pid ? children_.find(*pid) : nullptr;
}

message supervisor::start_child(process& self, const message& term) {
  const unsigned levels = deepest_supervisor - std::min(above_, deepest_supervisor);
  auto spec = read_child_spec(term, spec_->auto_shutdown, levels);
  if (!spec) return error_answer(spec.error());
  if (const child* const known = children_.find(spec->id.bytes())) {
    if (known->state != child_state::running) return error_answer("already_present");
    return error_answer(already_started(known->pid, self.host().nodes()));
  }
  if (!may_start(self, *spec)) return start_error_answer(message::atom("not_allowed"), *spec);
  if (const message refused = bad_args(*spec, spec->args, nullptr)) return start_error_answer(refused, *spec);
  return add_child(self, std::make_shared<const child_spec>(std::move(*spec)));
}

message supervisor::bad_args(const child_spec& spec, const message& args, const base::secrets* secrets,
                             bool of_template) const {
  if (!shared_->check_args) return {};
  if (spec.is_supervisor()) {
    const bool simple = spec.supervisor->strategy == strategy::simple_one_for_one;
    for (const auto& one : spec.supervisor->children)
      if (message refused = bad_args(*one, one->args, nullptr, simple)) return refused;
    return {};
  }
  const base::status good = shared_->check_args(spec.actor, args, secrets, of_template);
  if (good || good.error().code != base::errc::invalid) return {}; // an unknown actor fails to start
  message_writer out;
  out.tuple(2);
  out.atom("bad_args");
  out.binary(good.error().text);
  return out.take();
}

message supervisor::add_child(process& self, std::shared_ptr<const child_spec> spec) {
  child& one = children_.append(spec, spec->id, spec->args, spec->secrets);
  const launched started = start(self, one);
  if (!started) {
    report::start_failed(child_label(one), started.error().reason, started.error().note);
    children_.remove(one);
    return start_error_answer(started.error().reason, *spec);
  }
  if (!*started && spec->restart == restart_type::temporary) children_.remove(one);
  return started_answer(*started, self.host().nodes());
}

message supervisor::start_from_template(process& self, etf::bytes extra) {
  if (!may_start(self, *template_)) return error_answer("not_allowed");
  message args = args_for(extra);
  if (!args) return error_answer("badarg");
  const launched started = add_from_template(self, std::move(args));
  return started ? started_answer(*started, self.host().nodes()) : error_answer(started.error().reason);
}

message supervisor::merged_args(etf::bytes extra) const {
  return merge_args(template_->args, extra);
}

supervisor::launched supervisor::add_from_template(process& self, message args) {
  base::secrets_ptr secrets = left_in(args, template_->args, template_->secrets);
  if (message refused = bad_args(*template_, args, secrets.get()))
    return unexpected(start_failure{std::move(refused)});
  child& one = children_.append(template_, {}, std::move(args), std::move(secrets));
  launched started = start(self, one);
  if (!started || !*started) children_.remove(one);
  return started;
}

message supervisor::restart_child(process& self, etf::bytes id) {
  child* const one = children_.find(id);
  if (one == nullptr) return error_answer("not_found");
  if (one->state == child_state::running) return error_answer("running");
  if (one->state == child_state::restarting) return error_answer("restarting");
  const launched started = start(self, *one);
  return started ? started_answer(*started, self.host().nodes()) : error_answer(started.error().reason);
}

message supervisor::restart_now(process& self, etf::bytes id) {
  child* const one = find(self, id);
  if (one == nullptr) return error_answer("not_found");
  halt(self, *one, after_halt::comes_again);
  if (self.exiting()) return error_answer("terminating");
  one->waits = 0;
  const launched started = start(self, *one, shared_->env, pace::bounded);
  if (started) {
    if (!*started && simple())
      retire(*one);
    else if (!*started && one->spec->restart == restart_type::temporary)
      children_.remove(*one);
    release(self);
    return started_answer(*started, self.host().nodes());
  }
  report::start_failed(child_label(*one), started.error().reason, started.error().note);
  message answer = error_answer(started.error().reason);
  children_.set_rests(*one, true, true);
  retire(*one);
  release(self);
  return answer;
}

message supervisor::terminate_child(process& self, etf::bytes id) {
  if (simple() && etf::cursor(id).peek() != etf::kind::pid) return error_answer("simple_one_for_one");
  child* const one = find(self, id);
  if (one != nullptr) {
    halt(self, *one);
    children_.set_rests(*one, true, true);
    retire(*one);
    release(self);
    return message::atom("ok");
  }
  // A child that ended by itself a moment ago counts as terminated.
  etf::cursor at(id);
  const auto pid = simple() ? runtime::read_pid(at, self.host().nodes()) : std::nullopt;
  if (pid && pid->here() && !self.host().alive(*pid)) return message::atom("ok");
  return error_answer("not_found");
}

message supervisor::delete_child(process&, etf::bytes id) {
  child* const one = children_.find(id);
  if (one == nullptr) return error_answer("not_found");
  if (one->state == child_state::running) return error_answer("running");
  if (one->state == child_state::restarting) return error_answer("restarting");
  children_.remove(*one);
  return message::atom("ok");
}

message supervisor::get_childspec(process& self, etf::bytes id) {
  const child* const one = find(self, id);
  const bool of_template = simple() && same_child_id(template_->id.bytes(), id);
  if (one == nullptr && !of_template) return error_answer("not_found");
  message_writer out(512);
  out.tuple(2);
  out.atom("ok");
  // The arguments contain the configuration's secrets: passwords, keys, addresses with both.
  const bool trusted = self.origin().here() || shared_->rights.may_supervise(self.name());
  write_child_spec(out, one != nullptr ? *one->spec : *template_,
                   trusted ? shown_args::all : shown_args::none);
  return out.take();
}

// Lists the latest started first, as OTP does.
message supervisor::which_children(process& self) const {
  const auto& all = children_.in_start_order();
  const auto& names = self.host().nodes();
  message_writer out(64 + children_.size() * 96);
  out.list(static_cast<std::uint32_t>(children_.size()));
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    out.tuple(4);
    if (one->id) {
      out.raw(one->id.bytes());
    } else {
      out.atom("undefined");
    }
    switch (one->state) {
      case child_state::running:
        runtime::write(out, one->pid, names);
        break;
      case child_state::restarting:
        out.atom("restarting");
        break;
      case child_state::stopped:
      case child_state::given_up:
        out.atom("undefined");
        break;
    }
    write_child_type(out, *one->spec);
    write_child_modules(out, *one->spec);
  }
  out.nil();
  return out.take();
}

message supervisor::count_children() const {
  std::size_t supervisors = 0;
  for (const child& one : children_.in_start_order()) supervisors += one.spec->is_supervisor();
  const std::size_t specs = simple() ? 1 : children_.size();
  const std::pair<std::string_view, std::size_t> counts[] = {{"specs", specs},
                                                             {"active", children_.running()},
                                                             {"supervisors", supervisors},
                                                             {"workers", children_.size() - supervisors}};
  message_writer out;
  out.list(4);
  for (const auto& [name, count] : counts) {
    out.tuple(2);
    out.atom(name);
    out.unsigned_integer(count);
  }
  out.nil();
  return out.take();
}

message supervisor::sys_state(process& self) {
  message_writer out;
  out.map(4);
  out.atom("strategy");
  out.atom(text(spec_->strategy));
  out.atom("intensity");
  out.unsigned_integer(spec_->intensity);
  out.atom("period");
  out.integer(base::to_milliseconds(spec_->period).count());
  out.atom("children");
  out.raw(which_children(self).bytes());
  return out.take();
}

} // namespace coppice::behaviours
