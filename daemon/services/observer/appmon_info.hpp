// SPDX-License-Identifier: MIT
// What observer's Applications tab asks for: a process that its client starts by rpc and is linked to, and
// then tells, cast by cast, what it wants to be shown: which applications there are, or the processes of one
// of them. It answers at once and whenever that has changed, and ends with its client. Source:
// appmon_info.erl of OTP 25's runtime_tools. In the process's own turn.
#pragma once

#include <string>
#include <vector>

#include "behaviours/gen/native_server.hpp"
#include "services/answers/function_table.hpp"
#include "services/answers/running_calls.hpp"

namespace coppice::services {

class appmon_info : public behaviours::native_server {
 public:
  appmon_info(const runtime::pid& client, running_calls::token running);
  std::optional<behaviours::peer_requests> from_peers() const override;

  // appmon_info:start_link2(Starter, Client, Options), Options being those of the client's casts: {ok, Pid}.
  // A node has a few of them here, and {error, system_limit} beyond.
  static callable starter();

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  // What the client wants to see.
  struct view {
    std::string command;    // app_ctrl | app
    runtime::message about; // the application's name, say
    runtime::message shown; // what it was sent last
  };
  static answer start(runtime::process& self, etf::bytes arguments, const running_calls& running);
  void show(runtime::process& self, view& what);

  runtime::pid client_;
  std::vector<view> views_;
  running_calls::token running_;
};

} // namespace coppice::services
