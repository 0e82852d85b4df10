// SPDX-License-Identifier: MIT
// `rex`: what nodes and C nodes without erpc ask for rpc, and the feature question every OTP node puts to a
// new peer. Calls are limited to the allowed functions; each runs in a process of its own. While a block_call
// of a node runs, its other calls wait (blocked_callers.hpp). In the process's own turn.
#pragma once

#include <functional>
#include <memory>

#include "behaviours/native_server.hpp"
#include "services/blocked_callers.hpp"
#include "services/functions.hpp"

namespace coppice::services {

class rex : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "rex";
  explicit rex(std::shared_ptr<const functions> allowed)
      : native_server("rex"), allowed_(std::move(allowed)) {}

 protected:
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  using answer_fn = std::function<void(runtime::process&, runtime::message)>;
  // Runs the call elsewhere and gives its result to `done` there.
  void run_apart(runtime::process& self, const runtime::message& request, answer_fn done);
  void run_blocking(runtime::process& self, const runtime::message& request, answer_fn done);
  // Whether a request has to wait for a block_call of its node; then it is kept.
  bool waits(runtime::process& self, blocked_callers::request::form how, const runtime::message& from,
             const runtime::message& body);
  void block_ended(runtime::process& self, etf::cursor at);
  void answer_features(runtime::process& self, const runtime::pid& asker);

  std::shared_ptr<const functions> allowed_;
  blocked_callers blocked_;
};

} // namespace coppice::services
