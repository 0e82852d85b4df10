// SPDX-License-Identifier: MIT
// A web server: where it listens, where its routes lead, its bounds, and its keys. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/kinds/tcp.hpp"
#include "spec/schema/values.hpp"
#include "tree/web.hpp"

namespace coppice::spec {

enum class web_body { buffered, streamed };

struct web_header {
  std::string name;
  std::string value;
  bool operator==(const web_header&) const = default;
};

struct web_redirect {
  std::string to; // a path or a URL
  std::uint32_t status = 308;
  bool operator==(const web_redirect&) const = default;
};

// The limits of one route.
struct web_route_limits {
  std::optional<std::uint64_t> body;      // bytes, in place of the site's
  std::optional<std::uint32_t> in_flight; // requests, beside the site's limit; none: no limit of its own
  bool operator==(const web_route_limits&) const = default;
};

// Leads requests to a process, to a process made for the client, to another URL, or to files.
struct web_route {
  std::string method; // empty: any
  std::string path;   // with {name} for a segment, and {name...} for the rest
  std::string to;     // NAME or NAME@ALIVE@HOST
  std::string as;     // the route's name in requests of `to` and `actor`; empty: none
  std::optional<web_redirect> redirect;
  std::optional<std::string> files;    // a folder; absolute
  std::optional<std::string> index;    // with files: the file of a folder's path; none: index.html
  std::optional<milliseconds> timeout; // none: timeouts.request
  std::optional<web_body> body;        // none: the site's
  web_route_limits limits;
  std::vector<web_header> headers;
  tree::web_upgrade upgrade = tree::web_upgrade::none;
  std::string event; // in place of `to`: a named event of this node
  std::string actor; // in place of `to`, as written: PLUGIN or PLUGIN:ACTOR, made for each client
  // The keys of that actor, as a child has them.
  encoded_term args;
  std::vector<std::string> durations;
  std::string plugin;
  std::string actor_type;
  std::string behaviour;
  mailbox_options mailbox;
  std::optional<spec::unhandled> unhandled;
  bool operator==(const web_route&) const = default;
};

// The origins whose pages may use the site.
struct web_cors {
  std::vector<std::string> origins; // as https://example.org, or "*" alone; empty: none
  std::vector<std::string> methods{"GET", "HEAD", "POST"};
  std::vector<std::string> headers;
  std::vector<std::string> expose;
  bool credentials = false;
  milliseconds max_age{0};
  bool operator==(const web_cors&) const = default;
};

struct web_timeouts {
  milliseconds header{10'000};
  milliseconds body{30'000};
  milliseconds idle{75'000};
  milliseconds write{30'000};
  milliseconds request{5'000};
  bool operator==(const web_timeouts&) const = default;
};

struct web_limits {
  std::uint32_t connections = 10'000;
  std::uint64_t requests_per_connection = 10'000;
  std::uint64_t uri = 8 << 10;
  std::uint64_t header = 16 << 10;
  std::uint32_t headers = 100;
  std::uint64_t body = 1 << 20;
  std::uint32_t in_flight = 1000;
  std::uint64_t unfinished = 256 << 20; // bytes
  bool operator==(const web_limits&) const = default;
};

// The options of server-sent events.
struct web_events {
  milliseconds heartbeat{15'000};
  milliseconds retry{3'000};
  std::uint64_t queue = 256 << 10; // bytes
  bool operator==(const web_events&) const = default;
};

struct web_websockets {
  std::uint64_t max_message = 1 << 20; // bytes
  milliseconds ping{30'000};
  milliseconds pong{10'000};
  milliseconds message{30'000};
  std::uint64_t queue = 256 << 10; // bytes
  bool operator==(const web_websockets&) const = default;
};

struct web_options {
  std::vector<tcp_listen_options> listen;
  std::vector<web_route> routes; // the first that fits a request answers it
  std::vector<std::string> hosts;
  std::vector<web_header> headers;
  web_timeouts timeouts;
  web_limits limits;
  web_body body = web_body::buffered; // of routes that lead to a process and are no upgrade
  access_options access;
  web_cors cors;
  std::vector<std::string> proxies; // ranges of addresses
  tree::web_proxy_header proxy_header =
      tree::web_proxy_header::x_forwarded_for; // in which proxies name the client
  std::uint64_t compress_from = 0;             // bytes; 0: never
  tree::access_log_format access_log = tree::access_log_format::off;
  web_events sse;
  web_websockets websocket;
  milliseconds drain{10'000};
};

} // namespace coppice::spec
