// SPDX-License-Identifier: MIT
// Tests of nodes that distribution.peers joins: whole nodes without EPMD, on a clock that only the test
// moves.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "held_clock.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/operations.hpp"
#include "node/instance/snapshots.hpp"
#include "spec/load.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using namespace std::chrono_literals;

namespace {

// A listening socket that speaks no protocol: a connection that it accepts is an attempt.
class bare_listener {
 public:
  bare_listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(socket_, 8) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port_ = ntohs(at.sin_port);
  }
  ~bare_listener() { close(); }
  bare_listener(const bare_listener&) = delete;
  bare_listener& operator=(const bare_listener&) = delete;
  unsigned port() const { return port_; }
  // Whether a connection came; it is closed.
  bool tried() const {
    const int one = ::accept(socket_, nullptr, nullptr);
    if (one >= 0) ::close(one);
    return one >= 0;
  }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
  unsigned port_ = 0;
};

class member {
 public:
  member(const std::string& name, const std::string& distribution) {
    base::log::set_level(base::log::level::error);
    const std::string text = fmt::format(
        "node: {{ name: {}@127.0.0.1, cookie: {{ file: cookie }}, data: data, workers: 1 }}\n"
        "epmd: {{ mode: off }}\ndistribution: {{ connect: never, {} }}\napplications: []\n",
        name, distribution);
    ::chmod(place_.write("cookie", "a_cookie_of_20_bytes").c_str(), 0600);
    file_ = place_.write("node.yaml", text);
  }
  void start() {
    spec::outcome loaded = spec::load({file_});
    REQUIRE_MESSAGE(loaded.spec.has_value(), spec::render(loaded.diagnostics));
    auto started = node::instance::start(std::move(*loaded.spec), [] {}, {.files = {file_}, .options = {}});
    REQUIRE_MESSAGE(started, started.error().text);
    node_ = std::move(*started);
  }
  void stop() { node_.reset(); }
  node::instance* operator->() { return node_.get(); }
  node::peer_status peer() {
    const auto all = node_->snapshots().peers();
    return all.empty() ? node::peer_status() : all[0];
  }
  bool connected() { return peer().state == "connected"; }
  bool apply() {
    const auto told = std::make_shared<std::promise<bool>>();
    auto answer = told->get_future();
    node_->operations().apply(
        {.files = {file_}, .by = "the test"},
        [told](const node::apply_outcome& outcome) { told->set_value(outcome.applied); });
    return answer.get();
  }

 private:
  test::temporary_folder place_;
  std::string file_;
  std::unique_ptr<node::instance> node_;
};

} // namespace

TEST_CASE(
    "nodes of distribution.peers are connected and kept so, at growing times, unless an operator says "
    "otherwise" *
    doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  bare_listener decoy;
  member elm("elm", fmt::format("listen: [ {{ address: 127.0.0.1, ports: {} }} ]", decoy.port()));
  member oak("oak", fmt::format("listen: [ {{ address: 127.0.0.1, ports: 20000-60000 }} ], "
                                "peers: [ oak@127.0.0.1, elm@127.0.0.1 ], "
                                "routes: [ {{ node: elm@127.0.0.1, address: 127.0.0.1, port: {} }} ]",
                                decoy.port()));
  const auto until = [&clock](const std::function<bool()>& holds) {
    test::look_until([&] {
      if (holds()) return true;
      clock.advance(100ms);
      return false;
    });
  };
  const auto stop = [&until](member& one) {
    auto stopped = std::async(std::launch::async, [&one] { one.stop(); });
    until([&] { return stopped.wait_for(0s) == std::future_status::ready; });
  };
  oak.start();
  test::look_until([&] { return decoy.tried(); }); // the first attempt comes at once
  test::look_until([&] { return !oak.peer().last_error.empty(); });
  CHECK(oak->ready());
  const auto away = oak->snapshots().status().away;
  REQUIRE(away.size() == 1);
  CHECK(away[0].name == "elm@127.0.0.1");
  CHECK(away[0].kept);
  CHECK(away[0].heard == 0);
  const base::nanos since = away[0].since;
  for (const auto wait : {1s, 2s, 4s}) {
    const base::nanos before = base::mono_now();
    until([&] { return decoy.tried(); });
    CHECK(base::mono_now() - before >= std::chrono::nanoseconds(wait).count() - 200 * base::nanos_per_ms);
  }
  CHECK(oak.peer().since == since); // attempts do not count
  decoy.close();
  elm.start();
  until([&] { return oak.connected() && elm.connected(); });
  CHECK(oak->snapshots().status().away.empty());
  CHECK(oak.peer().since > since);
  CHECK(oak.peer().heard >= oak.peer().since);
  CHECK(oak.peer().losses == 0);

  stop(elm); // stopping waits on the held clock, too
  until([&] { return !oak.connected(); });
  CHECK(oak.peer().losses == 1);
  elm.start();
  until([&] { return oak.connected() && elm.connected(); });
  CHECK(oak.peer().losses == 1);

  const auto stays_away = [&] {
    for (int i = 0; i < 40; ++i) {
      clock.advance(1s);
      if (oak.connected()) return false;
    }
    return true;
  };
  REQUIRE(oak->operations().disconnect("elm@127.0.0.1"));
  until([&] { return !oak.connected() && !elm.connected(); });
  CHECK(stays_away());
  CHECK(oak.peer().held);
  const auto told = std::make_shared<std::promise<bool>>();
  auto answer = told->get_future();
  oak->operations().connect("elm@127.0.0.1", 30 * base::nanos_per_second,
                            [told](const base::status& how) { told->set_value(how.has_value()); });
  CHECK(answer.get());
  until([&] { return oak.connected() && elm.connected(); });
  CHECK_FALSE(oak.peer().held);

  REQUIRE(oak->operations().disconnect("elm@127.0.0.1"));
  until([&] { return !oak.connected() && !elm.connected(); });
  CHECK(oak->operations().disconnect("elm@127.0.0.1")); // it is away, and must stay away
  CHECK(stays_away());
  CHECK(oak.apply());
  until([&] { return oak.connected() && elm.connected(); });
  CHECK(oak.peer().losses == 3);
  stop(oak);
  stop(elm);
}
