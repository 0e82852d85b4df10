// SPDX-License-Identifier: MIT
// Nodes for tests, with all services and without applications, and helpers that make requests to services.
// Any thread.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <coppice/etf/cursor.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/channels/event_channels.hpp"
#include "behaviours/gen/gen.hpp"
#include "dist/cluster.hpp"
#include "services/services.hpp"

namespace coppice::test {

// A node with everything but applications.
struct whole_node {
  whole_node(dist::testing::epmd_server& epmd, const std::string& name, services::options chosen = {},
             unsigned workers = 2)
      : epmd_(epmd),
        host(with(name, workers)),
        router(host, with(epmd)),
        services(host, router, with(events, std::move(chosen))) {
    host.set_router(&router);
    REQUIRE(host.start());
    REQUIRE(services.start([this] { gone = true; }));
    const auto listening = router.listen({{dist::testing::loopback(), {0, 0}}});
    REQUIRE(listening);
    port = listening->front().port();
    epmd_.add(name, port);
  }
  ~whole_node() {
    epmd_.remove(std::string(host.node_name()));
    router.stop();
    CHECK(host.stop(std::chrono::nanoseconds(dist::testing::patience).count()));
  }
  runtime::destination see(const whole_node& of, const std::string& name) {
    return runtime::destination::remote(name, *host.nodes().intern(of.host.node_name()));
  }

 private:
  static runtime::system_options with(const std::string& name, unsigned workers) {
    runtime::system_options options;
    options.node_name = name;
    options.workers = workers;
    return options;
  }
  static dist::options with(dist::testing::epmd_server& epmd) {
    dist::options options;
    options.cookie = "secret";
    options.epmd_port = epmd.port();
    return options;
  }
  static services::options with(behaviours::event_channels& events, services::options chosen) {
    chosen.events = &events;
    return chosen;
  }
  dist::testing::epmd_server& epmd_;

 public:
  runtime::system host;
  dist::router router;
  behaviours::event_channels events{host};
  services::services services;
  std::uint16_t port = 0;
  std::atomic<bool> gone = false; // its services have ended
};

// A node with services, and a peer that consists of its messages alone.
struct node_and_peer {
  explicit node_and_peer(services::options chosen = {}, unsigned workers = 2)
      : a(epmd, "a@127.0.0.1", std::move(chosen), workers) {
    peer = {*a.host.nodes().intern("x@127.0.0.1"), 77, 40, 0};
  }
  void deliver(const runtime::destination& to, runtime::message m) {
    auto made = runtime::make_signal(runtime::signal_kind::message, peer, std::move(m));
    made->flags = runtime::signal::remote;
    a.host.deliver(to, std::move(made));
  }
  void deliver(const std::string& to, runtime::message m) {
    deliver(runtime::destination::named(to), std::move(m));
  }
  void write_pid(etf::writer& out, const runtime::pid& who) { runtime::write(out, who, a.host.nodes()); }

  dist::testing::epmd_server epmd;
  whole_node a;
  runtime::pid peer;
};

// Calls as the actor and returns the reply of the gen_server. `no_answer`: there was none.
inline runtime::message ask(const dist::testing::actor& asker, const runtime::destination& to,
                            const runtime::message& body) {
  return asker.run([&](runtime::process& self) {
    const auto answer =
        behaviours::gen::call(self, to, body.bytes(), self.now() + 20 * base::nanos_per_second);
    return answer ? *answer : runtime::message::atom("no_answer");
  });
}

// The atoms of a list.
inline std::vector<std::string> atoms_in(const runtime::message& m) {
  std::vector<std::string> out;
  etf::cursor at(m.bytes());
  std::uint32_t count = 0;
  std::string_view name;
  at.read_list(count);
  for (std::uint32_t i = 0; i < count && at.read_atom(name); ++i) out.emplace_back(name);
  return out;
}

} // namespace coppice::test
