// SPDX-License-Identifier: MIT
// Starts the node's applications one after the other, each once the applications that it depends on run.
// Knows what the end of each means for the node. Stops them in reverse, or one at a time on request.
// Registered as `application_controller`, it answers application:which_applications of other nodes. In the
// process's own turn; the events are called there.
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

// Callbacks to the node. None of them may wait.
struct application_events {
  // Each application was started, or its start has failed. `failed` names the (temporary) applications that
  // did not start.
  std::function<void(const std::vector<std::string>& failed)> all_started;
  // This application's end takes the node down: the controller's owner has to notify it with stop_message().
  std::function<void(const std::string& application)> node_must_stop;
  // The controller has ended, and every application with it.
  std::function<void()> gone;
};

class application_controller : public native_server {
 public:
  static constexpr std::string_view registered_name = "application_controller";

  // `applications`: each comes after those that it depends on. The objects to which `with` and `board` point
  // outlive the system.
  application_controller(std::vector<application_spec> applications, supervision with,
                         application_board& board, application_events events);
  ~application_controller() override;

  // A notice to the controller: it stops all applications and ends.
  static runtime::message stop_message();
  // Requests for a process of this node to call the controller with. Answered once the application runs or
  // has ended: ok | {error, Reason}. Reason is {already_started | not_started | unknown_application, Name},
  // where not_started may name an application that it depends on, or it is why the start failed. An end by
  // request does not take the node down.
  static runtime::message start_request(std::string_view name);
  static runtime::message stop_request(std::string_view name);
  // A request that is answered with the application's env, a map; `undefined`: there is no such application.
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
    runtime::message caller;  // From of the process that waits for its start or stop; empty: none
    after then = after::stay; // once a requested stop is done
    std::optional<application_spec> before;             // of a replacement: the specification to go back to
    bool ran_before = false;                            // whether it is started again then
    bool leaves_on_failure = false;                     // it is new: forgotten if it does not start
    bool bounded = false;                               // a change waits for its start
    application_state was = application_state::stopped; // its state once it has stopped, for after::stay
  };

  void start_next(runtime::process& self);
  static runtime::message not_started(std::string_view dependency);
  // The name of an application that `of` needs and that does not run; empty: none.
  std::string missing(const application& of) const;
  // Starts the application, or fails it for another one that it needs.
  void start_if_possible(runtime::process& self, application& one);
  void start(runtime::process& self, application& one);
  void fail(runtime::process& self, application& one, const runtime::message& reason);
  void ended(runtime::process& self, application& one, const runtime::message& reason);
  void change(application& one, application_state state, const runtime::message& reason = {});
  application* find(std::string_view name);
  call_answer start_one(runtime::process& self, const runtime::message& from, std::string_view name);
  call_answer stop_one(runtime::process& self, const runtime::message& from, std::string_view name);
  // Answers the process that waits for the start or stop of `one`.
  void answer(runtime::process& self, application& one, const runtime::message& reply);
  void forget(application& one);
  // The node's orders: orders.cpp.
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
  supervision with_; // without an application's env
  application_board& board_;
  application_events events_;
  bool told_started_ = false; // all_started was called
  bool going_down_ = false;
};

} // namespace coppice::behaviours
