// SPDX-License-Identifier: MIT
// Nodes on simulated hosts: each is a node::instance with its YAML, its folder, EPMD and distribution, and
// the bundled plugins. Host N runs the node n@hN, or n@10.0.0.N. The workload's thread.
// rooms: node
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "machine/hosts.hpp"
#include "node/instance/instance.hpp"

namespace coppice::simulated {

// What a kill takes from a host: the program alone, or its power, and with it what its disk has not synced.
enum class loss : std::uint8_t { program, power };

class cluster {
 public:
  // Lines of YAML: the children of that host beside kv, and behind them keys of the whole configuration.
  using children_of = std::function<std::string(const cluster&, unsigned host)>;

  // Starts them all, in an order that the seed chooses. `folder`: where their files are. `meet`: each has the
  // others in distribution.peers.
  cluster(unsigned hosts, std::string folder, bool meet, children_of children);
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  unsigned hosts() const { return hosts_; }
  const std::string& name(unsigned host) const { return names_[host]; }
  // Null: it is down.
  node::instance* at(unsigned host) const { return nodes_[host].get(); }

  void start(unsigned host);
  // Its applications have started. Else the run ends.
  void await_ready(unsigned host);
  // Its threads run no more, what they had open is closed, its disk has no fault any more.
  void kill(unsigned host, loss what);
  // In order; the run ends if a thread does not come back.
  void stop(unsigned host);
  // gen_server:call from that host; the answer's text, or "error" and its kind.
  std::string ask(unsigned from, std::string_view target, std::string_view request, nanos timeout);
  // What the engine of that name reports on that host: its numbers and words by name. Empty: the host is
  // down, or nothing came.
  std::map<std::string, std::string> report(unsigned host, std::string_view name);
  // Has the node of that host apply a configuration with these lines in place of those of children_of. `done`
  // is called once, on a thread of that host.
  void apply(unsigned host, const std::string& lines, std::function<void(node::apply_outcome)> done);
  // The folder of the host's files.
  std::string folder_of(unsigned host) const;

 private:
  std::string configuration(unsigned host, const std::string& lines) const;
  // Writes it beside the hosts' folders, so that no loss of power changes it. The name of the file.
  std::string write_configuration(unsigned host, const std::string& lines);

  unsigned hosts_;
  std::string folder_;
  bool meet_;
  children_of children_;
  std::uint64_t configurations_ = 0; // that were written
  std::array<std::string, most_hosts> names_;
  std::array<std::unique_ptr<node::instance>, most_hosts> nodes_;
};

} // namespace coppice::simulated
