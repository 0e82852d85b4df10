// SPDX-License-Identifier: MIT
// `user`: the group leader of those that have no other. What is printed to it goes into the log, bounded;
// there is nothing to read from. In the process's own turn.
#pragma once

#include "behaviours/native_server.hpp"

namespace coppice::services {

class user : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "user";
  user() : native_server("user") {}
  std::optional<behaviours::peer_requests> from_peers() const override;

 protected:
  // It is the group leader of all that are spawned without another one from then on.
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
};

} // namespace coppice::services
