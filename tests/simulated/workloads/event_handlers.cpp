// SPDX-License-Identifier: MIT
// See event_handlers.hpp. The manager is the product's. It is behind a behaviour that looks at each message
// before the manager gets it, so that it is known which events the manager has taken, and in which order. The
// callbacks of a handler are those of a plugin, in tables of "coppice.event_handler/draft-2".
// rooms: node
#include "event_handlers.hpp"

#include <coppice/draft/event_handler.h>
#include <coppice/lifecycle.h>
#include <coppice/term.h>
#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "behaviours/event_manager/event_manager.hpp"
#include "host/boundary/host.hpp"
#include "ledger.hpp"

namespace coppice::simulated {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;
using state = handler_log::state;

etf::bytes bytes_of(const coppice_message* m) {
  return {m->data, static_cast<std::size_t>(m->size)};
}

message parsed(const std::string& text) {
  const auto term = etf::parse(text);
  if (!term) give_up("a workload's term is none: " + text);
  return message::copy_of(*term);
}

std::optional<handler_args> read_args(etf::cursor in) {
  handler_args out;
  std::uint64_t how = 0;
  if (!in.read_tuple_of(4) || !in.read_unsigned(out.number) || !in.read_unsigned(out.owner) ||
      !in.read_unsigned(out.old) || !in.read_unsigned(how))
    return std::nullopt;
  out.how = static_cast<handler_args::way>(how);
  return out;
}

// {Sender, Number}
std::optional<event_key> read_event(etf::cursor in) {
  event_key out;
  if (!in.read_tuple_of(2) || !in.read_unsigned(out.sender) || !in.read_unsigned(out.number))
    return std::nullopt;
  return out;
}

// {note, {Sender, Number}}, a message that is no event.
std::optional<event_key> read_note(etf::cursor in) {
  if (!in.read_tuple_of(2) || !in.read_atom_is("note")) return std::nullopt;
  return read_event(in);
}

// ---- the handler ----

// A handler's own state.
struct handler {
  handler_log* log = nullptr; // null: init has not run
  runtime::pid process{};
  std::uint64_t temper = 0; // it does something rare at one event of so many; 0: never
  std::vector<std::pair<std::uint64_t, std::vector<std::uint8_t>>> late; // calls that are answered later
};

std::int32_t fail(coppice_actor* self, const std::string& reason) {
  const message term = parsed(reason);
  coppice::host::actor_interface()->set_reason(self, {term.bytes().data(), term.size()});
  return COPPICE_STOP;
}

// The handler works: other threads run meanwhile, in the middle of the callback, or other processes of its
// worker as well.
void take_time(coppice_actor* self) {
  if (one_in(4)) let_pass(draw_between(0, 100 * microsecond));
  if (one_in(300)) let_pass(draw_between(0, 30 * millisecond));
  if (!one_in(60)) return;
  const message load = message::atom("load");
  const message request = parsed(fmt::format("{{call,{},{}}}", the_ledger().next(), draw_below(200)));
  coppice_message asks{request.bytes().data(), request.size(), nullptr};
  coppice_message answer{};
  const std::int64_t deadline = base::mono_now() + second;
  coppice::host::call_interface()->call(self, {load.bytes().data(), load.size()}, &asks, deadline, &answer);
  coppice::host::message_interface()->release(&answer);
}

// The handler does what the seed chooses after an event or a call.
std::int32_t act(coppice_actor* self, handler& on) {
  handler_log& log = *on.log;
  if (the_ledger().quiet || on.temper == 0 || !one_in(on.temper)) return COPPICE_OK;
  switch (draw_below(5)) {
    case 0:
      tell("{} crashes", log.shown());
      log.is = state::crashed;
      log.end = "{'EXIT',";
      return one_in(2) ? fail(self, "boom") : COPPICE_E_INTERNAL;
    case 1:
      tell("{} asks to be removed", log.shown());
      log.is = state::left;
      log.end = "normal";
      return COPPICE_REMOVE_HANDLER;
    case 2:
      return COPPICE_HIBERNATE;
    default: {
      const std::uint64_t next = the_ledger().next();
      tell("{} asks for handler {} in its place", log.shown(), next);
      log.is = state::left;
      log.end = "{swapped," + handler_name(next);
      const handler_args args{next, 0, log.number, handler_args::way::left};
      const message to = parsed(fmt::format("{{replaced,{},{}}}", handler_name(next), args.shown()));
      coppice::host::actor_interface()->set_reason(self, {to.bytes().data(), to.size()});
      return COPPICE_SWAP_HANDLER;
    }
  }
}

std::int32_t take_event(coppice_actor* self, handler& on, const std::optional<event_key>& event,
                        etf::bytes term) {
  if (!event) the_ledger().broken("what is sent arrives as it was: an event is " + etf::print(term));
  the_manager_logs().came(*on.log, *event);
  take_time(self);
  if (self->process->exiting()) return COPPICE_OK;
  the_manager_logs().handled(*on.log);
  return act(self, on);
}

std::int32_t answer_call(coppice_actor* self, const handler& on, std::uint64_t number, coppice_bytes from) {
  const message said = parsed(fmt::format("{{seen,{},{}}}", on.log->number, number));
  coppice_message raw{said.bytes().data(), said.size(), nullptr};
  return coppice::host::call_interface()->reply(self, from, &raw);
}

// Calls that wait are answered when this message comes.
void answer_later(coppice_actor* self, handler& on, std::uint64_t number, coppice_bytes from) {
  on.late.emplace_back(number, std::vector<std::uint8_t>(from.data, from.data + from.size));
  const message due = message::atom("late");
  coppice_message raw{due.bytes().data(), due.size(), nullptr};
  coppice_timer_options when{};
  when.size = sizeof when;
  when.deadline = base::mono_now() + draw_between(0, 300 * millisecond);
  std::uint64_t id = 0;
  coppice::host::timer_interface()->start(self, &when, &raw, &id);
}

std::int32_t take_info(coppice_actor* self, handler& on, etf::bytes term) {
  if (etf::cursor(term).read_atom_is("late")) {
    for (const auto& [number, from] : std::exchange(on.late, {}))
      answer_call(self, on, number, {from.data(), from.size()});
    return COPPICE_OK;
  }
  // A manager passes the messages of other processes on to its handlers.
  etf::cursor exit(term);
  if (exit.read_tuple_of(3) && exit.read_atom_is("EXIT")) return COPPICE_OK;
  return take_event(self, on, read_note(etf::cursor(term)), term);
}

std::int32_t take_call(coppice_actor* self, handler& on, etf::bytes request, coppice_bytes from) {
  etf::cursor in(request);
  std::uint64_t number = 0;
  if (!in.read_tuple_of(2) || !in.read_atom_is("ask") || !in.read_unsigned(number))
    the_ledger().broken("what is sent arrives as it was: a call is " + etf::print(request));
  the_manager_logs().up_to_date(*on.log, "is called");
  take_time(self);
  if (self->process->exiting()) return COPPICE_OK;
  if (on.temper != 0 && !the_ledger().quiet && one_in(4 * on.temper)) {
    on.log->is = state::crashed;
    on.log->end = "{'EXIT',";
    return fail(self, "boom");
  }
  if (!the_ledger().quiet && one_in(4)) {
    answer_later(self, on, number, from);
    return COPPICE_OK;
  }
  answer_call(self, on, number, from);
  return act(self, on);
}

// {Manager, Args}, or {Manager, {Args, Result}} if it takes the place of another handler.
std::int32_t begin(coppice_actor* self, handler& on, etf::bytes term) {
  etf::cursor in(term);
  std::uint64_t manager = 0;
  in.read_tuple_of(2);
  in.read_unsigned(manager);
  auto args = read_args(in);
  bool replaces = false;
  bool knows_old = false; // the old handler itself has given the result
  if (!args && in.read_tuple_of(2)) {
    args = read_args(in);
    in.skip();
    replaces = args && !in.read_atom_is("error");
    std::uint64_t gone = 0;
    const bool is_pair = replaces && in.read_tuple_of(2);
    knows_old = is_pair && etf::cursor(in).read_atom_is("gone");
    in.skip();
    if (replaces && !is_pair) args.reset();
    if (args && knows_old && (!in.read_unsigned(gone) || gone != args->old)) args.reset();
  }
  if (!args)
    the_ledger().broken("a handler begins with its arguments and what the old one left: " + etf::print(term));
  manager_log& of = the_manager_logs().manager(manager);
  handler_log& log = the_manager_logs().begin_handler(args->number, of);
  const handler_log* const old = the_manager_logs().find(args->old);
  on.log = &log;
  on.process = log.process = self->process->self();
  take_time(self);
  if (self->process->exiting()) return COPPICE_OK;
  if (log.is != state::begins) {
    if (log.owner != 0 || (log.is == state::lives && !log.killed && of.waits))
      the_ledger().broken("a handler begins once: " + log.shown());
    log.again = true;
    log.killed = false;
  } else {
    log.owner = args->owner == 0 && replaces && old != nullptr ? old->owner : args->owner;
    log.next = log.handled = of.taken.size();
    log.again = !of.waits;
    if (args->how == handler_args::way::left && old != nullptr) {
      if (!replaces) the_ledger().broken("a swap hands on what the old handler has left: " + log.shown());
      log.next = log.handled = old->next;
    } else if (knows_old && of.waits && !old->again && old->next != of.taken.size()) {
      the_ledger().broken("a swap loses no event between the old and the new handler: " + log.shown());
    }
    if (!the_ledger().quiet && one_in(12)) {
      log.is = state::refused;
      log.end = "crash"; // told to the owner of a handler that asked for this one in its place
      return one_in(2) ? COPPICE_E_REFUSED : fail(self, "boom");
    }
  }
  tell("{} begins", log.shown());
  log.is = state::lives;
  constexpr std::uint64_t tempers[] = {0, 10, 40, 200};
  on.temper = tempers[draw_below(std::size(tempers))];
  return COPPICE_OK;
}

// `why` begins with "delete" or "swap" if delete_handler or swap_handler caused the end.
std::int32_t leave(coppice_actor* self, handler& on, etf::bytes why, coppice_writer* result) {
  handler_log& log = *on.log;
  if (log.is == state::lives) {
    etf::cursor in(why);
    std::string_view word;
    std::uint32_t arity = 0;
    const bool alone = in.peek() == etf::kind::atom;
    if (!alone) in.read_tuple(arity);
    in.read_atom(word);
    log.is = state::removed;
    if (word == "delete") {
      the_manager_logs().up_to_date(log, "is deleted");
      log.end = "normal";
    } else if (word == "swap") {
      the_manager_logs().up_to_date(log, "is swapped");
      std::uint64_t next = 0;
      in.read_unsigned(next);
      log.end = "{swapped," + handler_name(next);
    } else if (word == "stop") {
      if (!alone) the_manager_logs().up_to_date(log, "has lost its owner");
      log.end = "shutdown";
    } else if (word != "error") {
      the_ledger().broken("a handler is told why it leaves: " + log.shown() + " by " + etf::print(why));
    }
    tell("{} leaves: {}", log.shown(), etf::print(why));
    take_time(self);
  }
  if (!the_ledger().quiet && log.is == state::removed && one_in(20)) return fail(self, "boom");
  coppice_write_tuple(result, 2);
  coppice_write_atom(result, "gone");
  coppice_write_integer(result, static_cast<std::int64_t>(log.number));
  return COPPICE_OK;
}

// The process has ended.
void end(const handler& on) {
  if (on.log == nullptr || on.log->process != on.process) return; // it has begun again meanwhile
  const handler_log& log = *on.log;
  if (log.lives() && log.of->waits && !log.of->over)
    the_ledger().broken("a handler ends by itself, by its manager, or is killed: " + log.shown());
}

handler& of(void* state) {
  return *static_cast<handler*>(state);
}

const coppice_lifecycle lifecycle = [] {
  coppice_lifecycle table{};
  table.size = sizeof table;
  table.create = [](coppice_actor*, void** state) {
    *state = new handler;
    return COPPICE_OK;
  };
  table.init = [](coppice_actor* self, void* state, const coppice_message* args) {
    return begin(self, of(state), bytes_of(args));
  };
  table.destroy = [](void* state) {
    end(of(state));
    delete &of(state);
  };
  return table;
}();

const coppice_event_handler callbacks = [] {
  coppice_event_handler table{};
  table.size = sizeof table;
  table.handle_event = [](coppice_actor* self, void* state, const coppice_message* m) {
    return take_event(self, of(state), read_event(etf::cursor(bytes_of(m))), bytes_of(m));
  };
  table.handle_info = [](coppice_actor* self, void* state, const coppice_message* m) {
    return take_info(self, of(state), bytes_of(m));
  };
  table.handle_call = [](coppice_actor* self, void* state, const coppice_message* m, coppice_bytes from) {
    return take_call(self, of(state), bytes_of(m), from);
  };
  table.removed = [](coppice_actor* self, void* state, const coppice_message* why, coppice_writer* result) {
    return leave(self, of(state), bytes_of(why), result);
  };
  return table;
}();

const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_EVENT_HANDLER_DRAFT_2, &callbacks}, {nullptr, nullptr}};
const coppice_actor_type type = {sizeof(coppice_actor_type), 0, "h", "event_handler", tables, nullptr};

// ---- the manager ----

class factory_of_manager final : public runtime::actor_factory {
 public:
  factory_of_manager(const manager_log& of, handler_factory& makes) : of_(of), makes_(makes) {}
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override {
    return makes_.make(of_, spec);
  }

 private:
  const manager_log& of_;
  handler_factory& makes_;
};

class watched_manager final : public runtime::behaviour {
 public:
  watched_manager(manager_log& log, unsigned at, std::unique_ptr<runtime::behaviour> does)
      : log_(log), at_(at), does_(std::move(does)) {}
  ~watched_manager() override { log_.over = true; }

  runtime::outcome init(process& self) override { return does_->init(self); }
  runtime::outcome receive(process& self, message m) override {
    look_at(m);
    runtime::outcome next = does_->receive(self, std::move(m));
    if (next.stops()) log_.over = true;
    return next;
  }
  void terminate(process& self, const message& reason) override {
    log_.over = true;
    does_->terminate(self, reason);
  }
  void describe(runtime::description& out) const override { does_->describe(out); }

 private:
  // {notify, Event}, {Pid, From, {sync_notify, Event}}, or {note, Event}
  void look_at(const message& m) {
    etf::cursor in(m.bytes());
    std::uint32_t arity = 0;
    if (!in.read_tuple(arity)) return;
    if (arity == 2 && (etf::cursor(in).read_atom_is("notify") || etf::cursor(in).read_atom_is("note"))) {
      in.skip();
      return take(in);
    }
    if (arity != 3 || in.peek() == etf::kind::atom) return;
    in.skip();
    in.skip();
    if (in.peek() == etf::kind::tuple && in.read_tuple_of(2) && in.read_atom_is("sync_notify")) take(in);
  }
  void take(const etf::cursor& in) {
    const auto event = read_event(in);
    if (event) the_manager_logs().taken(log_, at_, *event);
  }

  manager_log& log_;
  unsigned at_;
  std::unique_ptr<runtime::behaviour> does_;
};

} // namespace

std::string handler_args::shown() const {
  return fmt::format("{{{},{},{},{}}}", number, owner, old, static_cast<unsigned>(how));
}

std::string handler_name(std::uint64_t number) {
  return fmt::format("{{'h:h',{}}}", number);
}

std::uint64_t number_of_handler(etf::bytes name) {
  etf::cursor in(name);
  std::uint64_t number = 0;
  if (!in.read_tuple_of(2) || !in.read_atom_is("h:h") || !in.read_unsigned(number)) return 0;
  return number;
}

handler_factory::handler_factory() {
  image_.keep(coppice::host::read_code(type, "h", identities_));
}

base::result<std::unique_ptr<runtime::behaviour>> handler_factory::make(const manager_log& of,
                                                                        const runtime::actor_spec& spec) {
  if (spec.actor != "h:h") return base::fail(base::errc::not_found, "no actor " + spec.actor);
  coppice::host::actor_plan plan;
  plan.image = coppice::host::image_pin(image_);
  plan.code = image_.find(type.name);
  message_writer args;
  args.tuple(2);
  args.unsigned_integer(of.number);
  args.raw(spec.args.bytes());
  plan.args = args.take();
  plan.unhandled = spec.unhandled;
  return coppice::host::make_actor(std::move(plan));
}

std::unique_ptr<runtime::behaviour> make_manager(manager_log& log, unsigned at, handler_factory& factory) {
  auto spec = std::make_shared<behaviours::event_manager_spec>();
  if (one_in(3)) spec->slow_after = draw_between(millisecond, 100 * millisecond);
  log.waits = spec->slow_after == 0;
  if (one_in(3)) {
    spec->backlog.events = 1 + draw_below(30);
    log.may_drop = !log.waits;
    if (one_in(3)) spec->backlog.on_full = behaviours::event_overload::exit;
  }
  if (one_in(4)) spec->limit = 2 + static_cast<std::uint32_t>(draw_below(4));
  for (std::uint64_t left = draw_below(3); left > 0; --left) {
    const handler_args args{the_ledger().next(), 0, 0, handler_args::way::added};
    spec->handlers.push_back({.name = parsed(handler_name(args.number)),
                              .actor = "h:h",
                              .args = parsed(args.shown()),
                              .permanent = one_in(2),
                              .unhandled = std::nullopt});
  }
  behaviours::supervision shared;
  shared.factory = new factory_of_manager(log, factory); // NOLINT: see handler_log.hpp
  log.allows = !one_in(8);
  if (log.allows) shared.rights = behaviours::peer_rights({"h:h"}, {});
  auto manager = std::make_unique<behaviours::event_manager>(
      std::make_shared<const behaviours::child_spec>(), std::move(spec),
      std::make_shared<const behaviours::supervision>(std::move(shared)), message(), "bells");
  return std::make_unique<watched_manager>(log, at, std::move(manager));
}

} // namespace coppice::simulated
