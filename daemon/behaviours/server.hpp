// SPDX-License-Identifier: MIT
// The server engine: OTP's gen_server with a plugin's callbacks for a module. It sorts what arrives (sys,
// the parent's exit, ends of requests, calls, casts, the rest), calls the plugin, and turns its statuses
// into what happens next. One engine an actor. In the process's own turn.
#pragma once

#include <coppice/server.h>

#include <memory>
#include <string>

#include "behaviours/gen.hpp"
#include "behaviours/host.hpp"
#include "behaviours/sys.hpp"
#include "runtime/behaviour.hpp"

namespace coppice::behaviours {

// What the loader knows of the actor; the pin keeps the callbacks' code.
struct server_plan {
  image_pin image;
  const coppice_actor_type* type = nullptr; // its callbacks are a coppice_server
  runtime::actor_spec spec;
};

class server final : public runtime::behaviour, private sys::subject {
 public:
  explicit server(server_plan plan);
  ~server() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override;

  // Asks the process `of`, from another's turn, to go on with these args, and waits for it: `ok`;
  // `unhandled`, it cannot, or is no such server; {error, Reason}, it does not want to, or did not answer in
  // five seconds.
  static runtime::message change_config(runtime::process& self, const runtime::pid& of,
                                        const runtime::message& args);

 private:
  runtime::outcome dispatch(const runtime::message& m, const gen::request_view& what);
  runtime::outcome info(const runtime::message& m);
  // A sys request of this node: change_config(). False: it is none.
  bool config_request(const gen::request& what, runtime::outcome& next);
  runtime::outcome call(const runtime::message& m, const gen::request_view& what);
  runtime::outcome response(const struct response& ended);
  // What a callback's status comes to; runs handle_continue as often as it is asked for.
  runtime::outcome follow(std::int32_t status);

  // A term written by `callback`, which may only compute; empty if it failed.
  template <class Callback>
  runtime::message written(Callback callback);
  runtime::message sys_state(runtime::process& self) override;
  std::string sys_module() const override;

  sys::protocol& system_protocol();

  const coppice_server* callbacks_; // the plugin's; has at least what 1.0 had
  const coppice_actor_type* type_;
  void* state_ = nullptr;
  bool created_ = false;
  bool continue_first_ = false;        // init asked for handle_continue
  bool nudged_ = false;                // and a message to itself that says so is on its way
  std::unique_ptr<sys::protocol> sys_; // made with the first sys request
  coppice_actor actor_;                // last: it holds the pin
};

} // namespace coppice::behaviours
