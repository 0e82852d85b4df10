// SPDX-License-Identifier: MIT
// The server engine: OTP's gen_server with a plugin's callbacks for a module. It sorts what arrives (sys,
// the parent's exit, ends of requests, calls, casts, the rest), calls the plugin, and turns its statuses
// into what happens next. One engine an actor. In the process's own turn.
#pragma once

#include <coppice/server.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "behaviours/gen.hpp"
#include "behaviours/host.hpp"
#include "behaviours/reloadable.hpp"
#include "behaviours/sys.hpp"
#include "runtime/behaviour.hpp"

namespace coppice::behaviours {

// What the loader knows of the actor; the pin keeps the callbacks' code.
struct server_plan {
  image_pin image;
  const coppice_actor_type* type = nullptr; // its callbacks are a coppice_server
  const actor_identity* is = nullptr;       // outlives the server
  runtime::actor_spec spec;
  std::unique_ptr<const saved_state> saved; // it starts with this state, restored, and without init
};

class server final : public runtime::behaviour, public reloadable, private sys::subject {
 public:
  explicit server(server_plan plan);
  ~server() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override;
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override;

  // Asks the process `of`, from another's turn, to go on with these args and this env, and waits for it:
  // `ok`; `unhandled`, it cannot, or is no such server; {error, Reason}, it does not want to, or did not
  // answer in five seconds.
  static runtime::message change_config(runtime::process& self, const runtime::pid& of,
                                        const runtime::message& args, const runtime::message& env);

  const actor_identity& identity() const override;
  std::uint64_t generation() const override { return generation_.load(std::memory_order_relaxed); }
  actor_origin origin() const override;
  base::result<saved_state> save(runtime::process& self) override;
  base::status prepare(runtime::process& self, plugin_image& next, const coppice_actor_type& type,
                       const saved_state& saved) override;
  void go_over(runtime::process& self) override;
  void stay(runtime::process& self) override;

 private:
  struct incarnation;
  struct incarnation_deleter {
    void operator()(incarnation* owned) const noexcept;
  };
  // What few actors have at a time.
  struct occasional {
    std::unique_ptr<sys::protocol> sys;                     // made with the first sys request
    std::unique_ptr<const saved_state> saved;               // until init
    std::unique_ptr<incarnation, incarnation_deleter> next; // prepared by a reload
  };
  occasional& now_and_then();
  bool has_prepared() const { return occasional_ != nullptr && occasional_->next != nullptr; }
  void forget(incarnation& one);
  runtime::outcome init_restored();
  // In a callback that may only compute. errc::refused.
  base::status restore(const coppice_server& callbacks, void* state, const saved_state& saved);

  runtime::outcome dispatch(const runtime::message& m, const gen::request_view& what);
  // Whatever is_plain() does not say of.
  [[gnu::noinline]] runtime::outcome sort(runtime::process& self, runtime::message m);
  runtime::outcome info(const runtime::message& m);
  // What is for the engine itself: the parent's exit, ends of requests, its own nudge. False: m is none.
  [[gnu::noinline]] bool own_info(const runtime::message& m, runtime::outcome& next);
  bool suspended() const {
    return occasional_ != nullptr && occasional_->sys != nullptr && occasional_->sys->suspended();
  }
  // A sys request of this node: change_config(). False: it is none.
  bool config_request(const gen::request& what, runtime::outcome& next);
  // `request` is of m; `from` lasts as long as this.
  runtime::outcome call(const runtime::message& m, etf::bytes request, etf::bytes from);
  runtime::outcome response(const struct response& ended);
  // What a callback's status comes to; runs handle_continue as often as it is asked for.
  runtime::outcome follow(std::int32_t status) {
    if (status == COPPICE_OK && (actor_.rare == nullptr || !actor_.rare->error.told)) [[likely]]
      return runtime::carry_on();
    return follow_on(status);
  }
  runtime::outcome follow_on(std::int32_t status);

  // A term written by `callback`, which may only compute; empty if it failed. With `status` that is its own,
  // and what it told the error object is left there.
  runtime::message written(const std::function<std::int32_t(coppice_writer*)>& callback,
                           std::int32_t* status = nullptr);
  runtime::message sys_state(runtime::process& self) override;
  std::string sys_module() const override;

  sys::protocol& system_protocol();

  const coppice_server* callbacks_; // the plugin's; has at least what 1.0 had
  const coppice_actor_type* type_;
  void* state_ = nullptr;
  bool created_ = false;
  bool continue_first_ = false; // init asked for handle_continue
  bool nudged_ = false;         // and a message to itself that says so is on its way
  const actor_identity* is_;
  std::atomic<std::uint64_t> generation_; // of the image
  std::unique_ptr<occasional> occasional_;
  coppice_actor actor_; // last: it holds the pin
};

} // namespace coppice::behaviours
