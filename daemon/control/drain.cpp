// SPDX-License-Identifier: MIT
// See drain.hpp. Listeners are told one by one, each by a call; the answer comes when all have answered, or
// have ended meanwhile.
#include "control/drain.hpp"

#include <memory>

#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/streams/tcp_listener.hpp"
#include "metrics/board.hpp"
#include "node/instance/operations.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/system.hpp"

namespace coppice::control {

namespace {

using nlohmann::json;

json left_document(const node::snapshots& of) {
  json listeners = json::array();
  std::uint64_t open = 0;
  for (const auto& one : of.counted().rows<behaviours::tcp_counters>()) {
    const std::uint64_t its = one.counters->open.value();
    open += its;
    listeners.push_back({{"name", one.label}, {"open", its}});
  }
  return {{"draining", of.status().draining}, {"open", open}, {"listeners", std::move(listeners)}};
}

// Answers the request when its last holder lets go of it.
struct round {
  explicit round(request asked) : of(std::move(asked)) {}
  round(const round&) = delete;
  ~round() {
    of->reply.later([&node = of->of] { return api::reply(left_document(node.snapshots())); });
  }
  request of;
};

} // namespace

pending run_drain(const request& r) {
  const std::string change = r->text("change");
  if (change.empty()) return r->done(left_document(r->of.snapshots())), pending{};
  if (change != "on" && change != "off")
    return r->fail(base::errc::invalid, "a node is drained, on, or serves again, off"), pending{};
  using behaviours::tcp_listener;
  r->of.operations().set_draining(change == "on");
  const auto all = std::make_shared<round>(r);
  for (const runtime::process_summary& one : r->of.snapshots().processes()) {
    if (!tcp_listener::is_one(one.is)) continue;
    r->of.requests().engine_of(
        one.pid, change == "on" ? tcp_listener::suspend_request() : tcp_listener::resume_request(),
        r->timeout_nanos(), [all](const base::result<runtime::message>&) {});
  }
  return {};
}

} // namespace coppice::control
