// SPDX-License-Identifier: MIT
// Certificates of an authority made for the test, and two streams with TLS between them over loopback. Runs
// on the loop's thread.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/listening/listener.hpp"
#include "net/loop_until.hpp"
#include "net/stream/stream.hpp"
#include "net/stream_recorder.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/tls.hpp"
#include "net/tls/tls_pacer.hpp"

namespace coppice::net {

struct authority {
  authority() { REQUIRE(tls::initialise()); }
  certificate_pair ca = make_authority(base::wall_now()).value();

  // `later`: the time from now at which the certificate is made, in ns. It is valid for five days.
  tls_settings settings(const std::vector<std::string>& names = {"127.0.0.1"}, base::nanos later = 0) const {
    const auto leaf = issue_leaf(ca, names, base::wall_now() + later, 5 * one_day).value();
    return {leaf.certificate, leaf.key, ca.certificate, true, false};
  }
};

inline const authority& our_authority() {
  static const authority made;
  return made;
}

inline std::shared_ptr<const tls_context> context(tls_role role, const tls_settings& settings) {
  return tls_context::make(role, settings).value();
}

// A listener with TLS and a client. Either may have other settings, or no TLS.
struct tls_pair {
  tls_settings server_settings = our_authority().settings();
  tls_settings client_settings = our_authority().settings();
  std::string host = "127.0.0.1";
  bool server_tls = true;
  bool client_tls = true;
  std::chrono::milliseconds timeout{7000};

  base::uv::loop loop = base::uv::loop::make().value();
  std::unique_ptr<tls_pacer> pacer = std::make_unique<tls_pacer>(loop.raw());
  test::recorder at_client;
  test::recorder at_server;
  listener listening;
  stream client;
  stream server;

  void listen() {
    tls_options options;
    if (server_tls) options = {context(tls_role::server, server_settings), pacer.get(), "", timeout};
    listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                              [this, options](accepted_socket socket) {
                                server = stream::adopt(loop.raw(), std::move(socket), options).value();
                                server.start(at_server);
                              })
                    .value();
  }
  void connect() {
    listen();
    connect_options options{timeout, std::nullopt, {}};
    if (client_tls) options.tls = {context(tls_role::client, client_settings), pacer.get(), host, timeout};
    client = stream::connect(loop.raw(), listening.address(), options, at_client).value();
  }
  void secure() {
    connect();
    REQUIRE(until([&] { return at_client.connected && server && !server.securing(); }));
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }
  bool both_closed() { return at_client.closed && at_server.closed; }
};

} // namespace coppice::net
