// SPDX-License-Identifier: MIT
// An actor under test that is a router: it is asked where a message goes, and a call that fails is tried
// again as in a node. In the test's thread.
#include <utility>

#include "behaviours.hpp"

namespace coppice::testing::detail {

router_behaviour::router_behaviour(world& of, const settings& how, coppice::unhandled unhandled)
    : server_behaviour(of, how, unhandled),
      router_(table_of<coppice_router>(*of.type, COPPICE_ROUTER_DRAFT_2)),
      routes_(how.routes) {}

void router_behaviour::take(const letter& what) {
  if (parents_exit(world_, what) || !take_to_route(what)) server_behaviour::take(what);
}

bool router_behaviour::take_to_route(const letter& what) {
  if (router_.route == nullptr) return false;
  routed_message one;
  one.kind = what.how == delivery::call   ? COPPICE_ROUTED_CALL
             : what.how == delivery::cast ? COPPICE_ROUTED_CAST
                                          : COPPICE_ROUTED_INFO;
  one.content = what.term;
  one.from = what.from;
  const std::int32_t status = decide_route("route", router_.route, one, {});
  world_.follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
  const bool taken = world_.dead || one.decided;
  if (!world_.dead && one.decided) pass(std::move(one));
  return taken;
}

void router_behaviour::pass(routed_message one) {
  world_.did.routed.push_back(one);
  if (!one.to) return;
  ++one.tries;
  if (one.kind != COPPICE_ROUTED_CALL) {
    world_.did.sent.push_back({one.to, one.content, one.kind == COPPICE_ROUTED_CAST, 0});
    return;
  }
  const response got = world_.others.ask(one.to, one.content);
  if (got.status == COPPICE_OK) return reply_to(one.from, got.term);
  if (got.status == COPPICE_E_TIMEOUT) return; // the caller is not answered
  const value reason = got.status == COPPICE_E_NOPROC     ? atom("noproc")
                       : got.status == COPPICE_E_NODEDOWN ? atom("nodedown")
                                                          : got.term;
  constexpr std::uint32_t most_tries = 8;
  if (router_.failed != nullptr && one.tries < most_tries) {
    const std::int32_t status = decide_route("failed", router_.failed, one, reason);
    world_.follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
    if (world_.dead) return;
    if (one.decided) return pass(std::move(one));
  }
  reply_to(one.from,
           std::pair(etf::atom{"error"}, std::tuple(etf::atom{"not_routed"}, one.route, reason.term())));
}

std::int32_t router_behaviour::decide_route(const char* name, decision callback, routed_message& one,
                                            const value& reason) {
  const lent content(one.content);
  const std::string before = one.route;
  coppice_routed given{};
  given.size = sizeof given;
  given.kind = one.kind;
  given.content = *content.get();
  given.route = {reinterpret_cast<const std::uint8_t*>(before.data()), before.size()};
  std::optional<lent> from;
  std::optional<lent> why;
  if (one.from) given.from = from.emplace(one.from).bytes();
  if (reason) given.reason = why.emplace(reason).bytes();
  one.decided = false;
  world_.routing = {&routes_, &one};
  const std::int32_t status =
      world_.run(name, [&](coppice_actor* self, void* state) { return callback(self, state, &given); });
  world_.routing = {};
  if (status != COPPICE_OK) one.decided = false;
  return status;
}

} // namespace coppice::testing::detail
