// SPDX-License-Identifier: MIT
// `rex`: what nodes and C nodes without erpc ask for rpc, and the feature question every OTP node puts to a
// new peer. Calls are limited to the allowed functions; each runs in a process of its own, but for
// block_call, which is for who wants no other call to run meanwhile. In the process's own turn.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "behaviours/native_server.hpp"
#include "services/functions.hpp"

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
  using answer_fn = std::function<void(runtime::process&, runtime::message)>;
  // Runs the call elsewhere and gives its result to `done` there.
  void run_apart(runtime::process& self, const runtime::message& request, answer_fn done);
  void call_ended(runtime::process& self, etf::cursor at);
  static runtime::message features(const runtime::process& self);

  std::shared_ptr<const functions> allowed_;
  // Calls that processes of their own carry out, by the monitors of these.
  std::unordered_map<runtime::reference, answer_fn, runtime::reference_hash> under_way_;
};

} // namespace coppice::services
