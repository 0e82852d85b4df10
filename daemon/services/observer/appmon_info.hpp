// SPDX-License-Identifier: MIT
// The process behind observer's Applications tab. Its client starts it by rpc, is linked to it, and sends
// casts that choose what to show: the list of applications, or the processes of one of them. It answers at
// once and after each change, and ends with its client. Source: appmon_info.erl of OTP 25's runtime_tools. In
// the process's own turn.
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

  // appmon_info:start_link2(Starter, Client, Options): {ok, Pid}. Options are those of the client's casts. A
  // node may have a few of these processes here; beyond that {error, system_limit}.
  static callable starter();

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  // A view that the client has switched on.
  struct view {
    std::string command;    // app_ctrl | app
    runtime::message about; // for example the application's name
    runtime::message shown; // the last content sent
  };
  static answer start(runtime::process& self, etf::bytes arguments, const running_calls& running);
  void show(runtime::process& self, view& what);

  runtime::pid client_;
  std::vector<view> views_;
  running_calls::token running_;
};

} // namespace coppice::services
