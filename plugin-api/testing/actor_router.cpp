// SPDX-License-Identifier: MIT
// An actor under test that is a router: it is asked where a message goes, and a call that fails is tried
// again as in a node. In the test's thread.
#include <coppice/testing.hpp>

#include <coppice/testing/calls.hpp>

namespace coppice::testing {

bool actor::take_to_route(const detail::letter& what) {
  routed_message one;
  one.kind = what.how == detail::delivery::call   ? COPPICE_ROUTED_CALL
             : what.how == detail::delivery::cast ? COPPICE_ROUTED_CAST
                                                  : COPPICE_ROUTED_INFO;
  one.content = what.term;
  one.from = what.from;
  const std::int32_t status = decide_route("route", router_.route, one, {});
  follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
  if (!world_.dead && one.decided) pass(std::move(one));
  return world_.dead || one.decided;
}

void actor::pass(routed_message one) {
  world_.did.routed.push_back(one);
  if (!one.to) return;
  ++one.tries;
  if (one.kind != COPPICE_ROUTED_CALL) {
    world_.did.sent.push_back({one.to, one.content, one.kind == COPPICE_ROUTED_CAST, 0});
    return;
  }
  const response got = world_.others.ask(one.to, one.content);
  if (got.status == COPPICE_OK) return answer_routed(one, got.term);
  if (got.status == COPPICE_E_TIMEOUT) return; // the caller is not answered
  const value reason = got.status == COPPICE_E_NOPROC     ? atom("noproc")
                       : got.status == COPPICE_E_NODEDOWN ? atom("nodedown")
                                                          : got.term;
  constexpr std::uint32_t most_tries = 8;
  if (router_.failed != nullptr && one.tries < most_tries) {
    const std::int32_t status = decide_route("failed", router_.failed, one, reason);
    follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
    if (world_.dead) return;
    if (one.decided) return pass(std::move(one));
  }
  answer_routed(one,
                std::pair(etf::atom{"error"}, std::tuple(etf::atom{"not_routed"}, one.route, reason.term())));
}

void actor::answer_routed(const routed_message& one, const value& reply) {
  const auto open = detail::open_froms.find(one.from);
  const auto waits = open == detail::open_froms.end() ? nullptr : open->second.lock();
  if (waits && !waits->answered) *waits = {true, reply};
}

std::int32_t actor::decide_route(const char* name,
                                 std::int32_t (*callback)(coppice_actor*, void*, const coppice_routed*),
                                 routed_message& one, const value& reason) {
  const detail::lent content(one.content);
  const std::string before = one.route;
  coppice_routed given{};
  given.size = sizeof given;
  given.kind = one.kind;
  given.content = *content.get();
  given.route = {reinterpret_cast<const std::uint8_t*>(before.data()), before.size()};
  std::optional<detail::lent> from;
  std::optional<detail::lent> why;
  if (one.from) given.from = from.emplace(one.from).bytes();
  if (reason) given.reason = why.emplace(reason).bytes();
  one.decided = false;
  world_.routing = {&routes_, &one};
  const std::int32_t status = run(name, [&] { return callback(self(), state_, &given); });
  world_.routing = {};
  if (status != COPPICE_OK) one.decided = false;
  return status;
}

} // namespace coppice::testing
