// SPDX-License-Identifier: MIT
// One function for each command, and the table of them; see commands.hpp.
#include "control/command_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/text.hpp>
#include <optional>
#include <string_view>

#include "base/printable.hpp"
#include "behaviours/pool/pool.hpp"
#include "behaviours/raft/member.hpp"
#include "behaviours/saga/saga_engine.hpp"
#include "behaviours/streams/tcp_listener.hpp"
#include "control/asked.hpp"
#include "control/audit.hpp"
#include "control/command_arguments.hpp"
#include "control/documents.hpp"
#include "control/drain.hpp"
#include "control/event_commands.hpp"
#include "control/health.hpp"
#include "control/log_commands.hpp"
#include "control/process_list.hpp"
#include "control/top.hpp"
#include "runtime/system.hpp"
#include "services/cron/jobs.hpp"

namespace coppice::control {

namespace {

using behaviours::gen::call_error;
using nlohmann::json;

constexpr base::nanos ns_per_ms = asked::ns_per_ms;

std::string term_text(node::instance& of, const runtime::message& m) {
  etf::print_options options;
  options.node = of.name();
  options.creation = of.runtime().creation();
  return etf::print(m.bytes(), options);
}

void finish_call(asked& a, const behaviours::gen::call_result& result) {
  if (result) {
    if (const auto refused = behaviours::gen::refusal_text(result->bytes()))
      return a.fail(base::errc::refused, "bad_request: " + base::printable(*refused));
    return a.done({{"reply", term_text(a.of, *result)}});
  }
  const call_error& e = result.error();
  switch (e.what) {
    case call_error::kind::timeout:
      return a.fail(base::errc::timeout, fmt::format("no answer within {}ms", a.timeout_nanos() / ns_per_ms));
    case call_error::kind::noproc:
      return a.fail(base::errc::not_found, "noproc: no such process");
    case call_error::kind::nodedown:
      return a.fail(base::errc::closed, "nodedown: not connected to its node", "coppice nodes says why");
    case call_error::kind::exit:
      return a.fail(base::errc::refused, "it ended: " + term_text(a.of, e.reason));
    case call_error::kind::calling_self:
    case call_error::kind::bad_term:
    case call_error::kind::exiting:
      break;
  }
  a.fail(base::errc::closed, "the node is stopping");
}

// What call, cast and send have in common: whom, and what.
struct addressed {
  runtime::destination to;
  runtime::message term;
};

base::result<addressed> address(const asked& a) {
  auto to = a.of.resolve(a.text("name"));
  if (!to) return unexpected(to.error());
  auto term = a.of.parse(a.text("term"));
  if (!term) return unexpected(std::move(term.error()).context("term"));
  return addressed{std::move(*to), std::move(*term)};
}

pending run_call(const request& r) {
  auto target = address(*r);
  if (!target) return r->fail(target.error()), pending{};
  r->of.call(target->to, std::move(target->term), r->timeout_nanos(),
             [r](const behaviours::gen::call_result& result) { finish_call(*r, result); });
  return {};
}

pending run_cast(const request& r) {
  auto target = address(*r);
  r->finish(target ? r->of.cast(target->to, target->term) : base::status(unexpected(target.error())));
  return {};
}

pending run_send(const request& r) {
  auto target = address(*r);
  r->finish(target ? r->of.send(target->to, std::move(target->term))
                   : base::status(unexpected(target.error())));
  return {};
}

pending run_status(const request& r) {
  return r->done(status_document(r->of, r->of.status_with_disk(), r->of.degraded())), pending{};
}
pending run_nodes(const request& r) {
  return r->done(nodes_document(r->of)), pending{};
}
pending run_plugins(const request& r) {
  return r->done(plugins_document(r->of)), pending{};
}
pending run_ps(const request& r) {
  return r->done(process_list(*r)), pending{};
}

pending run_tree(const request& r) {
  auto trees = r->of.tree(r->text("application"));
  trees ? r->done(tree_document(r->of, *trees)) : r->fail(trees.error());
  return {};
}

json info_json(node::instance& of, const runtime::process_info& info) {
  json document = process_document(of, info);
  document["waits"] = nullptr;
  document["handles"] = nullptr;
  document["waiting"] = json::array();
  document["state"] = nullptr;
  document["engine"] = nullptr;
  document["debug"] = nullptr;
  return document;
}

// Of a process that is parked, or whose thread is stuck: it tells itself what it is busy with.
void answer_with_occupation(const request& r, const runtime::process_info& info, base::nanos most) {
  r->of.occupation_of(
      info.summary.pid, most,
      [r, document = info_json(r->of, info)](const std::optional<runtime::occupation>& told) mutable {
        if (told) {
          document["waits"] = wait_json(told->waits);
          document["handles"] = handles_json(*told);
          document["waiting"] = waiting_json(*told);
        }
        r->done(std::move(document));
      });
}

constexpr base::nanos info_most = 1000 * ns_per_ms;
constexpr base::nanos info_most_of_busy = 100 * ns_per_ms;

bool is_parked(const runtime::process_info& info) {
  return info.summary.status == runtime::process_status::parked;
}
bool is_running(const runtime::process_info& info) {
  return info.summary.status == runtime::process_status::running;
}

api::failure ended(const asked& a) {
  return {base::errc::not_found, a.what, "noproc: it has ended meanwhile", {}};
}

// Of one that has not told its state in time: what it does now, since it has begun that meanwhile.
void answer_anew(const request& r, const runtime::pid& pid) {
  const auto info = r->of.runtime().info(pid);
  if (!info) return r->reply(api::reply(unexpect, ended(*r)));
  if (is_parked(*info) || is_running(*info)) return answer_with_occupation(r, *info, info_most_of_busy);
  r->done(info_json(r->of, *info));
}

// Who is parked says itself for what, another what its format_status shows; where that takes too long, the
// rest is told without: soon of one that has something to do, which may answer in a while or not at all.
pending run_info(const request& r) {
  constexpr std::chrono::milliseconds patience{1500};
  const auto info = r->of.info(r->text("name"));
  if (!info) return r->fail(info.error()), pending{};
  const runtime::pid pid = info->summary.pid;
  if (is_parked(*info)) {
    answer_with_occupation(r, *info, info_most);
  } else if (r->of.runs_engine(*info)) {
    // Only a plugin's callback may take long.
    const bool answers_soon =
        info->summary.is.plugin.empty() || info->summary.status == runtime::process_status::waiting;
    const base::nanos given = answers_soon ? info_most : info_most_of_busy;
    const base::nanos until = base::mono_now() + given;
    // A reader without the right `state` has no code of a plugin run for it.
    const auto wanted =
        r->who.sees_state ? behaviours::shown_part::all : behaviours::shown_part::without_state;
    r->of.state_of(
        pid, wanted, given,
        [r, pid, until, document = info_json(r->of, *info)](const behaviours::shown_state& shown) mutable {
          if (!shown.engine && base::mono_now() >= until) return answer_anew(r, pid);
          if (shown.state) document["state"] = *shown.state;
          if (shown.engine) document["engine"] = report_document(shown.engine);
          if (!shown.debug.empty()) document["debug"] = shown.debug;
          r->done(std::move(document));
        });
  } else {
    return r->done(info_json(r->of, *info)), pending{};
  }
  return {patience, {}, [r, pid] {
            const auto now = r->of.runtime().info(pid);
            return now ? api::reply(info_json(r->of, *now)) : api::reply(unexpect, ended(*r));
          }};
}

// What the engine reports, after `change`; empty: as it is.
pending answer_with_engine(const request& r, const runtime::pid& pid, runtime::message change) {
  r->of.engine_of(pid, std::move(change), r->timeout_nanos(),
                  [r](const base::result<runtime::message>& report) {
                    report ? r->done(report_document(*report)) : r->fail(report.error());
                  });
  return {};
}

// The process that the request names. None, and the request has failed: there is no such process, or it is no
// Engine, which `what` is the word for.
template <class Engine>
std::optional<runtime::pid> named_engine(const request& r, std::string_view what) {
  const auto info = r->of.info(r->text("name"));
  if (!info) return r->fail(info.error()), std::nullopt;
  if (Engine::is_one(info->summary.is)) return info->summary.pid;
  return r->fail(base::errc::invalid, fmt::format("it is no {}, but a {}", what, info->summary.is.behaviour)),
         std::nullopt;
}

pending run_pool(const request& r) {
  using behaviours::pool;
  const auto pid = named_engine<pool>(r, "pool");
  if (!pid) return {};
  if (!r->arguments.contains("size")) return answer_with_engine(r, *pid, {});
  const json& size = r->arguments.at("size");
  if (!size.is_number_unsigned() || size < 1 || size > pool::most_workers)
    return r->fail(base::errc::invalid, fmt::format("a pool has 1 to {} workers", pool::most_workers)),
           pending{};
  return answer_with_engine(r, *pid, pool::resize_request(size.get<std::uint32_t>()));
}

pending run_raft(const request& r) {
  using behaviours::raft::member;
  const auto pid = named_engine<member>(r, "member of a Raft group");
  if (!pid) return {};
  const std::string change = r->text("change"), who = r->text("member");
  if (change.empty()) return answer_with_engine(r, *pid, {});
  if (change == "skip") {
    const auto serial = r->number("serial");
    if (!serial || *serial == 0)
      return r->fail(base::errc::invalid, "the serial of the command is missing: a number from 1 on"),
             pending{};
    return answer_with_engine(r, *pid, member::change_request(change, std::to_string(*serial)));
  }
  if (change == "recover") {
    if (!r->flag("alone"))
      return r->fail(base::errc::invalid,
                     "a member recovers alone: the others are given up, and alone has to be true"),
             pending{};
    return answer_with_engine(r, *pid, member::change_request(change, {}));
  }
  if (change != "add" && change != "remove" && change != "transfer" && change != "upgrade")
    return r->fail(base::errc::invalid,
                   "a member is added, removed, or given the leadership, or recovers; a command is skipped; "
                   "a group is upgraded without a member"),
           pending{};
  if (who.empty()) return r->fail(base::errc::invalid, "the member is missing: NAME@ALIVE@HOST"), pending{};
  return answer_with_engine(r, *pid, member::change_request(change, who));
}

pending run_saga(const request& r) {
  using behaviours::saga_engine;
  const auto pid = named_engine<saga_engine>(r, "saga");
  if (!pid) return {};
  const std::string tx = r->text("tx"), which = r->text("which"), change = r->text("change");
  if (!change.empty()) {
    const std::string decision = r->text("decision");
    if (change != "resolve" || (decision != "commit" && decision != "abort"))
      return r->fail(base::errc::invalid, "a transaction is resolved, with the decision commit or abort"),
             pending{};
    if (tx.empty()) return r->fail(base::errc::invalid, "the id of the transaction is missing"), pending{};
    return answer_with_engine(r, *pid, saga_engine::resolve_request(tx, decision == "commit"));
  }
  if (!tx.empty()) return answer_with_engine(r, *pid, saga_engine::show_request(tx));
  if (which.empty()) return answer_with_engine(r, *pid, {});
  using saga::wanted_units;
  if (which != "in_doubt" && which != "parked" && which != "overdue")
    return r->fail(base::errc::invalid, "which: in_doubt, parked or overdue"), pending{};
  return answer_with_engine(r, *pid,
                            saga_engine::list_request(which == "parked"    ? wanted_units::parked
                                                      : which == "overdue" ? wanted_units::overdue
                                                                           : wanted_units::in_doubt));
}

pending run_listener(const request& r) {
  using behaviours::tcp_listener;
  const auto pid = named_engine<tcp_listener>(r, "listener");
  if (!pid) return {};
  const std::string change = r->text("change");
  if (!change.empty() && change != "suspend" && change != "resume")
    return r->fail(base::errc::invalid, "a listener is suspended or resumed"), pending{};
  return answer_with_engine(r, *pid,
                            change.empty()        ? runtime::message()
                            : change == "suspend" ? tcp_listener::suspend_request()
                                                  : tcp_listener::resume_request());
}

// Without a change: what there is, or, with for_ms, what comes.
pending run_cron(const request& r) {
  constexpr std::size_t most_rows = 1000;
  constexpr std::uint64_t longest_ms = std::uint64_t{366} * 24 * 3'600'000;
  services::cron_jobs& jobs = r->of.jobs();
  const std::string name = r->text("name"), change = r->text("change");
  if (change == "run") return r->finish(jobs.run_now(name)), pending{};
  if (change == "enable" || change == "disable") {
    r->of.switch_job(name, change == "enable", [r](const base::status& s) { r->finish(s); });
    return {};
  }
  if (!change.empty()) return r->fail(base::errc::invalid, "a job is run, enabled or disabled"), pending{};
  if (!r->arguments.contains("for_ms"))
    return r->done(jobs_document(jobs.rows(), r->of.peers_away())), pending{};
  const auto span = r->number("for_ms");
  if (!span || *span < 1000 || *span > longest_ms)
    return r->fail(base::errc::invalid, "what comes is told for a second to a year"), pending{};
  auto coming = jobs.coming(std::chrono::seconds(*span / 1000), most_rows + 1);
  const bool all = coming.size() <= most_rows;
  if (!all) coming.pop_back();
  return r->done(coming_document(coming, all)), pending{};
}

// start, stop, restart, terminate: done is a document that repeats what it was done to.
using operation = void (node::instance::*)(std::string_view, base::nanos, std::function<void(base::status)>);

pending operate(const request& r, operation what, const char* subject) {
  const std::string on = r->text(subject);
  (r->of.*what)(on, r->timeout_nanos(), [r, subject, on](const base::status& s) {
    s ? r->done({{subject, on}}) : r->fail(s.error());
  });
  return {};
}

pending run_start(const request& r) {
  return operate(r, &node::instance::start_application, "application");
}
pending run_stop(const request& r) {
  return operate(r, &node::instance::stop_application, "application");
}
pending run_restart(const request& r) {
  return operate(r, &node::instance::restart, "path");
}
pending run_terminate(const request& r) {
  return operate(r, &node::instance::terminate, "path");
}

// diff, apply. A configuration that is bad is a document, so that the client can show all of its mistakes.
pending run_changes(const request& r, bool dry_run, bool refuse) {
  node::apply_request wanted;
  if (const std::string file = r->text("file"); !file.empty()) wanted.files = {file};
  wanted.back = r->flag("back");
  if (r->arguments.contains("only")) {
    const json& only = r->arguments.at("only");
    const bool good = only.is_array() && std::ranges::all_of(only, [](const json& one) {
                        return one.is_string() && one.get_ref<const std::string&>().starts_with('/');
                      });
    if (!good) return r->fail(base::errc::invalid, "only: expected a list of absolute paths"), pending{};
    wanted.only = only.get<std::vector<std::string>>();
  }
  wanted.dry_run = dry_run;
  wanted.by = by(r->who);
  wanted.os_pid = r->who.pid;
  const bool changes = !dry_run;
  const bool running = r->flag("running");
  // Who asks is said here: the outcome comes on another thread.
  auto done = [r, refuse, changes, running, who = by(r->who),
               fields = fields_of(r->who)](const node::apply_outcome& outcome) {
    if (changes) node::report(outcome, who, fields);
    if (refuse && outcome.valid && !outcome.result && outcome.rest.empty())
      return r->fail(outcome.result.error());
    json document = changes_document(outcome);
    if (running) document["by_hand"] = changed_by_hand(r->of.status());
    r->done(std::move(document));
  };
  r->of.apply(std::move(wanted), std::move(done));
  return {};
}
pending run_diff(const request& r) {
  return run_changes(r, true, false);
}
pending run_apply(const request& r) {
  return run_changes(r, r->flag("dry_run"), true);
}

pending run_history(const request& r) {
  json entries = json::array();
  for (const node::applied_entry& one : r->of.history())
    entries.push_back({{"number", one.number},
                       {"at", base::format_wall(one.at)},
                       {"by", one.by},
                       {"changes", one.changes}});
  return r->done({{"entries", std::move(entries)}}), pending{};
}

pending run_connect(const request& r) {
  r->of.connect(r->text("node"), r->timeout_nanos(), [r](const base::status& s) { r->finish(s); });
  return {};
}

pending run_disconnect(const request& r) {
  return r->finish(r->of.disconnect(r->text("node"))), pending{};
}

pending run_reload(const request& r) {
  node::reload_request what;
  what.plugin = r->text("plugin");
  what.dry_run = r->flag("dry_run");
  what.carry_only = r->flag("carry_only");
  what.by = by(r->who);
  what.os_pid = r->who.pid;
  r->of.reload(std::move(what), [r](const base::result<node::reload_report>& report) {
    report ? r->done(reload_document(r->of, *report)) : r->fail(report.error());
  });
  return {r->timeout(), {}};
}

pending run_wait_ready(const request& r) {
  const base::nanos began = base::mono_now();
  const std::uint64_t id = r->of.when_ready([r, began](const base::status& s) {
    // Applications that did not start with the node may have been started since.
    const bool some_failed = !s && s.error().code == base::errc::refused;
    const std::string missing = some_failed ? not_started(r->of.status()) : std::string();
    if (!missing.empty()) return r->fail(s.error().code, missing);
    if (!s && !some_failed) return r->fail(s.error());
    r->done({{"ready", true}, {"waited_ms", (base::mono_now() - began) / ns_per_ms}});
  });
  // What is answered needs no patience, of which there may be none at all.
  if (id == 0) return {};
  return {r->timeout(), [&of = r->of, id] { of.forget(id); },
          [&of = r->of] {
            const std::string missing = not_started(of.status());
            const std::string why = missing.empty() ? "starting" : missing; // it has started this very moment
            return api::reply(unexpect, api::failure{base::errc::timeout, "request", why, {}});
          }};
}

// As /livez and /readyz judge it, with what helps.
pending run_health(const request& r) {
  const node::node_status status = r->of.status_with_disk();
  return r->done(health_document(status, all_complaints(status, r->of.degraded()))), pending{};
}

// As exit(Pid, Reason) from a process that it is not linked to.
pending run_exit(const request& r) {
  const auto info = r->of.info(r->text("name"));
  if (!info) return r->fail(info.error()), pending{};
  auto reason = r->of.parse(r->text("reason"));
  if (!reason) return r->fail(std::move(reason.error()).context("reason")), pending{};
  r->of.runtime().exit(info->summary.pid, std::move(*reason));
  return r->done(json::object()), pending{};
}

// Ends what `sys` of another node, or of this one, has switched on at a process.
pending run_trace(const request& r) {
  const auto info = r->of.info(r->text("name"));
  if (!info) return r->fail(info.error()), pending{};
  if (r->text("change") != "off")
    return r->fail(base::errc::invalid, "what traces a process is switched off"), pending{};
  r->of.stop_debugging(info->summary.pid, r->timeout_nanos(), [r](const base::status& s) { r->finish(s); });
  return {};
}

constexpr right see = right::inspect;
constexpr right see_state = right::state;
constexpr right act = right::manage;

constexpr command all[] = {
    {"status", verb::get, see, nullptr, run_status, "the node as a whole"},
    {"tree", verb::get, see, "application", run_tree, "the supervision tree", arguments::tree},
    {"ps", verb::get, see, nullptr, run_ps, "the processes", arguments::ps},
    {"info", verb::get, see, "name", run_info, "one process; its state with the right state",
     arguments::info},
    {"call", verb::post, act, "name", run_call, "calls a server and waits for its reply", arguments::call},
    {"cast", verb::post, act, "name", run_cast, "casts to a server", arguments::cast},
    {"send", verb::post, act, "name", run_send, "sends a message", arguments::cast},
    {"nodes", verb::get, see, nullptr, run_nodes, "the connections to other nodes"},
    {"connect", verb::post, act, "node", run_connect, "connects to a node", arguments::node},
    {"disconnect", verb::post, act, "node", run_disconnect, "ends a connection", arguments::only_node},
    {"exit", verb::post, act, "name", run_exit, "sends an exit signal", arguments::exit},
    {"trace", verb::post, act, "name", run_trace, "ends what sys has switched on", arguments::trace},
    {"pool", verb::get, see, "name", run_pool, "a pool and its workers", arguments::pool},
    {"pool", verb::post, act, "name", run_pool, "changes the size of a pool", arguments::resize},
    {"raft", verb::get, see_state, "name", run_raft, "a member of a Raft group", arguments::pool},
    {"raft", verb::post, act, "name", run_raft, "changes the members of a Raft group, or its leader",
     arguments::change_group},
    {"saga", verb::get, see_state, "name", run_saga, "a saga: its open transactions, or one of them",
     arguments::saga},
    {"saga", verb::post, act, "name", run_saga, "decides for what is in doubt or parked",
     arguments::resolve_saga, false},
    {"listener", verb::get, see, "name", run_listener, "a listener", arguments::listener},
    {"listener", verb::post, act, "name", run_listener, "suspends it or resumes it",
     arguments::change_listener},
    {"cron", verb::get, see, "name", run_cron, "the jobs", arguments::cron},
    {"cron", verb::post, act, "name", run_cron, "runs a job, enables it or disables it",
     arguments::change_job},
    {"events", verb::get, see, "name", run_events, "the named events"},
    {"events", verb::post, act, "name", run_events, "publishes an event", arguments::publish},
    {"health", verb::get, see, nullptr, run_health, "what keeps the node from being alive or ready"},
    {"top", verb::get, see, nullptr, run_top, "the processes that have or do the most", arguments::top},
    {"logs", verb::get, see_state, nullptr, run_logs, "lines of the log", arguments::logs},
    {"log-level", verb::get, see, "level", run_log_level, "the levels of the log"},
    {"log-level", verb::post, act, "level", run_log_level, "sets a level", arguments::log_level},
    {"plugins", verb::get, see, nullptr, run_plugins, "the plugins that are loaded"},
    {"reload", verb::post, act, "plugin", run_reload, "loads changed plugins anew", arguments::reload},
    {"wait-ready", verb::get, see, nullptr, run_wait_ready, "waits until all is started",
     arguments::wait_ready},
    {"start", verb::post, act, "application", run_start, "starts an application", arguments::application},
    {"stop", verb::post, act, "application", run_stop, "stops an application", arguments::application},
    {"diff", verb::get, see_state, nullptr, run_diff, "what apply would change"},
    {"history", verb::get, see, nullptr, run_history, "what was applied"},
    {"drain", verb::get, see, nullptr, run_drain, "what is still connected"},
    {"drain", verb::post, act, nullptr, run_drain, "takes the node out of service, or back",
     arguments::drain},
    {"apply", verb::post, act, nullptr, run_apply, "applies the node's configuration files",
     arguments::apply},
    {"restart", verb::post, act, "path", run_restart, "restarts a child", arguments::child},
    {"terminate", verb::post, act, "path", run_terminate, "ends a child until it is restarted",
     arguments::child},
};

} // namespace

std::span<const command> commands() {
  return all;
}

} // namespace coppice::control
