// SPDX-License-Identifier: MIT
// Starts the node's applications one after the other, each when those it depends on run; knows what the
// end of each means for the node; stops them in reverse, or one at a time when asked. Registered as
// `application_controller`, it answers application:which_applications of other nodes. In the process's own
// turn; the events are called there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "behaviours/application/application.hpp"
#include "behaviours/application/application_order.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/supervisor.hpp"

namespace coppice::behaviours {

// What the node wants to hear; none may wait.
struct application_events {
  // Every application was started, or tried. `failed` names those (temporary ones) that did not start.
  std::function<void(const std::vector<std::string>& failed)> all_started;
  // This application's end takes the node down: its owner is to notify it with stop_message().
  std::function<void(const std::string& application)> node_must_stop;
  // The controller is gone, and every application with it.
  std::function<void()> gone;
};

class application_controller : public native_server {
 public:
  static constexpr std::string_view registered_name = "application_controller";

  // `applications` in an order in which each comes after those it depends on. What `with` and `board` point
  // to outlives the system.
  application_controller(std::vector<application_spec> applications, supervision with,
                         application_board& board, application_events events);
  ~application_controller() override;

  // As a notice to it: it stops all applications and ends.
  static runtime::message stop_message();
  // Called with these by a process of this node, it answers once the application runs or has ended:
  // ok | {error, Reason}, with Reason {already_started | not_started | unknown_application, Name}, where
  // not_started may name one that it depends on, or why its start failed. An end that was asked for takes
  // no node down.
  static runtime::message start_request(std::string_view name);
  static runtime::message stop_request(std::string_view name);
  // Answered with the application's env, a map; `undefined`: there is no such application.
  static runtime::message env_request(std::string_view name);

  std::optional<peer_requests> from_peers() const override;

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
  void on_stop(runtime::process& self, const runtime::message& reason) override;

 private:
  struct application {
    enum class after : std::uint8_t { stay, start, leave };
    application_spec spec;
    application_state state = application_state::waiting;
    runtime::pid master;
    runtime::message caller;  // From of who asked for its start or stop and waits; empty: nobody
    after then = after::stay; // once a stop that was asked for is done
    std::optional<application_spec> before;             // what a replacement that does not start gives way to
    bool ran_before = false;                            // whether that one is started again
    bool leaves_on_failure = false;                     // it is new
    bool bounded = false;                               // a change waits for its start
    application_state was = application_state::stopped; // how it is once it has stopped, for after::stay
  };

  void start_next(runtime::process& self);
  static runtime::message not_started(std::string_view dependency);
  // The name of one that `of` needs and that does not run; empty: none.
  std::string missing(const application& of) const;
  void start(runtime::process& self, application& one);
  void fail(runtime::process& self, application& one, const runtime::message& reason);
  void ended(runtime::process& self, application& one, const runtime::message& reason);
  void change(application& one, application_state state, const runtime::message& reason = {});
  application* find(std::string_view name);
  call_answer start_one(runtime::process& self, const runtime::message& from, std::string_view name);
  call_answer stop_one(runtime::process& self, const runtime::message& from, std::string_view name);
  // Tells who asked for the start or stop of `one`.
  void answer(runtime::process& self, application& one, const runtime::message& reply);
  void forget(application& one);
  // What the node orders: application_orders.cpp.
  call_answer carry_out(runtime::process& self, const runtime::message& from, application_order order);
  call_answer order_add(runtime::process& self, const runtime::message& from, application_spec spec);
  call_answer order_replace(runtime::process& self, const runtime::message& from, application& one,
                            application_spec spec);
  call_answer order_restore(runtime::process& self, const runtime::message& from, application_spec spec,
                            const found_application& found);
  void arrange(const std::vector<std::string>& order);
  void halt(runtime::process& self, application& one, const runtime::message& from, application::after then);
  runtime::message list_applications(bool running_only) const;
  void take_node_down(const application& one);
  void say_gone();

  std::vector<application> applications_;
  supervision with_; // of no application yet
  application_board& board_;
  application_events events_;
  bool told_started_ = false; // all_started was called
  bool going_down_ = false;
};

} // namespace coppice::behaviours
