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
// others by a proxy for each of them (cluster_wires.hpp), and uses no EPMD. Header-only. In the thread that
// made the cluster: the nodes end with that thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coppice/json.hpp>
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
inline std::string program_named(const char* variable, const char* name) {
  const char* const given = std::getenv(variable);
  return given == nullptr || *given == '\0' ? name : given;
}
/// A folder that ends with its object.
class temporary_folder {
 public:
  temporary_folder() {
    std::string made = (std::filesystem::temp_directory_path() / "coppice-cluster-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) fail_with_errno(made + " cannot be made");
    path = made;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  /// Where it is.
  std::filesystem::path path;
};
inline std::string text_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
/// What the client's documents say of it that is used here: `coppice nodes --json`, `coppice status --json`.
struct other_node {
  std::string name;
  std::string state;
};
struct nodes_document {
  std::vector<other_node> nodes;
};
struct status_document {
  std::vector<std::string> listen;
};
} // namespace detail

/// A node of a cluster.
class cluster_node {
 public:
  const std::string& name() const { return name_; }
  /// Its number in the cluster.
  std::size_t number() const { return number_; }

  /// gen_server:call of a process of this node. Request and answer are terms in Erlang's syntax. Empty: there
  /// is no answer within 5 s, or the process has ended; error() says why.
  std::optional<std::string> call(const std::string& process, const std::string& request) {
    program_result said = client({"call", process, request});
    error_ = said.errors;
    if (!said) return std::nullopt;
    while (said.output.ends_with('\n')) said.output.pop_back();
    return said.output;
  }
  /// What the client said of the latest call that has failed.
  const std::string& error() const { return error_; }
  /// Runs a command of `coppice` on this node: client({"reload", "cart"}).
  program_result client(std::vector<std::string> words) const {
    words.insert(words.begin(), detail::program_named("COPPICE", "coppice"));
    words.insert(words.end(), {"--socket", (folder_ / "control.sock").string()});
    return detail::run_to_end(words);
  }
  /// Whether it has a connection to that node, by the other node's name.
  bool is_connected_to(const std::string& other) const {
    const auto told = json::read<detail::nodes_document>(client({"nodes", "--json"}).output);
    return told && std::ranges::any_of(told->nodes, [&](const detail::other_node& one) {
             return one.name == other && one.state == "connected";
           });
  }
  /// Whether it has a connection to that node.
  bool is_connected_to(const cluster_node& other) const { return is_connected_to(other.name()); }
  /// What it has logged.
  std::string log() const { return detail::text_of_file(folder_ / "log"); }

  /// Whether its program runs.
  bool runs() { return program_.runs(); }
  /// Ends it at once, as a machine that fails does: other nodes lose their connections.
  void kill() { end_by(SIGKILL); }
  /// Ends it in order. The result is its exit status.
  int stop() { return end_by(SIGTERM); }
  /// Starts it when it does not run, and waits until it is ready.
  void start() {
    if (runs()) return;
    begin();
    await();
  }

 private:
  friend class cluster;

  cluster_node(std::string name, std::size_t number, std::filesystem::path folder, detail::wires& network,
               std::vector<std::string> command, std::chrono::seconds patience)
      : name_(std::move(name)),
        number_(number),
        folder_(std::move(folder)),
        network_(&network),
        command_(std::move(command)),
        patience_(patience) {}

  void begin() {
    network_->leads_to(number_, 0);
    const detail::descriptor log(
        ::open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    program_ = detail::child(command_, {}, -1, log.get(), log.get());
  }
  void await() {
    program_result ready{1, {}, {}};
    const auto is_decided = [&] {
      if (!runs()) return true;
      ready = client({"wait-ready", "--timeout", "1s"});
      return bool(ready);
    };
    detail::eventually(is_decided, patience_);
    if (!ready) throw failure(name_ + " does not become ready: " + ready.errors + "\n" + log());
    const auto told = json::read<detail::status_document>(client({"status", "--json"}).output);
    const std::string listens = told && !told->listen.empty() ? told->listen.front() : "";
    const std::size_t colon = listens.find(':');
    if (colon == listens.npos) throw failure(name_ + " does not listen for other nodes:\n" + log());
    network_->leads_to(number_, static_cast<std::uint16_t>(std::atoi(listens.c_str() + colon + 1)));
  }
  int end_by(int signal) {
    program_.send(signal);
    const int status = program_.wait();
    network_->leads_nowhere(number_);
    return status;
  }

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
  explicit cluster(std::size_t size, cluster_options how = {})
      : how_(std::move(how)), size_(size), network_(size + 1) {
    write_files();
    for (std::size_t i = 0; i < size; ++i) add(i);
    for (const auto& each : nodes_) each->begin();
    for (const auto& each : nodes_) each->await();
    if (!until([this] { return is_whole(); }))
      throw failure("the nodes do not connect to each other:\n" + logs());
  }
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  /// How many nodes it has, without an Erlang node.
  std::size_t size() const { return size_; }
  /// The node of that number, from 0.
  cluster_node& operator[](std::size_t number) { return *nodes_.at(number); }

  /// Breaks off the connection of two members, and refuses others until heal(). Both sides hear of it at
  /// once. Where a third member has a connection to both, it loses one of them too, as with OTP's global.
  void cut(std::size_t one, std::size_t other) {
    network_.cut([=](std::size_t i, std::size_t j) { return i == one && j == other; });
  }
  /// Parts a group of members from all the others, at once.
  void cut(const std::vector<std::size_t>& group) {
    const auto in_group = [&](std::size_t one) { return std::ranges::find(group, one) != group.end(); };
    network_.cut([&](std::size_t i, std::size_t j) { return in_group(i) && !in_group(j); });
  }
  /// What goes from one member to the other arrives so much later from now on, in that direction alone.
  void delay(std::size_t from, std::size_t to, std::chrono::milliseconds by) { network_.delay(from, to, by); }
  /// Nothing is cut or delayed any more. The nodes connect again by themselves; until() waits for it.
  void heal() { network_.heal(); }
  /// Whether each node that runs is connected to each other one that runs.
  bool is_whole() {
    for (const auto& one : nodes_)
      for (const auto& other : nodes_)
        if (one != other && one->runs() && other->runs() && !one->is_connected_to(*other)) return false;
    return true;
  }
  /// Waits until the condition holds. The result: whether it did within `patience`.
  template <class Condition>
  bool until(Condition holds) const {
    return detail::eventually(std::move(holds), how_.patience);
  }
  /// What all nodes have logged, one node after the other.
  std::string logs() const {
    std::string all;
    for (const auto& each : nodes_) all += each->name() + ":\n" + each->log();
    return all;
  }

  /// Whether there is a program `erl`.
  static bool has_erlang() { return bool(detail::run_to_end({"sh", "-c", "command -v erl"})); }
  /// An Erlang node of the cluster, which is started by the first call; its number is size(). Throws
  /// testing::failure if there is no `erl`.
  erlang_node& erlang() {
    if (erlang_) return *erlang_;
    mapper_ = std::make_unique<detail::port_mapper>(
        [this](std::string_view name) {
          for (std::size_t i = 0; i < size_; ++i)
            if (short_name(i) == name) return network_.port(size_, i);
          return std::uint16_t(0);
        },
        [this](std::uint16_t port) { network_.leads_to(size_, port); });
    erlang_ = std::make_unique<erlang_node>(full_name(size_), size_, cookie, mapper_->port());
    return *erlang_;
  }

 private:
  static constexpr const char* cookie = "a_cookie_of_the_test_alone";

  std::string short_name(std::size_t number) const {
    return number == size_ ? "erlang" : "node" + std::to_string(number);
  }
  std::string full_name(std::size_t number) const { return short_name(number) + "@127.0.0.1"; }

  void write_files() {
    using std::filesystem::perms;
    std::ofstream(folder_.path / "cookie") << cookie;
    std::filesystem::permissions(folder_.path / "cookie", perms::owner_read | perms::owner_write);
    std::ofstream(folder_.path / "node.yaml") << how_.config << '\n';
  }
  void add(std::size_t number) {
    const std::filesystem::path own = folder_.path / short_name(number);
    std::filesystem::create_directory(own);
    std::string routes, peers, plugins;
    for (std::size_t i = 0; i <= size_; ++i) {
      if (i == number) continue;
      routes += "{ node: " + full_name(i) +
                ", address: 127.0.0.1, port: " + std::to_string(network_.port(number, i)) + " }, ";
      if (i != size_) peers += full_name(i) + ", ";
    }
    for (const auto& each : how_.plugins) plugins += std::filesystem::absolute(each).string() + ", ";
    std::vector<std::string> settings{"node.name=" + full_name(number),
                                      "node.cookie={ file: " + (folder_.path / "cookie").string() + " }",
                                      "node.data=" + (own / "data").string(),
                                      "control.socket=" + (own / "control.sock").string(),
                                      "epmd.mode=off",
                                      "distribution.listen=[ { address: 127.0.0.1, ports: 0-0 } ]",
                                      "distribution.routes=[ " + routes + "]",
                                      "distribution.peers=[ " + peers + "]"};
    if (!plugins.empty()) settings.push_back("plugins.path=[ " + plugins + "]");
    if (how_.settings) std::ranges::copy(how_.settings(number), std::back_inserter(settings));
    std::vector<std::string> command{detail::program_named("COPPICED", "coppiced"), "--config",
                                     (how_.file.empty() ? folder_.path / "node.yaml" : how_.file).string()};
    for (std::string& each : settings) {
      command.emplace_back("--set");
      command.push_back(std::move(each));
    }
    nodes_.push_back(std::unique_ptr<cluster_node>(
        new cluster_node(full_name(number), number, own, network_, std::move(command), how_.patience)));
  }

  cluster_options how_;
  std::size_t size_;
  detail::temporary_folder folder_;
  detail::wires network_; // the Erlang node is the last member
  std::vector<std::unique_ptr<cluster_node>> nodes_;
  std::unique_ptr<detail::port_mapper> mapper_;
  std::unique_ptr<erlang_node> erlang_;
};

} // namespace coppice::testing
