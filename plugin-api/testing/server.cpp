// SPDX-License-Identifier: MIT
// An actor under test that is a server: its calls, casts, messages and responses. In the test's thread.
#include <utility>

#include "behaviours.hpp"

namespace coppice::testing::detail {

server_behaviour::server_behaviour(world& of, const settings&, coppice::unhandled unhandled)
    : server_behaviour(of, table_of<coppice_server>(*of.type, COPPICE_SERVER_1), unhandled) {}

server_behaviour::server_behaviour(world& of, const coppice_server& server, coppice::unhandled unhandled)
    : behaviour(of), server_(server), unhandled_(unhandled) {}

std::optional<engine::call> server_behaviour::takes(const letter& what) {
  return call{nullptr, [this, &what](coppice_actor*, void*) {
                take(what);
                return COPPICE_OK;
              }};
}

server_behaviour::taker server_behaviour::taker_of(const letter& what) const {
  return what.how == delivery::cast ? taker{"handle_cast", server_.handle_cast}
                                    : taker{"handle_info", server_.handle_info};
}

bool server_behaviour::may_drop(const letter& what) const {
  return what.how != delivery::cast || unhandled_ != coppice::unhandled::exit;
}

void server_behaviour::take(const letter& what) {
  if (what.how == delivery::call) return take_call(what);
  if (const auto reason = parents_exit(world_, what)) return world_.stop(*reason);
  const taker by = taker_of(what);
  const lent term(what.term);
  const std::int32_t status =
      by.make == nullptr ? COPPICE_UNHANDLED : world_.run(by.name, [&](coppice_actor* self, void* state) {
        return by.make(self, state, term.get());
      });
  if (what.of_timer && status == COPPICE_UNHANDLED)
    world_.did.complaints.push_back("its timer has sent it " + show(what.term.bytes()) +
                                    ", which no callback takes: the timer is lost");
  if (may_drop(what) && status == COPPICE_UNHANDLED) return forget_error(world_); // it may have been logged
  decide("bad_cast", what.term, status);
}

void server_behaviour::take_call(const letter& what) {
  const lent term(what.term);
  const lent from(what.from);
  world_.asked = what.from;
  world_.answered = false;
  const std::int32_t status = server_.handle_call == nullptr
                                  ? COPPICE_UNHANDLED
                                  : world_.run("handle_call", [&](coppice_actor* self, void* state) {
                                      return server_.handle_call(self, state, term.get(), from.bytes());
                                    });
  world_.asked = {};
  if (status == COPPICE_UNHANDLED && unhandled_ != coppice::unhandled::exit)
    return refuse_call(world_, what, unhandled_, kind());
  decide("bad_call", what.term, status);
  leave_open(world_, what, "return the reply");
}

std::optional<engine::call> server_behaviour::answered(const ended_request& what) {
  if (server_.on_response == nullptr) return std::nullopt;
  return call{nullptr, [this, &what](coppice_actor*, void*) {
                std::optional<lent> term;
                std::optional<lent> context;
                if (what.outcome.term) term.emplace(what.outcome.term);
                if (what.context) world_.context = context.emplace(what.context).bytes();
                const coppice_message none{};
                const std::int32_t status = world_.run("on_response", [&](coppice_actor* self, void* state) {
                  return server_.on_response(self, state, what.id, what.tag, what.outcome.status,
                                             term ? term->get() : &none);
                });
                world_.context = {};
                return status;
              }};
}

void server_behaviour::decide(std::string_view unhandled, const value& term, std::int32_t status) {
  if (status != COPPICE_UNHANDLED) return world_.follow(status);
  world_.stop(std::pair(etf::atom{unhandled}, term.term()));
}

} // namespace coppice::testing::detail
