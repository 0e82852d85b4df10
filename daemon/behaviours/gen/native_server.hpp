// SPDX-License-Identifier: MIT
// The base class of the servers written in the daemon itself (net_kernel, rex, application_controller, …):
// other processes see a gen_server. A derived class handles calls, casts and other messages, and may keep
// each message; the engine does the rest. In the process's own turn.
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
  // `kind` is shown by inspection as the behaviour, for example "net_kernel".
  explicit native_server(std::string kind) : kind_(std::move(kind)) {}

  runtime::outcome init(runtime::process& self) override { return on_start(self); }
  void terminate(runtime::process& self, const runtime::message& reason) override { on_stop(self, reason); }
  void describe(runtime::description& out) const override { out.behaviour = kind_; }
  // The requests that it takes from other nodes, besides sys and notices. By default none. Empty: it decides
  // by itself.
  virtual std::optional<peer_requests> from_peers() const { return peer_requests(); }

 protected:
  // The result of a call: an answer now, or none (gen::reply() later with the same From), and how the server
  // continues.
  struct call_answer {
    std::optional<runtime::message> reply;
    runtime::outcome next = runtime::carry_on();
  };
  static call_answer reply(runtime::message term) { return {std::move(term), runtime::carry_on()}; }
  static call_answer no_reply() { return {std::nullopt, runtime::carry_on()}; }
  static call_answer reply_and_stop(runtime::message term, runtime::message reason) {
    return {std::move(term), runtime::stop(std::move(reason))};
  }

  // As behaviour::init: it may wait, trap exits, or stop the process.
  virtual runtime::outcome on_start(runtime::process&) { return runtime::carry_on(); }
  // Handles a call. The default answers gen::unknown_request().
  virtual call_answer handle_call(runtime::process& self, const runtime::message& from,
                                  const runtime::message& request);
  // By default the message is logged by name and dropped.
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
  // Whether the current message may be taken from the node it came from.
  bool takes(const runtime::process& self, gen::request::kind form, etf::bytes request) const;

  std::string kind_;
};

} // namespace coppice::behaviours
