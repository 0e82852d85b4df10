// SPDX-License-Identifier: MIT
// The process that connects to the nodes of kept_peers when they are due and reports the results. It looks
// whenever a node comes or goes, the list changes, or a wait is over. In the process's own turn.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "behaviours/gen/native_server.hpp"
#include "dist/router.hpp"
#include "services/peers/kept_peers.hpp"

namespace coppice::services {

class peer_keeper final : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "coppice_peers";

  peer_keeper(std::shared_ptr<kept_peers> peers, dist::router& router)
      : native_server("peers"), peers_(std::move(peers)), router_(router) {}

  // Makes the process look. Any thread.
  static void wake(runtime::system& system);

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  struct asked {
    runtime::reference answer; // an alias
    std::string name;
  };
  void work(runtime::process& self);
  // {Ref, Connected}
  void take_answer(const runtime::process& self, const runtime::message& m);

  const std::shared_ptr<kept_peers> peers_;
  dist::router& router_;
  std::vector<asked> asked_;
  std::uint64_t timer_ = 0; // 0: none
  bool jobs_wait_ = true;   // jobs that run on one of several nodes wait until all peers were tried
};

} // namespace coppice::services
