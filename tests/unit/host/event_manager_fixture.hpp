// SPDX-License-Identifier: MIT
// An event manager whose handlers follow a script and note what they are given. OTP's gen_event plays the
// same scripts, see otp_event.escript. A script is a list of
//   {notify, N, Acts} | {sync, N, Acts} | {info, N, Acts}      Acts: [{Id, Act}], what each does with it
//   {call, Id, Act} | {add, Id} | {sup, Id} | {delete, Id, Why} | {swap, Id, Why, NextId, Args} | which
//   {swap_sup, Id, Why, NextId, Args} | {guest, Id}      a process adds it with add_sup_handler, and ends
//   Act: ok | remove | boom | {swap, NextId}
// Handlers are {'h:h', Id}. The result of a script is one line: the events of each handler, by its id; the
// answers; and, sorted, what the process was told that added handlers with `sup`.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <regex>
#include <thread>
#include <vector>

#include "behaviours/event_manager/event_manager.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "held_clock.hpp"
#include "host/actors/event_handler.hpp"
#include "scripted.hpp"

namespace coppice::test {

// The state of a handler.
struct scripted_handler {
  std::string id;
  int seen = 0;
};

namespace handling {

inline etf::bytes bytes_of(const coppice_message* m) {
  return {m->data, static_cast<std::size_t>(m->size)};
}

// true: handlers whose act is `stall` do not return.
inline std::atomic<bool> stalled{false};

inline std::int32_t act(coppice_actor* self, const scripted_handler& on, etf::bytes what) {
  etf::cursor at(what);
  if (at.peek() == etf::kind::atom) {
    if (at.read_atom_is("remove")) return COPPICE_REMOVE_HANDLER;
    if (at.read_atom_is("stall")) {
      while (stalled) coppice::test::pause(std::chrono::milliseconds(1));
      return COPPICE_OK;
    }
    if (!at.read_atom_is("boom")) return COPPICE_OK;
    const literal reason("boom");
    actors.set_reason(self, {reason.raw.data, reason.raw.size});
    return COPPICE_STOP;
  }
  at.read_tuple_of(2);
  at.skip();
  const literal to(fmt::format("{{{{by, {}}}, {{'h:h', {}}}, {}}}", on.id,
                               text(runtime::message::copy_of(at.rest())),
                               text(runtime::message::copy_of(at.rest()))));
  actors.set_reason(self, {to.raw.data, to.raw.size});
  return COPPICE_SWAP_HANDLER;
}

inline std::string shown_without_pids(const coppice_message* m) {
  return std::regex_replace(shown(m), std::regex("<[0-9.]+>"), "pid");
}

// Handles {N, Acts}: notes the event and does the act for this handler.
inline std::int32_t happened(coppice_actor* self, void* state, const coppice_message* m, const char* kind) {
  auto& on = *static_cast<scripted_handler*>(state);
  etf::cursor at(bytes_of(m));
  std::uint64_t number = 0;
  std::uint32_t count = 0;
  if (!at.read_tuple_of(2) || !at.read_unsigned(number) || !at.read_list(count)) {
    note(fmt::format("{} {} {}", on.id, kind, shown_without_pids(m)));
    return COPPICE_OK;
  }
  ++on.seen;
  note(fmt::format("{} {}{}", on.id, kind, number));
  for (; count != 0; --count) {
    std::string_view id;
    etf::bytes what;
    if (!at.read_tuple_of(2) || !at.read_atom(id) || !at.read_term(what)) break;
    if (id == on.id) return act(self, on, what);
  }
  return COPPICE_OK;
}

inline const coppice_lifecycle lifecycle = [] {
  coppice_lifecycle table{};
  table.size = sizeof table;
  table.create = [](coppice_actor*, void** state) {
    *state = new scripted_handler;
    return COPPICE_OK;
  };
  // The arguments are Id, or {Id, Result} after a swap.
  table.init = [](coppice_actor*, void* state, const coppice_message* args) {
    auto& on = *static_cast<scripted_handler*>(state);
    etf::cursor at(bytes_of(args));
    std::string_view id;
    if (at.peek() == etf::kind::tuple) at.read_tuple_of(2);
    if (!at.read_atom(id)) return COPPICE_E_INVALID;
    on.id = id;
    if (on.id.starts_with("bad")) return COPPICE_E_REFUSED;
    return note(on.id + " init " + shown(args));
  };
  table.save_state = [](coppice_actor*, void* state, std::uint32_t*, coppice_writer* out) {
    coppice_write_integer(out, static_cast<scripted_handler*>(state)->seen);
    return COPPICE_OK;
  };
  table.destroy = [](void* state) { delete static_cast<scripted_handler*>(state); };
  return table;
}();

inline const coppice_event_handler callbacks = [] {
  coppice_event_handler table{};
  table.size = sizeof table;
  table.handle_event = [](coppice_actor* self, void* state, const coppice_message* m) {
    return happened(self, state, m, "event");
  };
  table.handle_info = [](coppice_actor* self, void* state, const coppice_message* m) {
    return happened(self, state, m, "info");
  };
  table.handle_call = [](coppice_actor* self, void* state, const coppice_message* m, coppice_bytes from) {
    auto& on = *static_cast<scripted_handler*>(state);
    note(on.id + " call " + shown(m));
    const std::int32_t status = act(self, on, bytes_of(m));
    if (status == COPPICE_STOP) return status;
    literal reply(fmt::format("{{seen, {}, {}}}", on.id, on.seen));
    calls.reply(self, from, &reply.raw);
    return status;
  };
  table.removed = [](coppice_actor* self, void* state, const coppice_message* why, coppice_writer* result) {
    const auto& on = *static_cast<scripted_handler*>(state);
    note(on.id + " removed " + shown_without_pids(why));
    if (etf::cursor(bytes_of(why)).read_atom_is("boom")) return act(self, on, bytes_of(why));
    coppice_write_tuple(result, 2);
    coppice_write_atom(result, on.id.c_str());
    coppice_write_integer(result, on.seen);
    return COPPICE_OK;
  };
  return table;
}();

inline const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_EVENT_HANDLER_DRAFT_2, &callbacks}, {nullptr, nullptr}};
inline const coppice_actor_type type = {sizeof(coppice_actor_type), 0, "h", "event_handler", tables, nullptr};

} // namespace handling

// A host with an event manager that is called `events`.
class event_manager_fixture : public stage {
 public:
  event_manager_fixture() : factory_(*this) { shared_->factory = &factory_; }
  event_manager_fixture(const event_manager_fixture&) = delete;
  event_manager_fixture& operator=(const event_manager_fixture&) = delete;

  void begin(std::shared_ptr<behaviours::event_manager_spec> spec = {}, behaviours::peer_rights rights = {}) {
    auto child = std::make_shared<behaviours::child_spec>();
    if (!spec) spec = std::make_shared<behaviours::event_manager_spec>();
    shared_->rights = std::move(rights);
    const auto shared = std::make_shared<const behaviours::supervision>(*shared_);
    const std::string outcome = host.run([&](runtime::process& self) {
      runtime::spawn_options options;
      options.name = "events";
      const auto ack = options.ack = self.make_ack();
      const auto made = self.spawn(
          std::move(options),
          std::make_unique<behaviours::event_manager>(child, spec, shared, runtime::message(), "app/events"));
      if (made) manager = *made;
      const auto answer = self.await(ack);
      return answer ? text(*answer) : std::string("no answer");
    });
    CHECK(outcome == "ok");
  }
  void end() {
    host.run([&](runtime::process& self) {
      const auto gone = self.monitor(manager, true);
      self.exit(manager, runtime::message::atom("kill"));
      (void)self.await(gone);
    });
  }

  // The driver makes gen_event's request `what`, in which `pid` stands for the driver. Returns the answer.
  std::string ask(const std::string& what) {
    return host.run([&](runtime::process& self) { return asked(self, what); });
  }
  std::string asked(runtime::process& self, const std::string& what) {
    const auto ref = request(self, what);
    auto answer = behaviours::gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second);
    if (!answer) return "failed";
    return std::regex_replace(text(*answer), std::regex("<[0-9.]+>"), "pid");
  }
  // Makes the request without waiting for its answer.
  runtime::reference request(runtime::process& self, const std::string& what) {
    const auto& names = self.host().nodes();
    const auto ref = self.monitor(manager, true);
    runtime::message_writer out;
    out.tuple(3);
    runtime::write(out, self.self(), names);
    out.tuple(2);
    runtime::write(out, self.self(), names);
    out.list(1);
    out.atom("alias");
    runtime::write(out, ref, names);
    const std::regex own("\\bpid\\b");
    out.raw(term(std::regex_replace(what, own, to_text(self.self(), names))).bytes());
    self.send(manager, out.take());
    return ref;
  }
  // Starts a process that adds a handler by add_sup_handler and ends with reason `left`. `hears`: it waits
  // for the answer before it ends. Returns once the handler is gone.
  void invite(runtime::process& self, const std::string& id, bool hears = true) {
    const auto made = self.spawn(
        {}, std::make_unique<guest>(*this, "{add_sup_handler, {'h:h', " + id + "}, " + id + ", pid}", hears));
    REQUIRE(made);
    const auto gone = self.monitor(*made, true);
    (void)self.await(gone);
    while (asked(self, "which_handlers").find("'h:h'," + id + "}") != std::string::npos)
      coppice::test::pause(std::chrono::milliseconds(1));
  }
  // Makes the request `what` of sys, and waits for its answer.
  static void order(runtime::process& self, const runtime::pid& whom, std::string_view what) {
    const auto ref = self.monitor(whom, true);
    self.send(whom, test_host::system_message(self, ref, what));
    CHECK(
        behaviours::gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second).has_value());
  }
  // The first handler does `act` in an event while the manager is suspended, and ends. The request `what`
  // reaches the manager before the news of that end. Returns its answer.
  std::string asked_before_the_end(runtime::process& self, const std::string& act, const std::string& what) {
    const runtime::pid leaves = first_handler(self);
    const auto gone = self.monitor(leaves, true);
    order(self, leaves, "suspend");
    CHECK(asked(self, "{sync_notify, {1, [{a, " + act + "}]}}") == "ok"); // after slow_after
    order(self, manager, "suspend");
    const auto ref = request(self, what);
    order(self, leaves, "resume");
    CHECK(self.await(gone).error().what == runtime::await_error::kind::down);
    order(self, manager, "resume");
    auto answer = behaviours::gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second);
    return answer ? text(*answer) : std::string("failed");
  }
  void tell(const std::string& what) { host.system.send(runtime::destination(manager), term(what)); }
  // The process of the handler that was added first.
  runtime::pid first_handler(runtime::process& self) const {
    const auto shown =
        behaviours::ask_shown_state(self, manager, base::mono_now() + 10 * base::nanos_per_second);
    const std::string engine = text(shown.engine);
    const auto begin = engine.rfind("pid => <<\"") + 10;
    const auto written = term(engine.substr(begin, engine.find('"', begin) - begin));
    etf::cursor at(written.bytes());
    return runtime::read_pid(at, self.host().nodes()).value_or(runtime::pid());
  }
  // What the driver was told of its handlers, sorted. To be called in the turn in which it added them.
  static std::vector<std::string> told(runtime::process& self) {
    std::vector<std::string> all;
    for (;;) {
      const auto m = self.take_message([](const runtime::message& one, runtime::message_origin) {
        etf::cursor at(one.bytes());
        return at.read_tuple_of(3) && at.read_atom_is("gen_event_EXIT");
      });
      if (!m) break;
      all.push_back(std::regex_replace(text(m), std::regex("<[0-9.]+>"), "pid"));
    }
    std::ranges::sort(all);
    return all;
  }
  runtime::pid manager;

 private:
  class guest final : public runtime::behaviour {
   public:
    guest(event_manager_fixture& of, std::string asks, bool hears)
        : of_(of), asks_(std::move(asks)), hears_(hears) {}
    runtime::outcome init(runtime::process& self) override {
      if (hears_)
        of_.asked(self, asks_);
      else
        of_.request(self, asks_);
      return runtime::stop(runtime::message::atom("left"));
    }
    runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
    void describe(runtime::description& out) const override { out.behaviour = "guest"; }

   private:
    event_manager_fixture& of_;
    std::string asks_;
    bool hears_;
  };
  class handlers final : public runtime::actor_factory {
   public:
    explicit handlers(event_manager_fixture& of) : of_(of) {}
    base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override {
      if (spec.actor != "h:h") return base::fail(base::errc::not_found, "no actor " + spec.actor);
      host::actor_plan plan = of_.plan(handling::type);
      plan.args = spec.args;
      plan.unhandled = spec.unhandled;
      return host::make_actor(std::move(plan));
    }

   private:
    event_manager_fixture& of_;
  };

  handlers factory_;
  std::shared_ptr<behaviours::supervision> shared_ = std::make_shared<behaviours::supervision>();
};

} // namespace coppice::test
