// SPDX-License-Identifier: MIT
// A plugin's gen_server: the port of the server engine over the callbacks of "coppice.server/1". It calls the
// plugin, turns its statuses into what happens next, and carries its state over a reload. In the process's
// own turn.
#pragma once

#include <coppice/server.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "behaviours/server.hpp"
#include "host/host.hpp"
#include "host/reloadable.hpp"

namespace coppice::host {

// What the loader knows of the actor; the pin keeps the callbacks' code.
struct server_plan {
  image_pin image;
  const coppice_actor_type* type = nullptr; // its callbacks are a coppice_server
  const actor_identity* is = nullptr;       // outlives the server
  runtime::actor_spec spec;
  std::unique_ptr<const saved_state> saved; // it starts with this state, restored, and without init
};

class server final : public behaviours::server, public reloadable {
 public:
  explicit server(server_plan plan);
  ~server() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override;
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override;

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
  // States on their way from one image's code to another's.
  struct handover {
    std::unique_ptr<const saved_state> saved;               // until init
    std::unique_ptr<incarnation, incarnation_deleter> next; // prepared by a reload
  };
  handover& needs_handover();
  bool has_prepared() const { return handover_ != nullptr && handover_->next != nullptr; }
  void forget(incarnation& one);
  runtime::outcome init_restored();
  // In a callback that may only compute. errc::refused.
  base::status restore(const coppice_server& callbacks, void* state, const saved_state& saved);

  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::outcome take_continue(runtime::process& self) override;
  runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                               behaviours::config_change to) override;
  runtime::message sys_state(runtime::process& self) override;
  std::string sys_module() const override;

  // The end of a request. False: `m` is about none.
  [[gnu::noinline]] bool take_response(const runtime::message& m, runtime::outcome& next);
  // What a callback's status comes to; runs handle_continue as often as it is asked for.
  runtime::outcome follow(std::int32_t status) {
    if (status == COPPICE_OK && (actor_.extra == nullptr || !actor_.extra->error.told)) [[likely]]
      return runtime::carry_on();
    return follow_on(status);
  }
  runtime::outcome follow_on(std::int32_t status);

  // A term written by `callback`, which may only compute; empty if it failed. With `status` that is its own,
  // and what it told the error object is left there.
  runtime::message written(const std::function<std::int32_t(coppice_writer*)>& callback,
                           std::int32_t* status = nullptr);

  const coppice_server* callbacks_; // the plugin's; has at least what 1.0 had
  const coppice_actor_type* type_;
  void* state_ = nullptr;
  const actor_identity* identity_;
  std::atomic<std::uint64_t> generation_; // of the image
  std::unique_ptr<handover> handover_;
  coppice_actor actor_; // last: it holds the pin
};

} // namespace coppice::host
