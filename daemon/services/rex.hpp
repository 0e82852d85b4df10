// SPDX-License-Identifier: MIT
// `rex`: what nodes and C nodes without erpc ask for rpc, and the feature question every OTP node puts to a
// new peer. Calls are limited to the allowed functions. In the process's own turn.
#pragma once

#include <memory>

#include "behaviours/native_server.hpp"
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
  void answer_features(runtime::process& self, const runtime::pid& asker);

  std::shared_ptr<const functions> allowed_;
};

} // namespace coppice::services
