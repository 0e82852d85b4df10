// SPDX-License-Identifier: MIT
// The engines of behaviours in the test kit: what a server, an event handler, a state machine and a router
// under test do with messages, answers and statuses. testing::actor knows detail::behaviour alone; an actor
// of another behaviour is a server with an engine beside it. In the test's thread.
#pragma once

#include <coppice/draft/event_handler.h>
#include <coppice/draft/router.h>
#include <coppice/draft/statem.h>
#include <coppice/server.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <coppice/testing.hpp>
#include <coppice/testing/calls.hpp>
#include <coppice/testing/statem_host.hpp>

namespace coppice::testing::detail {

/// The engine for the behaviour of the actor's type.
std::unique_ptr<behaviour> make_behaviour(world& of, const settings& how, coppice::unhandled unhandled);

/// Makes a callback, and acts on its status.
void carry_out(world& w, const engine::call& due);
/// Makes at most one callback of an engine: that for `what`, or the next one. False: the engine has none.
bool take_from(world& w, engine& from, const letter* what = nullptr);

/// The exit reason of a callback's status, with the text or reason that the callback has set.
value stop_reason(world& w, std::int32_t status);
void forget_error(world& w);
/// Treats a call that no callback has taken. With `log` and `ignore` the caller gets no answer. `kind`: the
/// kind of actor, in a node's words.
void refuse_call(world& w, const letter& what, coppice::unhandled unhandled, std::string_view kind);
/// The reason of an exit signal of the actor's parent. Empty: the message is none.
std::optional<value> parents_exit(const world& w, const letter& what);

class server_behaviour : public behaviour {
 public:
  server_behaviour(world& of, const settings& how, coppice::unhandled unhandled);

  std::optional<call> takes(const letter& what) override;
  std::optional<call> answered(const ended_request& what) override;

 protected:
  // The callback for a message that is no call.
  struct taker {
    const char* name;
    std::int32_t (*make)(coppice_actor* self, void* state, const coppice_message* term);
  };

  server_behaviour(world& of, const coppice_server& server, coppice::unhandled unhandled);

  virtual taker taker_of(const letter& what) const;
  // The kind of actor, for people.
  virtual std::string_view kind() const { return "server"; }
  // Whether the actor goes on after a message that no callback takes.
  virtual bool may_drop(const letter& what) const;
  virtual void take(const letter& what);

 private:
  void take_call(const letter& what);
  void decide(std::string_view unhandled, const value& term, std::int32_t status);

  const coppice_server server_;
  const coppice::unhandled unhandled_;
};

class handler_behaviour final : public server_behaviour {
 public:
  handler_behaviour(world& of, const settings& how, coppice::unhandled unhandled);

  bool takes_events() const override { return true; }
  void leave_manager(const value& why) override { take_leave(why, {}, {}); }
  bool follows(std::int32_t status) override;
  void stops(const value& reason) override;

 private:
  handler_behaviour(world& of, const coppice_event_handler& table, coppice::unhandled unhandled);

  taker taker_of(const letter& what) const override;
  std::string_view kind() const override { return "event handler"; }
  bool may_drop(const letter&) const override { return true; }
  // Runs `removed`; the journal has the term that it wrote.
  void take_leave(const value& why, const value& next, const value& next_args);
  void swap();

  const coppice_event_handler handler_;
};

class router_behaviour final : public server_behaviour {
 public:
  router_behaviour(world& of, const settings& how, coppice::unhandled unhandled);

 private:
  using decision = std::int32_t (*)(coppice_actor* self, void* state, const coppice_routed* what);

  void take(const letter& what) override;
  // True: the router has sent the message on, or has ended.
  bool take_to_route(const letter& what);
  // Asks one of the router's two callbacks.
  std::int32_t decide_route(const char* name, decision callback, routed_message& one, const value& reason);
  void pass(routed_message one);

  const coppice_router router_;
  const std::map<std::string, value> routes_;
};

/// The machine itself is the node's, in the actor's process, which keeps it when its code is replaced.
class machine_behaviour final : public behaviour {
 public:
  machine_behaviour(world& of, const settings& how, coppice::unhandled unhandled);

  std::int32_t init(const std::function<std::int32_t()>& callback) override;
  std::int32_t starts() override;
  void restores() override;
  std::optional<call> next(world& w) override;
  nanoseconds due() const override;
  std::optional<call> takes(const letter& what) override;
  std::optional<call> answered(const ended_request& what) override;

 private:
  using machine = statem_machine<value>;

  machine& is() const { return world_.machine->is; }
  // The next time-out. Null: none runs.
  const machine_in_test::timer* next_timer() const;
  call driven(std::function<machine::step()> begin);
  void note_transition(std::uint32_t event, const value& content, const value& from);
  // Runs until the machine waits for an event.
  void drive(machine::step next);
  // Calls handle_event, or enter for an event without a type.
  std::int32_t call_back(const statem_event<value>& event, const value& before);
  // Treats an event that handle_event did not take. False: the actor has ended.
  bool refuse(const statem_event<value>& event);
  value fault_reason();

  const coppice_statem statem_;
  const coppice::unhandled unhandled_;
  const postponed_options postponed_;
  bool begins_ = false; // its first events were not handled yet
};

} // namespace coppice::testing::detail
