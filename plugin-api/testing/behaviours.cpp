// SPDX-License-Identifier: MIT
// Chooses the engine of an actor's behaviour, and has what all of them do. In the test's thread.
#include "behaviours.hpp"

#include <utility>

namespace coppice::testing::detail {

namespace {

template <class Behaviour>
std::unique_ptr<behaviour> made(world& of, const settings& how, coppice::unhandled unhandled) {
  return std::make_unique<Behaviour>(of, how, unhandled);
}

} // namespace

std::unique_ptr<behaviour> make_behaviour(world& of, const settings& how, coppice::unhandled unhandled) {
  static const std::map<std::string_view, decltype(&made<server_behaviour>)> all = {
      {"event_handler", &made<handler_behaviour>},
      {"router", &made<router_behaviour>},
      {"statem", &made<machine_behaviour>},
  };
  const auto found = all.find(of.type->behaviour);
  return found == all.end() ? made<server_behaviour>(of, how, unhandled) : found->second(of, how, unhandled);
}

void carry_out(world& w, const engine::call& due) {
  const std::int32_t status =
      due.callback == nullptr ? due.make(w.handle(), nullptr) : w.run(due.callback, due.make);
  w.follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
  if (due.ends_actor && !w.dead) w.stop(due.reason ? due.reason : atom("normal"));
}

bool take_from(world& w, engine& from, const letter* what) {
  if (!from.is_of(w)) return false;
  const auto due = what != nullptr ? from.takes(*what) : from.next(w);
  if (due) carry_out(w, *due);
  return due.has_value();
}

value stop_reason(world& w, std::int32_t status) {
  const std::string text = std::exchange(w.error_text, {});
  const value reason = std::exchange(w.error_reason, {});
  const std::string_view word = coppice_status_word(status);
  if (status != COPPICE_STOP && word.empty()) return std::pair(etf::atom{"bad_return_value"}, status);
  if (reason) return reason;
  if (status == COPPICE_STOP) return atom("normal");
  if (text.empty()) return atom(word);
  return std::pair(etf::atom{word}, text);
}

void forget_error(world& w) {
  w.error_text.clear();
  w.error_reason = {};
}

void refuse_call(world& w, const letter& what, coppice::unhandled unhandled, std::string_view kind) {
  const std::string why = std::exchange(w.error_text, {});
  forget_error(w);
  if (unhandled != coppice::unhandled::reply_error) return;
  const std::string text = why.empty() ? "the " + std::string(kind) + " takes no such request" : why;
  reply_to(what.from, std::pair(etf::atom{"error"}, std::pair(etf::atom{"bad_request"}, text)));
}

std::optional<value> parents_exit(const world& w, const letter& what) {
  etf::cursor at(what.term.bytes());
  etf::bytes from;
  etf::bytes reason;
  const bool is_exit = what.how == delivery::info && at.read_tuple_of(3) && at.read_atom_is("EXIT") &&
                       at.read_term(from) && at.read_term(reason);
  if (!is_exit || value::of(from) != w.parent) return std::nullopt;
  return value::of(reason);
}

} // namespace coppice::testing::detail
