// SPDX-License-Identifier: MIT
// Nodes on simulated hosts: each is a node::instance with its YAML, its folder, EPMD and distribution, and
// the bundled plugins. Host N runs the node n@hN, or n@10.0.0.N. The workload's thread.
// rooms: node
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "machine/hosts.hpp"
#include "node/instance/instance.hpp"

namespace coppice::simulated {

class cluster {
 public:
  // Starts them all, in an order that the seed chooses. `folder`: where their files are.
  cluster(unsigned hosts, std::string folder);
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  unsigned hosts() const { return hosts_; }
  const std::string& name(unsigned host) const { return names_[host]; }
  // Null: it is down.
  node::instance* at(unsigned host) const { return nodes_[host].get(); }

  void start(unsigned host);
  // As a kill -9: its threads run no more, the kernel closes what they had open. What its disk has stays.
  void kill(unsigned host);
  // In order; the run ends if a thread does not come back.
  void stop(unsigned host);
  // gen_server:call from that host; the answer's text, or "error" and its kind.
  std::string ask(unsigned from, std::string_view target, std::string_view request, nanos timeout);

 private:
  unsigned hosts_;
  std::string folder_;
  std::array<std::string, most_hosts> names_;
  std::array<std::unique_ptr<node::instance>, most_hosts> nodes_;
};

} // namespace coppice::simulated
