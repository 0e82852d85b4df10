// SPDX-License-Identifier: MIT
// `rex`: serves rpc to nodes and C nodes without erpc, and the feature question that every OTP node asks a
// new peer. Only allowed functions are called. Each call runs in its own process. While a block_call of a
// node runs, other calls of that node wait (blocked_callers.hpp). In the process's own turn.
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
  // Runs the call in another process, which gives its result to `done`. Returns the monitor of that process.
  // Empty: there is none, or the caller gets no answer.
  std::optional<runtime::reference> run_apart(runtime::process& self, const runtime::message& request,
                                              answer_fn done);
  void run_blocking(runtime::process& self, const runtime::message& request, answer_fn done);
  void on_down(runtime::process& self, etf::cursor at);
  void call_ended(runtime::process& self, const runtime::reference& ref, etf::bytes reason);
  // Whether a request must wait for a block_call of its node; it is then kept.
  bool waits(runtime::process& self, waiting::form how, const runtime::message& from,
             const runtime::message& body);
  void block_ended(runtime::process& self, const runtime::reference& ref);
  static runtime::message features(const runtime::process& self);

  std::shared_ptr<const functions> allowed_;
  // Calls that run in their own processes, by the monitors of these.
  std::unordered_map<runtime::reference, answer_fn, runtime::reference_hash> under_way_;
  blocked_callers blocked_;
};

} // namespace coppice::services
