// SPDX-License-Identifier: MIT
// After lib/stdlib gen_server.erl: sys requests come first, then the parent's exit, then calls, casts and
// other messages. While suspended, only the first two are handled. In the process's own turn.
#include "behaviours/gen/server.hpp"

#include "base/bound.hpp"
#include "behaviours/gen/askers.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::outcome;
using runtime::process;

constexpr std::string_view continue_tag = "$coppice_continue";
constexpr std::string_view catch_up_tag = "$coppice_catch_up";
const base::bound<int> most_at_once("server: held messages handled in a turn", 16);

bool is_parents_exit(process& self, const message& m, gen::exit_notice& exit) {
  return gen::read_exit(self, m, exit) && self.parent() && exit.from == self.parent();
}

// A pair whose first element is an atom of the same length as a cast's tag.
bool seems_cast(etf::bytes term) {
  return term.size() > 4 && term[0] == 104 && term[1] == 2 && term[2] == 119 && term[3] == 9;
}

} // namespace

// The answers to sys. Made on the stack, so that an idle server needs no memory for it.
class server::sys_subject final : public sys::subject {
 public:
  explicit sys_subject(server& of) : of_(of) {}
  message sys_state(process& self) override { return of_.sys_state(self); }
  std::string sys_module() const override { return of_.sys_module(); }
  std::string_view sys_engine() const override { return of_.sys_engine(); }
  message sys_misc(process& self, bool suspended) override { return of_.sys_misc(self, suspended); }
  bool obeys_peers(const process& self) const override { return of_.obeys_peers(self); }

 private:
  server& of_;
};

void server::continue_first(process& self) {
  continue_first_ = true;
  if (!std::exchange(continue_sent_, true)) self.notify(self.self(), message::atom(continue_tag));
}

// Most messages take this path. It is short, so that it ends in a jump to the callback.
outcome server::receive(process& self, message m) {
  const etf::bytes term = m.bytes();
  if (continue_sent_ || attended()) [[unlikely]]
    return sort(self, std::move(m));
  if (gen::is_plain(term) && !gen::is_exit(term)) [[likely]]
    return take_info(self, m);
  if (seems_cast(term))
    if (const gen::request_view what = gen::look(term); what.what == gen::request::kind::cast)
      return take_cast(self, m, what.body);
  return sort(self, std::move(m));
}

outcome server::receive_io(process& self) {
  if (outcome next = continue_now(self); next.stops() || self.exiting()) return next;
  return take_io(self);
}

outcome server::continue_now(process& self) {
  return std::exchange(continue_first_, false) ? take_continue(self) : runtime::carry_on();
}

outcome server::sort(process& self, message m) {
  if (outcome next = continue_now(self); next.stops() || self.exiting()) return next;
  if (sys_ != nullptr && sys_->lost(self, m)) return catch_up(self);
  const gen::request_view what = gen::look(m.bytes());
  if (!what.from.empty() && !gen::may_answer(self, what.from)) return runtime::carry_on();
  if (sys_ != nullptr && sys_->notice_sent && self.origin().notice &&
      etf::cursor(m.bytes()).read_atom_is(catch_up_tag)) {
    sys_->notice_sent = false;
    return catch_up(self);
  }
  if (sys_ != nullptr && sys_->catches_up()) {
    sys_->keep({std::move(m), self.origin()});
    return catch_up(self);
  }
  if (what.what == gen::request::kind::system) {
    outcome next = system_request(self, gen::parse(m));
    return next.stops() || sys_ == nullptr ? std::move(next) : catch_up(self);
  }
  if (!suspended()) return dispatch(self, m, what);
  if (gen::exit_notice exit; is_parents_exit(self, m, exit)) return runtime::stop(exit.reason);
  sys::held_message held{std::move(m), self.origin()};
  if (sys_->hold(self, held)) return runtime::carry_on();
  if (const etf::bytes from = gen::look(held.what.bytes()).from; !from.empty())
    gen::end_call(self, held.what.slice(from), runtime::reasons::mailbox_full());
  return runtime::carry_on();
}

outcome server::system_request(process& self, const gen::request& what) {
  if (config_change to; read_config_change(self, what, to))
    return take_config(self, what.from, std::move(to));
  if (message options; read_options_change(self, what, options))
    return take_options(self, what.from, std::move(options));
  if (asks_shown_state(self, what)) {
    runtime::description described;
    describe(described);
    tell_shown_state(
        self, what, [&] { return state_for_people(self); }, described.behaviour,
        [&] { return engine_for_people(self); }, sys_ == nullptr ? std::string() : sys_->words(self));
    return runtime::carry_on();
  }
  if (sys_ == nullptr) sys_ = std::make_unique<sys::protocol>();
  sys_subject about(*this);
  return sys_->handle(self, about, what);
}

outcome server::catch_up(process& self) {
  sys::held_message held;
  for (int i = 0; i < most_at_once && sys_->next(held); ++i) {
    self.set_origin(held.origin);
    outcome next = dispatch(self, held.what, gen::look(held.what.bytes()));
    if (next.stops() || self.exiting()) return next;
    self.reductions(1);
    if (self.should_yield()) break;
  }
  if (sys_->catches_up() && !std::exchange(sys_->notice_sent, true))
    self.notify(self.self(), message::atom(catch_up_tag));
  return runtime::carry_on();
}

message server::take_held(const message_test& wanted) {
  return sys_ == nullptr ? message() : sys_->take(wanted);
}

// Debugging stays switched on or off while the message is handled, since switching it takes another message.
outcome server::dispatch(process& self, const message& m, const gen::request_view& what) {
  sys::debugging* const debug = what.what == gen::request::kind::system ? nullptr : this->debug();
  if (debug == nullptr) return hand_over(self, m, what);
  debug->received(self, m);
  outcome next = hand_over(self, m, what);
  if (!next.stops() && !self.exiting()) debug->handled(self, sys_state(self));
  return next;
}

outcome server::hand_over(process& self, const message& m, const gen::request_view& what) {
  switch (what.what) {
    case gen::request::kind::call:
      return take_call(self, m, what.from, what.body);
    case gen::request::kind::cast:
      return take_cast(self, m, what.body);
    case gen::request::kind::system:
      return system_request(self, gen::parse(m));
    case gen::request::kind::info:
      break;
  }
  if (gen::is_exit(m.bytes()) || continue_sent_)
    if (outcome next = runtime::carry_on(); own_info(self, m, next)) return next;
  return take_info(self, m);
}

bool server::own_info(process& self, const message& m, outcome& next) {
  if (gen::exit_notice exit; is_parents_exit(self, m, exit)) {
    next = runtime::stop(exit.reason);
    return true;
  }
  if (!continue_sent_ || !self.origin().notice || !etf::cursor(m.bytes()).read_atom_is(continue_tag))
    return false;
  continue_sent_ = false;
  return true;
}

outcome server::take_config(process& self, const message& from, config_change) {
  gen::reply(self, from, message::atom("unhandled"));
  return runtime::carry_on();
}

outcome server::take_options(process& self, const message& from, message) {
  gen::reply(self, from, message::atom("unhandled"));
  return runtime::carry_on();
}

} // namespace coppice::behaviours
