// SPDX-License-Identifier: MIT
// `rex`: what nodes and C nodes without erpc ask for rpc, and the feature question every OTP node puts to a
// new peer. Calls are limited to the allowed functions; each runs in a process of its own. While a block_call
// of a node runs, its other calls wait (blocked_callers.hpp). In the process's own turn.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "behaviours/gen/native_server.hpp"
#include "services/rpc/blocked_callers.hpp"
#include "services/rpc/functions.hpp"

namespace coppice::services {

class rex : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "rex";
  explicit rex(std::shared_ptr<const functions> allowed)
      : native_server("rex"), allowed_(std::move(allowed)) {}
  std::optional<behaviours::peer_requests> from_peers() const override;

 protected:
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  using waiting = blocked_callers::request;
  using answer_fn = std::function<void(runtime::process&, runtime::message)>;
  // Runs the call elsewhere and gives its result to `done` there.
  // Returns the monitor of the process that runs it. Nothing: there is none, or nobody is answered.
  std::optional<runtime::reference> run_apart(runtime::process& self, const runtime::message& request,
                                              answer_fn done);
  void run_blocking(runtime::process& self, const runtime::message& request, answer_fn done);
  void on_down(runtime::process& self, etf::cursor at);
  void call_ended(runtime::process& self, const runtime::reference& ref, etf::bytes reason);
  // Whether a request has to wait for a block_call of its node; then it is kept.
  bool waits(runtime::process& self, waiting::form how, const runtime::message& from,
             const runtime::message& body);
  void block_ended(runtime::process& self, const runtime::reference& ref);
  static runtime::message features(const runtime::process& self);

  std::shared_ptr<const functions> allowed_;
  // Calls that processes of their own carry out, by the monitors of these.
  std::unordered_map<runtime::reference, answer_fn, runtime::reference_hash> under_way_;
  blocked_callers blocked_;
};

} // namespace coppice::services
