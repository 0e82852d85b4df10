// SPDX-License-Identifier: MIT
// Nodes on simulated hosts: each is a node::instance with its YAML, its folder, EPMD, distribution and the
// bundled plugins, and its control socket. Host N runs the node n@hN, or n@10.0.0.N. The workload's thread.
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

// A killed host loses the program alone, or its power, and with it the changes that its disk has not synced.
enum class loss : std::uint8_t { program, power };

class cluster {
 public:
  // Lines of YAML: further children of that host besides kv, then keys of the whole configuration.
  using children_of = std::function<std::string(const cluster&, unsigned host)>;

  // Starts all nodes, in an order that the seed chooses. `folder`: where their files are. `meet`: each node
  // has the others in distribution.peers.
  cluster(unsigned hosts, std::string folder, bool meet, children_of children);
  ~cluster();
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  unsigned hosts() const { return hosts_; }
  const std::string& name(unsigned host) const { return names_[host]; }
  // Null: the host is down.
  node::instance* at(unsigned host) const { return nodes_[host].get(); }

  void start(unsigned host);
  // Waits until the host's applications have started. If they do not start, the run ends.
  void await_ready(unsigned host);
  // The host's threads run no more, the sockets and files that they had open are closed, and its disk has no
  // fault any more.
  void kill(unsigned host, loss what);
  // Stops the node in order. The run ends if a thread does not come back.
  void stop(unsigned host);
  // A gen_server:call from that host. Returns the answer's text, or "error" and the kind of error.
  std::string ask(unsigned from, std::string_view target, std::string_view request, nanos timeout);
  // The report of the engine of that name on that host: its numbers and words by name. Empty: the host is
  // down, or there was no report.
  std::map<std::string, std::string> report(unsigned host, std::string_view name);
  // Writes a configuration of that host with these lines in place of those of children_of, for an apply.
  // Returns the file's name.
  std::string write_configuration(unsigned host, const std::string& lines);
  // The path of the host's control socket.
  std::string control_path(unsigned host) const;
  // The folder of the host's files.
  std::string folder_of(unsigned host) const;
  // Checks that every connection between nodes is encrypted if the run is one with TLS, and that none is
  // otherwise. The workload's thread.
  void check_encryption() const;
  // Checks that no process that was killed still runs.
  void check_lingering() const;

 private:
  std::string configuration(unsigned host, const std::string& lines) const;
  // The value of `tls` in the listener of distribution. Chosen by the seed; makes certificates if it needs
  // them.
  std::string choose_encryption() const;
  struct console; // the control socket of a node, and what it needs

  unsigned hosts_;
  std::string folder_;
  bool meet_;
  children_of children_;
  std::uint64_t configurations_ = 0; // number of files written
  std::array<std::string, most_hosts> names_;
  std::string encryption_; // with %N in place of the host's number
  std::array<std::unique_ptr<node::instance>, most_hosts> nodes_;
  std::array<std::unique_ptr<console>, most_hosts> consoles_; // null: the host is down
};

} // namespace coppice::simulated
