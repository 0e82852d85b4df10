// SPDX-License-Identifier: MIT
// An actor under test that is an event handler: events, and how it leaves its manager. In the test's thread.
#include <utility>

#include "behaviours.hpp"

namespace coppice::testing::detail {

handler_behaviour::handler_behaviour(world& of, const settings&, coppice::unhandled unhandled)
    : handler_behaviour(of, table_of<coppice_event_handler>(*of.type, COPPICE_EVENT_HANDLER_DRAFT_2),
                        unhandled) {}

handler_behaviour::handler_behaviour(world& of, const coppice_event_handler& table,
                                     coppice::unhandled unhandled)
    : server_behaviour(of, as_server(table), unhandled), handler_(table) {}

server_behaviour::taker handler_behaviour::taker_of(const letter& what) const {
  return what.how == delivery::event ? taker{"handle_event", handler_.handle_event}
                                     : server_behaviour::taker_of(what);
}

bool handler_behaviour::follows(std::int32_t status) {
  if (status != COPPICE_REMOVE_HANDLER && status != COPPICE_SWAP_HANDLER) return false;
  if (status == COPPICE_SWAP_HANDLER) {
    swap();
    return true;
  }
  forget_error(world_);
  take_leave(atom("remove_handler"), {}, {});
  end(world_, atom("normal"));
  return true;
}

void handler_behaviour::swap() {
  const value said = std::exchange(world_.error_reason, {});
  forget_error(world_);
  etf::cursor at(said.bytes());
  etf::bytes args, next, next_args;
  if (!said || !at.read_tuple_of(3) || !at.read_term(args) || !at.read_term(next) || !at.read_term(next_args))
    return world_.stop(std::pair(etf::atom{"bad_swap_handler"}, (said ? said : atom("normal")).term()));
  take_leave(value::of(args), value::of(next), value::of(next_args));
  end(world_, atom("normal"));
}

void handler_behaviour::stops(const value& reason) {
  const value failed = std::pair(etf::atom{"error"}, std::pair(etf::atom{"EXIT"}, reason.term()));
  take_leave(is_orderly(reason) ? atom("stop") : failed, {}, {});
}

void handler_behaviour::take_leave(const value& why, const value& next, const value& next_args) {
  value result = atom("ok");
  if (handler_.removed != nullptr) {
    const lent given(why);
    coppice_writer out;
    write_begin(64, &out);
    const std::uint8_t* const begin = out.at;
    const std::int32_t status = world_.run("removed", [&](coppice_actor* self, void* state) {
      return handler_.removed(self, state, given.get(), &out);
    });
    coppice_message made{};
    if (status == COPPICE_OK && out.at != begin && finish(&out, &made) == COPPICE_OK)
      result = *detail::take(&made);
    else
      discard(&out);
    if (status != COPPICE_OK) result = std::pair(etf::atom{"EXIT"}, stop_reason(world_, status).term());
  }
  world_.did.left.push_back({why, std::move(result), next, next_args});
}

} // namespace coppice::testing::detail
