// SPDX-License-Identifier: MIT
// See process_commands.hpp. A process is asked through the node's requests, which answer on another thread.
#include "control/process_commands.hpp"

#include <fmt/format.h>

#include <coppice/etf/text.hpp>
#include <functional>
#include <optional>
#include <utility>

#include "base/printable.hpp"
#include "control/documents.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "node/instance/target.hpp"
#include "runtime/system.hpp"

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

// Finds the process and reads the term, which call, cast and send have in common, and goes on with `then`,
// whose arguments they are. A global name is found later, on a worker's thread.
void address(const request& r, std::function<void(const runtime::destination&, runtime::message)> then) {
  r->of.requests().resolve(r->text("name"),
                           [r, then = std::move(then)](const base::result<runtime::destination>& to) {
                             if (!to) return r->fail(to.error());
                             auto term = r->of.snapshots().parse(r->text("term"));
                             if (!term) return r->fail(std::move(term.error()).context("term"));
                             then(*to, std::move(*term));
                           });
}

// Finds the process of this node that the request names, and goes on with `then`; otherwise the request has
// failed. A global name is found later, on a worker's thread.
void find_process(const request& r, std::function<void(const runtime::process_info&)> then) {
  r->of.requests().info(r->text("name"),
                        [r, then = std::move(then)](const base::result<runtime::process_info>& info) {
                          info ? then(*info) : r->fail(info.error());
                        });
}

} // namespace

pending run_call(const request& r) {
  address(r, [r](const runtime::destination& to, runtime::message term) {
    r->asks->is(
        r->of.requests().call(to, std::move(term), r->timeout_nanos(),
                              [r](const behaviours::gen::call_result& result) { finish_call(*r, result); }));
  });
  return r->while_asking();
}

pending run_cast(const request& r) {
  address(r, [r](const runtime::destination& to, const runtime::message& term) {
    r->finish(r->of.requests().cast(to, term));
  });
  return r->while_finding("name");
}

pending run_send(const request& r) {
  address(r, [r](const runtime::destination& to, runtime::message term) {
    r->finish(r->of.requests().send(to, std::move(term)));
  });
  return r->while_finding("name");
}

namespace {

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

// For a process that is parked, or whose thread is stuck: the process itself tells what it is busy with.
void answer_with_occupation(const request& r, const runtime::process_info& info, base::nanos most) {
  r->of.requests().occupation_of(
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

// For a process that has not told its state in time: tells what it does now, which it has begun meanwhile.
void answer_anew(const request& r, const runtime::pid& pid) {
  const auto info = r->of.runtime().info(pid);
  if (!info) return r->reply(api::reply(unexpect, ended(*r)));
  if (is_parked(*info) || is_running(*info)) return answer_with_occupation(r, *info, info_most_of_busy);
  r->done(info_json(r->of, *info));
}

// A parked process tells what it waits for; another process tells what its format_status shows. If that
// takes too long, the answer comes without it. A process that has something to do gets less time, since it
// may answer in a while or not at all.
void tell_of(const request& r, const runtime::process_info& info) {
  const runtime::pid pid = info.summary.pid;
  if (is_parked(info)) return answer_with_occupation(r, info, info_most);
  if (!r->of.snapshots().runs_engine(info)) return r->done(info_json(r->of, info));
  // Only a plugin's callback may take long.
  const bool answers_soon =
      info.summary.is.plugin.empty() || info.summary.status == runtime::process_status::waiting;
  const base::nanos given = answers_soon ? info_most : info_most_of_busy;
  const base::nanos until = base::mono_now() + given;
  // A reader without the right `state` has no code of a plugin run for it.
  const auto wanted = r->who.sees_state ? behaviours::shown_part::all : behaviours::shown_part::without_state;
  r->of.requests().state_of(
      pid, wanted, given,
      [r, pid, until, document = info_json(r->of, info)](const behaviours::shown_state& shown) mutable {
        if (!shown.engine && base::mono_now() >= until) return answer_anew(r, pid);
        if (shown.state) document["state"] = *shown.state;
        if (shown.engine) document["engine"] = report_document(shown.engine);
        if (!shown.debug.empty()) document["debug"] = shown.debug;
        r->done(std::move(document));
      });
}

} // namespace

// A process that does not answer is shown without what it would tell, also when no worker goes on. A global
// name is found by a worker only.
pending run_info(const request& r) {
  constexpr std::chrono::milliseconds patience{1500};
  if (node::global_name_in(r->text("name"))) {
    find_process(r, [r](const runtime::process_info& info) { tell_of(r, info); });
    return r->while_finding("name");
  }
  const auto info = r->of.snapshots().info(r->text("name"));
  if (!info) return r->fail(info.error()), pending{};
  tell_of(r, *info);
  return {patience, {}, [r, pid = info->summary.pid] {
            const auto now = r->of.runtime().info(pid);
            return now ? api::reply(info_json(r->of, *now)) : api::reply(unexpect, ended(*r));
          }};
}

// Sends an exit signal, as exit(Pid, Reason) from a process that is not linked to it.
pending run_exit(const request& r) {
  find_process(r, [r](const runtime::process_info& info) {
    auto reason = r->of.snapshots().parse(r->text("reason"));
    if (!reason) return r->fail(std::move(reason.error()).context("reason"));
    r->of.runtime().exit(info.summary.pid, std::move(*reason));
    r->done(json::object());
  });
  return r->while_finding("name");
}

// Ends what `sys` of another node, or of this one, has switched on at a process.
pending run_trace(const request& r) {
  find_process(r, [r](const runtime::process_info& info) {
    if (r->text("change") != "off")
      return r->fail(base::errc::invalid, "what traces a process is switched off");
    r->asks->is(r->of.requests().stop_debugging(info.summary.pid, r->timeout_nanos(),
                                                [r](const base::status& s) { r->finish(s); }));
  });
  return r->while_asking();
}

} // namespace coppice::control
