// SPDX-License-Identifier: MIT
// `net_kernel`: answers net_adm:ping, and refuses the spawn requests of nodes without the SPAWN flag. In the
// process's own turn.
#pragma once

#include "behaviours/gen/native_server.hpp"

namespace coppice::services {

class net_kernel : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "net_kernel";
  net_kernel() : native_server("net_kernel") {}
  std::optional<behaviours::peer_requests> from_peers() const override;

 protected:
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
};

} // namespace coppice::services
