// SPDX-License-Identifier: MIT
// Several nodes on this machine for a test of a plugin: `coppiced` on a configuration, once for each node,
// and connections between them that the test cuts, delays and heals. The programs are those of the variables
// COPPICED and COPPICE of the environment, or of its PATH.
//
//   cluster three(3, {.config = "applications: [ … ]", .plugins = {"build"}});
//   CHECK(three[0].call("cart", "{add, 1}") == "1");
//   three.cut(0, 1);
//   CHECK(three.until([&] { return !three[0].is_connected_to(three[1]); }));
//   three.heal();
//   CHECK(three.until([&] { return three.is_whole(); }));
//
// Each node has its own data, socket and log in a folder that ends with the cluster. It connects to the
// others by a proxy for each of them (cluster_wires.hpp), and uses no EPMD. In the thread that
// made the cluster: the nodes end with that thread.
#pragma once

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coppice/testing/cluster_erlang.hpp>
#include <coppice/testing/cluster_programs.hpp>
#include <coppice/testing/cluster_wires.hpp>

namespace coppice::testing {

/// How the nodes of a cluster are configured.
struct cluster_options {
  /// The configuration of each node, as YAML. Its name, cookie, data, socket, EPMD, and where it listens and
  /// connects, are set by the cluster.
  std::string config = "applications: []";
  /// A file with the configuration, in the place of `config`. Empty: `config` is used.
  std::filesystem::path file = {};
  /// Folders with plugins. Empty: those of the configuration.
  std::vector<std::filesystem::path> plugins = {};
  /// More settings for the node of that number, as for `coppiced --set`: {"node.workers=1"}. Empty: none.
  std::function<std::vector<std::string>(std::size_t)> settings = {};
  /// For how long the start of a node and until() wait at most.
  std::chrono::seconds patience{30};
};

namespace detail {
/// A folder that ends with its object.
class temporary_folder {
 public:
  temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder();
  /// Where it is.
  std::filesystem::path path;
};
std::string text_of_file(const std::filesystem::path& file);
} // namespace detail

/// A node of a cluster.
class cluster_node {
 public:
  const std::string& name() const { return name_; }
  /// Its number in the cluster.
  std::size_t number() const { return number_; }

  /// gen_server:call of a process of this node. Request and answer are terms in Erlang's syntax. Empty: there
  /// is no answer within 5 s, or the process has ended; error() says why.
  std::optional<std::string> call(const std::string& process, const std::string& request);
  /// The client's text about the latest call that has failed.
  const std::string& error() const { return error_; }
  /// Runs a command of `coppice` on this node: client({"reload", "cart"}).
  program_result client(std::vector<std::string> words) const;
  /// Whether it has a connection to that node, by the other node's name.
  bool is_connected_to(const std::string& other) const;
  /// Whether it has a connection to that node.
  bool is_connected_to(const cluster_node& other) const { return is_connected_to(other.name()); }
  /// The lines that it has logged.
  std::string log() const { return detail::text_of_file(folder_ / "log"); }

  /// Whether its program runs.
  bool runs() { return program_.runs(); }
  /// Ends it at once, as a machine that fails does: other nodes lose their connections.
  void kill() { end_by(SIGKILL); }
  /// Ends it in order. The result is its exit status.
  int stop() { return end_by(SIGTERM); }
  /// Starts it when it does not run, and waits until it is ready.
  void start();

 private:
  friend class cluster;

  cluster_node(std::string name, std::size_t number, std::filesystem::path folder, detail::wires& network,
               std::vector<std::string> command, std::chrono::seconds patience);

  void begin();
  void await();
  int end_by(int signal);

  std::string name_;
  std::size_t number_;
  std::filesystem::path folder_;
  detail::wires* network_;
  std::vector<std::string> command_;
  std::chrono::seconds patience_;
  detail::child program_;
  std::string error_;
};

/// Nodes of one cluster: node0@127.0.0.1, node1@127.0.0.1, and so on. They are ready, and connected to each
/// other, when the constructor returns.
class cluster {
 public:
  /// Throws testing::failure, with the log of the node, if one does not start.
  explicit cluster(std::size_t size, cluster_options how = {});
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  /// How many nodes it has, without an Erlang node.
  std::size_t size() const { return size_; }
  /// The node of that number, from 0.
  cluster_node& operator[](std::size_t number) { return *nodes_.at(number); }

  /// Breaks off the connection of two members, and refuses others until heal(). Both sides hear of it at
  /// once. Where a third member has a connection to both, it loses one of them too, as with OTP's global.
  void cut(std::size_t one, std::size_t other);
  /// Parts a group of members from all the others, at once.
  void cut(const std::vector<std::size_t>& group);
  /// From now on bytes from one member to the other arrive so much later, in that direction alone.
  void delay(std::size_t from, std::size_t to, std::chrono::milliseconds by) { network_.delay(from, to, by); }
  /// Nothing is cut or delayed any more. The nodes connect again by themselves; until() waits for it.
  void heal() { network_.heal(); }
  /// Whether each node that runs is connected to each other one that runs.
  bool is_whole();
  /// Waits until the condition holds. The result: whether it did within `patience`.
  template <class Condition>
  bool until(Condition holds) const {
    return detail::eventually(std::move(holds), how_.patience);
  }
  /// The logs of all nodes, one after the other.
  std::string logs() const;

  /// Whether there is a program `erl`.
  static bool has_erlang() { return bool(detail::run_to_end({"sh", "-c", "command -v erl"})); }
  /// An Erlang node of the cluster, which is started by the first call; its number is size(). Throws
  /// testing::failure if there is no `erl`.
  erlang_node& erlang();

 private:
  static constexpr const char* cookie = "a_cookie_of_the_test_alone";

  std::string short_name(std::size_t number) const;
  std::string full_name(std::size_t number) const { return short_name(number) + "@127.0.0.1"; }

  void write_files();
  void add(std::size_t number);

  cluster_options how_;
  std::size_t size_;
  detail::temporary_folder folder_;
  detail::wires network_; // the Erlang node is the last member
  std::vector<std::unique_ptr<cluster_node>> nodes_;
  std::unique_ptr<detail::port_mapper> mapper_;
  std::unique_ptr<erlang_node> erlang_;
};

} // namespace coppice::testing
