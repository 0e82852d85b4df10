// SPDX-License-Identifier: MIT
// The configuration of a web server, apart from where it listens: its routes, which say by which process,
// file or redirect a request is answered, and its bounds. A reload makes a new one, so a connection can keep
// the one it began with. Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address_range.hpp"
#include "base/clock.hpp"
#include "base/path_pattern.hpp"
#include "behaviours/web/actor_websocket.hpp"
#include "behaviours/web/cross_origin.hpp"
#include "behaviours/web/forwarded.hpp"
#include "net/http/http_server.hpp"
#include "tree/web.hpp"

namespace coppice::behaviours {

struct child_spec;

using tree::access_log_format;
using tree::web_upgrade;

// Requests with this method and path go to a process, or are answered with a redirect or with a file.
struct web_route {
  std::string method{}; // empty: any
  base::path_pattern path{};
  std::string to{};                          // the registered name of a process; or
  std::shared_ptr<const child_spec> actor{}; // with an upgrade: made for each client; or
  std::string location;                      // a redirect's; or
  std::string folder;                        // of files: an absolute path; `path` has a rest
  std::string index;                         // with a folder: the file for a folder's path
  std::string node;                          // of `to`; empty: this node
  std::string as{};                          // its name in requests; empty: none
  std::string feed{};                        // the named event that is the answer; `to` is coppice_events
  int status = 308;                          // of a redirect
  base::nanos timeout = 5 * base::nanos_per_second; // from the end of the request to its answer
  std::size_t body = 1 << 20;                       // most bytes of a request's; beyond: 413
  std::uint32_t in_flight = UINT32_MAX;             // most requests that wait for an answer; beyond: 503
  bool streamed = false;                            // bodies are passed on as they come, both ways
  std::vector<net::http_header> headers{};          // of answers, unless they have them
  web_upgrade upgrade = web_upgrade::none;          // not none: for GET only

  // For people: GET /users/{id}.
  std::string name() const { return (method.empty() ? std::string() : method + " ") + path.text(); }
  bool takes(std::string_view asked) const {
    return method.empty() || method == asked ||
           (method == "GET" && asked == "HEAD" && upgrade == web_upgrade::none);
  }
};

struct web_spec {
  std::vector<web_route> routes;    // the first that matches is used
  std::vector<std::string> hosts{}; // the hosts it answers for; in lower case, without port; empty: all
  std::vector<net::http_header> headers{}; // of all answers, unless they have them
  net::http_options http{};                // of its connections: limits, requests and timeouts
  cross_origin others{};                   // origins whose pages may use it
  tree::web_proxy_header proxies_say = tree::web_proxy_header::x_forwarded_for;
  base::access_list proxies{};        // proxies whose header is trusted; empty: none
  std::size_t compress_from = 0;      // bytes of a body; 0: none is compressed
  std::uint32_t in_flight = 1000;     // most requests that wait for an answer; beyond: 503
  std::size_t unfinished = 256 << 20; // bytes of incomplete bodies and messages, of all; beyond: 503 or 1013
  access_log_format log = access_log_format::off;
  websocket_bounds websockets{};
  // For streams of events:
  base::nanos heartbeat = 15 * base::nanos_per_second; // after so long without an event, a comment is sent
  base::nanos retry = 3 * base::nanos_per_second;      // how long clients wait before they reconnect
  std::size_t backlog = 256 << 10;                     // bytes queued for a client; beyond, it is dropped
};

} // namespace coppice::behaviours
