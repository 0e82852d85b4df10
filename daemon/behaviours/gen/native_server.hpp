// SPDX-License-Identifier: MIT
// The base of the servers written in the daemon itself (net_kernel, rex, application_controller, …): a
// gen_server to everyone who talks to it. A derived class answers calls, casts and other messages, which it
// gets as messages it may keep; the rest is the engine's. In the process's own turn.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/peer_requests.hpp"
#include "behaviours/gen/server.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class native_server : public server {
 public:
  // `kind` is what inspection shows as behaviour, "net_kernel" say.
  explicit native_server(std::string kind) : kind_(std::move(kind)) {}

  runtime::outcome init(runtime::process& self) override { return on_start(self); }
  void terminate(runtime::process& self, const runtime::message& reason) override { on_stop(self, reason); }
  void describe(runtime::description& out) const override { out.behaviour = kind_; }
  // What it takes from other nodes, besides sys and notices; by default nothing. `nullopt`: it decides by
  // itself.
  virtual std::optional<peer_requests> from_peers() const { return peer_requests(); }

 protected:
  // What a call comes to: an answer now, or none (gen::reply later with the same From), and how it goes on.
  struct call_answer {
    std::optional<runtime::message> reply;
    runtime::outcome next = runtime::carry_on();
  };
  static call_answer reply(runtime::message term) { return {std::move(term), runtime::carry_on()}; }
  static call_answer no_reply() { return {std::nullopt, runtime::carry_on()}; }
  static call_answer reply_and_stop(runtime::message term, runtime::message reason) {
    return {std::move(term), runtime::stop(std::move(reason))};
  }

  // As behaviour::init: may wait, trap exits, stop.
  virtual runtime::outcome on_start(runtime::process&) { return runtime::carry_on(); }
  // By default gen::unknown_request(): for all that a derived class does not take.
  virtual call_answer handle_call(runtime::process& self, const runtime::message& from,
                                  const runtime::message& request);
  // By default named in the log and dropped.
  virtual runtime::outcome handle_cast(runtime::process& self, const runtime::message& request);
  virtual runtime::outcome handle_info(runtime::process& self, const runtime::message& m);
  virtual void on_stop(runtime::process&, const runtime::message& /*reason*/) {}
  // By default the atom `undefined`.
  runtime::message sys_state(runtime::process& self) override;
  std::string sys_module() const override { return kind_; }
  bool obeys_peers(const runtime::process&) const override { return false; }

 private:
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) final;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole, etf::bytes request) final;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) final;
  // Whether the message that is being handled may be taken from where it came.
  bool takes(const runtime::process& self, gen::request::kind form, etf::bytes request) const;

  std::string kind_;
};

} // namespace coppice::behaviours
