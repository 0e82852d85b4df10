// SPDX-License-Identifier: MIT
// See engine_commands.hpp. Each command is a request to the engine, whose report is the answer.
#include "control/engine_commands.hpp"

#include <fmt/format.h>

#include <optional>

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
pending answer_with_engine(const request& r, const runtime::pid& pid, runtime::message change) {
  r->of.requests().engine_of(pid, std::move(change), r->timeout_nanos(),
                             [r](const base::result<runtime::message>& report) {
                               report ? r->done(report_document(*report)) : r->fail(report.error());
                             });
  return {};
}

// The process that the request names. nullopt: there is no such process, or it is no Engine, and the request
// has failed. `what`: the word for an Engine.
template <class Engine>
std::optional<runtime::pid> named_engine(const request& r, std::string_view what) {
  const auto info = r->of.snapshots().info(r->text("name"));
  if (!info) return r->fail(info.error()), std::nullopt;
  if (Engine::is_one(info->summary.is)) return info->summary.pid;
  return r->fail(base::errc::invalid, fmt::format("it is no {}, but a {}", what, info->summary.is.behaviour)),
         std::nullopt;
}

} // namespace

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

} // namespace coppice::control
