// SPDX-License-Identifier: MIT
// A cluster under test: writes each node's configuration, starts and ends the nodes, and asks them. In the
// thread that made the cluster.
#include <coppice/json.hpp>
#include <coppice/testing/cluster.hpp>

#include <fcntl.h>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

namespace coppice::testing {

namespace detail {

namespace {

std::string program_named(const char* variable, const char* name) {
  const char* const given = std::getenv(variable);
  return given == nullptr || *given == '\0' ? name : given;
}

} // namespace

// The parts of the client's documents that are used here: `coppice nodes --json`, `coppice status --json`.
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

temporary_folder::temporary_folder() {
  std::string made = (std::filesystem::temp_directory_path() / "coppice-cluster-XXXXXX").string();
  if (::mkdtemp(made.data()) == nullptr) fail_with_errno(made + " cannot be made");
  path = made;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

std::string text_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace detail
std::optional<std::string> cluster_node::call(const std::string& process, const std::string& request) {
  program_result said = client({"call", process, request});
  error_ = said.errors;
  if (!said) return std::nullopt;
  while (said.output.ends_with('\n')) said.output.pop_back();
  return said.output;
}

program_result cluster_node::client(std::vector<std::string> words) const {
  words.insert(words.begin(), detail::program_named("COPPICE", "coppice"));
  words.insert(words.end(), {"--socket", (folder_ / "control.sock").string()});
  return detail::run_to_end(words);
}

bool cluster_node::is_connected_to(const std::string& other) const {
  const auto told = json::read<detail::nodes_document>(client({"nodes", "--json"}).output);
  return told && std::ranges::any_of(told->nodes, [&](const detail::other_node& one) {
           return one.name == other && one.state == "connected";
         });
}

void cluster_node::start() {
  if (runs()) return;
  begin();
  await();
}

cluster_node::cluster_node(std::string name, std::size_t number, std::filesystem::path folder,
                           detail::wires& network, std::vector<std::string> command,
                           std::chrono::seconds patience)
    : name_(std::move(name)),
      number_(number),
      folder_(std::move(folder)),
      network_(&network),
      command_(std::move(command)),
      patience_(patience) {}

void cluster_node::begin() {
  network_->leads_to(number_, 0);
  const detail::descriptor log(
      ::open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  program_ = detail::child(command_, {}, -1, log.get(), log.get());
}

void cluster_node::await() {
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

int cluster_node::end_by(int signal) {
  program_.send(signal);
  const int status = program_.wait();
  network_->leads_nowhere(number_);
  return status;
}

cluster::cluster(std::size_t size, cluster_options how)
    : how_(std::move(how)), size_(size), network_(size + 1) {
  write_files();
  for (std::size_t i = 0; i < size; ++i) add(i);
  for (const auto& each : nodes_) each->begin();
  for (const auto& each : nodes_) each->await();
  if (!until([this] { return is_whole(); }))
    throw failure("the nodes do not connect to each other:\n" + logs());
}

void cluster::cut(std::size_t one, std::size_t other) {
  network_.cut([=](std::size_t i, std::size_t j) { return i == one && j == other; });
}

void cluster::cut(const std::vector<std::size_t>& group) {
  const auto in_group = [&](std::size_t one) { return std::ranges::find(group, one) != group.end(); };
  network_.cut([&](std::size_t i, std::size_t j) { return in_group(i) && !in_group(j); });
}

bool cluster::is_whole() {
  for (const auto& one : nodes_)
    for (const auto& other : nodes_)
      if (one != other && one->runs() && other->runs() && !one->is_connected_to(*other)) return false;
  return true;
}

std::string cluster::logs() const {
  std::string all;
  for (const auto& each : nodes_) all += each->name() + ":\n" + each->log();
  return all;
}

erlang_node& cluster::erlang() {
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

std::string cluster::short_name(std::size_t number) const {
  return number == size_ ? "erlang" : "node" + std::to_string(number);
}

void cluster::write_files() {
  using std::filesystem::perms;
  std::ofstream(folder_.path / "cookie") << cookie;
  std::filesystem::permissions(folder_.path / "cookie", perms::owner_read | perms::owner_write);
  std::ofstream(folder_.path / "node.yaml") << how_.config << '\n';
}

void cluster::add(std::size_t number) {
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

} // namespace coppice::testing
