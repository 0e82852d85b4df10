// SPDX-License-Identifier: MIT
// See engine_commands.hpp. Each command is a request to the engine, whose report is the answer.
#include "control/engine_commands.hpp"

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

#include "behaviours/pool/pool.hpp"
#include "behaviours/raft/member.hpp"
#include "behaviours/saga/saga_engine.hpp"
#include "behaviours/streams/tcp_listener.hpp"
#include "control/documents.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"

namespace coppice::control {
namespace {

using nlohmann::json;

// Answers with the engine's report after `change`; empty: no change.
void answer_with_engine(const request& r, const runtime::pid& pid, runtime::message change) {
  r->asks->is(r->of.requests().engine_of(
      pid, std::move(change), r->timeout_nanos(), [r](const base::result<runtime::message>& report) {
        report ? r->done(report_document(*report)) : r->fail(report.error());
      }));
}

// Finds the process that the request names, and goes on with `then`. The request fails if there is no such
// process, or if it is no Engine; `what` is the word for one. A global name is found later, on a worker's
// thread.
template <class Engine>
pending with_engine(const request& r, std::string_view what, std::function<void(const runtime::pid&)> then) {
  r->of.requests().info(
      r->text("name"), [r, what, then = std::move(then)](const base::result<runtime::process_info>& info) {
        if (!info) return r->fail(info.error());
        if (Engine::is_one(info->summary.is)) return then(info->summary.pid);
        r->fail(base::errc::invalid, fmt::format("it is no {}, but a {}", what, info->summary.is.behaviour));
      });
  return r->while_asking();
}

} // namespace

pending run_pool(const request& r) {
  using behaviours::pool;
  return with_engine<pool>(r, "pool", [r](const runtime::pid& pid) {
    if (!r->arguments.contains("size")) return answer_with_engine(r, pid, {});
    const json& size = r->arguments.at("size");
    if (!size.is_number_unsigned() || size < 1 || size > pool::most_workers)
      return r->fail(base::errc::invalid, fmt::format("a pool has 1 to {} workers", pool::most_workers));
    return answer_with_engine(r, pid, pool::resize_request(size.get<std::uint32_t>()));
  });
}

pending run_raft(const request& r) {
  using behaviours::raft::member;
  return with_engine<member>(r, "member of a Raft group", [r](const runtime::pid& pid) {
    const std::string change = r->text("change"), who = r->text("member");
    if (change.empty()) return answer_with_engine(r, pid, {});
    if (change == "skip") {
      const auto serial = r->number("serial");
      if (!serial || *serial == 0)
        return r->fail(base::errc::invalid, "the serial of the command is missing: a number from 1 on");
      return answer_with_engine(r, pid, member::change_request(change, std::to_string(*serial)));
    }
    if (change == "recover") {
      if (!r->flag("alone"))
        return r->fail(base::errc::invalid,
                       "a member recovers alone: the others are given up, and alone has to be true");
      return answer_with_engine(r, pid, member::change_request(change, {}));
    }
    if (change != "add" && change != "remove" && change != "transfer" && change != "upgrade")
      return r->fail(
          base::errc::invalid,
          "a member is added, removed, or given the leadership, or recovers; a command is skipped; "
          "a group is upgraded without a member");
    if (who.empty()) return r->fail(base::errc::invalid, "the member is missing: NAME@ALIVE@HOST");
    return answer_with_engine(r, pid, member::change_request(change, who));
  });
}

pending run_saga(const request& r) {
  using behaviours::saga_engine;
  return with_engine<saga_engine>(r, "saga", [r](const runtime::pid& pid) {
    const std::string tx = r->text("tx"), which = r->text("which"), change = r->text("change");
    if (!change.empty()) {
      const std::string decision = r->text("decision");
      if (change != "resolve" || (decision != "commit" && decision != "abort"))
        return r->fail(base::errc::invalid, "a transaction is resolved, with the decision commit or abort");
      if (tx.empty()) return r->fail(base::errc::invalid, "the id of the transaction is missing");
      return answer_with_engine(r, pid, saga_engine::resolve_request(tx, decision == "commit"));
    }
    if (!tx.empty()) return answer_with_engine(r, pid, saga_engine::show_request(tx));
    if (which.empty()) return answer_with_engine(r, pid, {});
    using saga::wanted_units;
    if (which != "in_doubt" && which != "parked" && which != "overdue")
      return r->fail(base::errc::invalid, "which: in_doubt, parked or overdue");
    return answer_with_engine(r, pid,
                              saga_engine::list_request(which == "parked"    ? wanted_units::parked
                                                        : which == "overdue" ? wanted_units::overdue
                                                                             : wanted_units::in_doubt));
  });
}

pending run_listener(const request& r) {
  using behaviours::tcp_listener;
  return with_engine<tcp_listener>(r, "listener", [r](const runtime::pid& pid) {
    const std::string change = r->text("change");
    if (!change.empty() && change != "suspend" && change != "resume")
      return r->fail(base::errc::invalid, "a listener is suspended or resumed");
    return answer_with_engine(r, pid,
                              change.empty()        ? runtime::message()
                              : change == "suspend" ? tcp_listener::suspend_request()
                                                    : tcp_listener::resume_request());
  });
}

} // namespace coppice::control
