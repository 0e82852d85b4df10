// SPDX-License-Identifier: MIT
// What a web server is told beside where it listens: which requests go to whom, and its bounds. Immutable,
// any thread.
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

// Requests with this method and path go to a process, or are answered with where else to go, or with a file.
struct web_route {
  std::string method{}; // empty: any
  base::path_pattern path{};
  std::string to{};                          // the registered name of a process; or
  std::shared_ptr<const child_spec> actor{}; // with an upgrade: what is made for each client; its id and name
                                             // are not used; or
  std::string location;                      // where else; or
  std::string folder;                        // of files: an absolute path, with a path that has a rest
  std::string index;                         // with a folder: what the path of a folder stands for
  std::string node;                          // of `to`; empty: this one
  std::string feed{};                        // the named event that is the answer, `to` being coppice_events
  int status = 308;                          // with a location
  base::nanos timeout = 5 * base::nanos_per_second; // from the request's end to its answer
  std::size_t body = 1 << 20;                       // bytes of a request's; beyond: 413
  std::uint32_t in_flight = UINT32_MAX;             // requests that wait for an answer; beyond: 503
  bool streamed = false;                            // bodies go as they come, both ways
  std::vector<net::http_header> headers{};          // of answers, unless they have their own
  web_upgrade upgrade = web_upgrade::none;          // of another kind than none: for GET

  // For people: GET /users/{id}.
  std::string name() const { return (method.empty() ? std::string() : method + " ") + path.text(); }
  bool takes(std::string_view asked) const {
    return method.empty() || method == asked ||
           (method == "GET" && asked == "HEAD" && upgrade == web_upgrade::none);
  }
};

struct web_spec {
  std::vector<web_route> routes;    // the first that fits
  std::vector<std::string> hosts{}; // whose requests are taken; in lower case, without port; empty: all
  std::vector<net::http_header> headers{}; // of all answers, unless they have their own
  net::http_options http{};                // of its connections: limits, requests and timeouts
  cross_origin others{};                   // whose pages may use it
  tree::web_proxy_header proxies_say = tree::web_proxy_header::x_forwarded_for;
  base::access_list proxies{};        // `allow`: who says for whom requests are; empty: nobody
  std::size_t compress_from = 0;      // bytes of a body; 0: none is compressed
  std::uint32_t in_flight = 1000;     // requests that wait for an answer; beyond: 503
  std::size_t unfinished = 256 << 20; // bytes of bodies and messages that have come in part, of all
                                      // clients; beyond: 503 or 1013
  access_log_format log = access_log_format::off;
  websocket_bounds websockets{};
  // Of streams of events.
  base::nanos heartbeat = 15 * base::nanos_per_second; // without an event so long, a comment is sent
  base::nanos retry = 3 * base::nanos_per_second;      // what clients are told to wait before they come again
  std::size_t backlog = 256 << 10;                     // bytes that wait for a client; beyond, it is dropped
};

} // namespace coppice::behaviours
