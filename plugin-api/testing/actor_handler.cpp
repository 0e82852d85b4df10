// SPDX-License-Identifier: MIT
// An actor under test that is an event handler: events, and how it leaves its manager. In the test's thread.
#include <coppice/testing.hpp>

#include <utility>

#include <coppice/testing/calls.hpp>

namespace coppice::testing {

void actor::notify(const value& event) {
  if (!is_handler_) throw failure("this actor is no event handler");
  deliver({detail::delivery::event, event});
}

value actor::remove(const value& why) {
  if (!is_handler_) throw failure("this actor is no event handler");
  if (world_.dead) throw failure("this event handler has ended");
  take_leave(why);
  detail::end(world_, atom("normal"));
  return did.left.back().result;
}

void actor::take_leave(const value& why, const value& next, const value& next_args) {
  value result = atom("ok");
  if (handler_.removed != nullptr) {
    const detail::lent given(why);
    coppice_writer out;
    detail::write_begin(64, &out);
    const std::uint8_t* const begin = out.at;
    const std::int32_t status =
        run("removed", [&] { return handler_.removed(self(), state_, given.get(), &out); });
    coppice_message made{};
    if (status == COPPICE_OK && out.at != begin && detail::finish(&out, &made) == COPPICE_OK)
      result = *detail::take(&made);
    else
      detail::discard(&out);
    if (status != COPPICE_OK) result = std::pair(etf::atom{"EXIT"}, stop_reason(status).term());
  }
  did.left.push_back({why, std::move(result), next, next_args});
}

void actor::leave_manager(std::int32_t status) {
  const value said = std::exchange(world_.error_reason, {});
  forget_error();
  if (status == COPPICE_REMOVE_HANDLER) {
    take_leave(atom("remove_handler"));
    return detail::end(world_, atom("normal"));
  }
  etf::cursor at(said.bytes());
  etf::bytes args, next, next_args;
  if (!said || !at.read_tuple_of(3) || !at.read_term(args) || !at.read_term(next) || !at.read_term(next_args))
    return stop(std::pair(etf::atom{"bad_swap_handler"}, (said ? said : atom("normal")).term()));
  take_leave(value::of(args), value::of(next), value::of(next_args));
  detail::end(world_, atom("normal"));
}

} // namespace coppice::testing
