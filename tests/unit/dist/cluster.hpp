// SPDX-License-Identifier: MIT
// Nodes for tests, several in one process: each has a runtime and a router on a free port, and all are known
// to one EPMD, which is on another port. And a peer made of a plain socket, which shakes hands properly and
// then sends what the test wants.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <coppice/etf/cursor.hpp>

#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "dist/flags.hpp"
#include "dist/handshake.hpp"
#include "dist/node_name.hpp"
#include "dist/router.hpp"
#include "epmd/server.hpp"
#include "runtime/actor.hpp"

namespace coppice::dist::testing {

using runtime::testing::actor;
using runtime::testing::atom;
using runtime::testing::eventually;
using runtime::testing::number;
using runtime::testing::patience;
using runtime::testing::value_of;

inline base::socket_address loopback(std::uint16_t port = 0) {
  return *base::socket_address::parse("127.0.0.1", port);
}

// Whether bytes, or the end of the stream, can be read within that time. After a signal, the time starts
// again.
inline bool comes_in(int fd, std::chrono::milliseconds within) {
  pollfd one{fd, POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&one, 1, static_cast<int>(within.count()));
  while (ready == -1 && errno == EINTR);
  return ready == 1;
}

// Runs `task` on a worker and waits for it.
template <class Task>
void on_worker(runtime::system& host, unsigned worker, Task task) {
  std::promise<void> done;
  auto ended = done.get_future();
  REQUIRE(host.post(worker, [&] {
    task();
    done.set_value();
  }));
  REQUIRE(ended.wait_for(patience) == std::future_status::ready);
}

class epmd_server {
 public:
  epmd_server() {
    REQUIRE(host_.start());
    on_worker(host_, 0, [this] {
      epmd::server_options options;
      options.addresses = {loopback()};
      server_ = std::move(*epmd::server::start(host_.loop(0), std::move(options), [] {}));
      port_ = server_->port();
    });
  }
  ~epmd_server() {
    on_worker(host_, 0, [this] { server_.reset(); });
    CHECK(host_.stop());
  }
  std::uint16_t port() const { return port_; }
  void add(const std::string& node, std::uint16_t port) {
    on_worker(host_, 0, [&, this] {
      epmd::node_info info;
      info.name = parse_node_name(node)->alive;
      info.port = port;
      REQUIRE(server_->add_own(std::move(info)));
    });
  }
  void remove(const std::string& node) {
    on_worker(host_, 0, [&, this] { server_->remove_own(parse_node_name(node)->alive); });
  }

 private:
  runtime::system host_{[] {
    runtime::system_options options;
    options.workers = 1;
    return options;
  }()};
  std::unique_ptr<epmd::server> server_;
  std::uint16_t port_ = 0;
};

// It listens and is known to EPMD from its construction until its destruction.
class cluster_node {
 public:
  cluster_node(epmd_server& epmd, const std::string& name, options chosen = {},
               const runtime::node_names::bounds& nodes = {})
      : epmd_(epmd), host(with(name, nodes)), router(host, with(epmd, std::move(chosen))) {
    host.set_router(&router);
    REQUIRE(host.start());
    const auto listening = router.listen({{loopback(), {0, 0}}});
    REQUIRE(listening);
    port = listening->front().port();
    epmd_.add(name, port);
  }
  ~cluster_node() { stop(); }
  void stop() {
    if (stopped_) return;
    stopped_ = true;
    epmd_.remove(std::string(host.node_name()));
    router.stop();
    CHECK(host.stop(std::chrono::nanoseconds(patience).count()));
  }

  std::uint32_t index(const cluster_node& of) { return *host.nodes().intern(of.host.node_name()); }
  // A process of `of`, as this node names it.
  runtime::pid see(const cluster_node& of, const runtime::pid& there) {
    return {index(of), of.host.creation(), there.id, there.serial};
  }
  runtime::destination see(const cluster_node& of, const std::string& name) {
    return runtime::destination::remote(name, index(of));
  }
  peer_info peer(std::string_view name) const {
    for (auto& p : router.peers()) {
      if (p.name == name) return p;
    }
    return {};
  }
  bool connected(const cluster_node& to) const {
    return peer(to.host.node_name()).state == peer_state::connected;
  }

 private:
  static runtime::system_options with(const std::string& name, const runtime::node_names::bounds& nodes) {
    runtime::system_options options;
    options.node_name = name;
    options.nodes = nodes;
    options.workers = 2;
    return options;
  }
  static options with(epmd_server& epmd, options chosen) {
    if (chosen.cookie.empty()) chosen.cookie = "secret";
    // A handshake never fails because the machine is busy, unless the test sets these times itself.
    const options usual;
    if (chosen.handshake_timeout == usual.handshake_timeout) chosen.handshake_timeout = patience;
    if (chosen.connect_timeout == usual.connect_timeout) chosen.connect_timeout = patience;
    chosen.epmd_port = epmd.port();
    return chosen;
  }
  epmd_server& epmd_;
  bool stopped_ = false;

 public:
  runtime::system host;
  dist::router router;
  std::uint16_t port = 0;
};

// A socket that connects to a node and shakes hands as `name`.
class raw_peer : private handshake_policy {
 public:
  explicit raw_peer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }

  // `capabilities`: see handshake_message::capability. 0: it behaves like an Erlang node.
  bool shake_hands(const std::string& name, const std::string& to, std::uint64_t flags = flag::offered,
                   std::uint32_t capabilities = 0) {
    return begin(name, to, flags, capabilities) && finish();
  }
  // The handshake up to the node's first answer, and the remaining part of it.
  bool begin(const std::string& name, const std::string& to, std::uint64_t flags = flag::offered,
             std::uint32_t capabilities = 0) {
    machine_ = handshake::connecting({name, flags | flag::published, 77, capabilities}, to, *this);
    return step();
  }
  bool finish() {
    while (!machine_->done()) {
      const auto used = machine_->feed(in_);
      if (!used) return false;
      in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(*used));
      if (!machine_->done() && !step()) return false;
    }
    return true;
  }
  void send(const std::vector<std::uint8_t>& bytes) const {
    CHECK(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  // Reads more bytes; the ones that came with the end of the handshake are first. False: the end of the
  // stream.
  bool receive(std::vector<std::uint8_t>& into) {
    if (in_.empty()) return read(into);
    into.insert(into.end(), in_.begin(), in_.end());
    in_.clear();
    return true;
  }
  int fd() const { return fd_.get(); }
  // Reads until the node closes the connection.
  bool closed_by_node() const {
    std::vector<std::uint8_t> ignored;
    while (read(ignored)) {
    }
    return true;
  }

 private:
  bool read(std::vector<std::uint8_t>& into) const {
    REQUIRE(comes_in(fd_.get(), patience));
    std::uint8_t bytes[4096];
    const auto got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    into.insert(into.end(), bytes, bytes + got);
    return true;
  }
  handshake_message::verdict admit(std::string_view) override { return handshake_message::verdict::ok; }
  std::string cookie_for(std::string_view) override { return "secret"; }
  base::result<assigned_name> name_for(std::string_view) override {
    return base::fail(base::errc::refused, "");
  }

  bool step() {
    send(std::exchange(machine_->output(), {}));
    return read(in_);
  }

  base::unique_fd fd_;
  std::optional<handshake> machine_;
  std::vector<std::uint8_t> in_;
};

// The reason of a {'DOWN', _, process, _, Reason} or {'EXIT', _, Reason}.
inline runtime::message reason_of(const runtime::message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  REQUIRE(at.read_tuple(arity));
  etf::bytes last;
  for (std::uint32_t i = 0; i < arity; ++i) REQUIRE(at.read_term(last));
  return m.slice(last);
}

} // namespace coppice::dist::testing
