// SPDX-License-Identifier: MIT
// The validated configuration of one node as plain values: spec::load() returns it, and the node is built
// from it. Each member's initial value is that key's default, and the only place it is written: the schema
// table reads it from here. Nothing points into the files it came from: paths are absolute, args and env are
// encoded terms. Immutable once loaded; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/log_queue.hpp"
#include "spec/named_event.hpp"
#include "spec/schema/child_spec.hpp"
#include "spec/schema/values.hpp"

namespace coppice::spec {

enum class visibility { visible, hidden };
// Whether a worker that has nothing to do looks for work before it sleeps.
enum class busy_wait { none, adaptive };
enum class epmd_mode { automatic, client, serve, off };
enum class connect_policy { automatic, never };

// The source of the cookie, or of the token of the node's page: at most one member is set. Without a source
// the cookie is in ~/.erlang.cookie.
struct cookie_source {
  std::optional<std::string> file;       // absolute path; made with mode 0600 if absent
  std::optional<std::string> env;        // an environment variable
  std::optional<std::string> credential; // a systemd credential
};

struct runtime_options {
  milliseconds park{1000};   // longest wait of a sender at a full mailbox
  milliseconds linger{5000}; // a dead actor's stack is abandoned after this time
  milliseconds watchdog{10}; // a handler or work on a connection that takes longer is named in the log
  spec::busy_wait busy_wait = spec::busy_wait::adaptive;
  std::uint32_t blocking_threads = 16; // blocking_run's pool
  std::uint64_t stack = 256 << 10;     // bytes of an actor's stack while a handler runs
};

struct module_level {
  explicit module_level(std::string name = {}) : module(std::move(name)) {}
  std::string module;
  base::log::level level = base::log::level::info;
};

// How many lines one source of the log may write.
struct log_rate {
  std::optional<std::uint64_t> per_source = 100; // lines a second; none: no limit
  std::uint64_t burst = 500;                     // lines at once
};

struct log_rotation {
  std::uint64_t bytes = 64ull << 20;
  std::uint32_t keep = 10;
};

struct log_file_options {
  std::string path; // absolute
  base::log::level level = base::log::level::trace;
  log_rotation rotate;
};

// Where a handler's lines go: an actor, or a syslog server.
struct log_destination {
  std::string actor;                  // as written: PLUGIN or PLUGIN:ACTOR; empty: `syslog`
  encoded_term args;                  // of the actor: a map, checked as a child's args
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers; for printing alone
  std::string syslog;                 // HOST:PORT
  std::string plugin;                 // id of the actor's plugin; actor_type: the actor's name in it
  std::string actor_type;
};

struct log_queue_options {
  std::uint32_t limit = 10'000; // lines
  base::log::queue_full on_full = base::log::queue_full::drop_old;
};

struct log_handler_options {
  std::string name;
  log_destination to;
  base::log::level level = base::log::level::info;
  std::vector<module_level> modules;
  log_queue_options queue;
};

struct log_options {
  base::log::level level = base::log::level::info;
  base::log::format format = base::log::format::automatic;
  std::vector<module_level> modules;
  log_rate rate;
  bool messages = true;
  std::vector<log_file_options> files;
  std::vector<log_handler_options> handlers;
};

struct limit_options {
  std::uint64_t processes = 4'000'000;
  std::uint64_t connections = 1000;
  memory_limit memory;         // all message buffers together
  count_or_auto parked_stacks; // "parked" in the files
  std::uint64_t term_bytes = 256ull << 20;
  std::uint32_t term_depth = 10'000;
  // Bounds for the processes of one other node:
  std::uint64_t peer_relations = 1'000'000;
  std::uint64_t peer_groups = 250'000;
  std::uint64_t peer_names = 65'536;
  std::uint64_t peer_locks = 1'024;
};

struct node_options {
  std::string name;        // alive@host, always with the host once loaded
  bool long_names = false; // the host has a dot (or is an address)
  cookie_source cookie;
  spec::visibility visibility = spec::visibility::visible;
  count_or_auto workers;
  runtime_options runtime;
  std::string data = "/var/lib/coppice"; // absolute path
  log_options log;
  limit_options limits;
};

struct epmd_options {
  epmd_mode mode = epmd_mode::automatic;
  std::string address = "auto"; // once loaded an address, see resolve_address()
  std::uint16_t port = 4369;
};

struct listen_options {
  std::string address = "auto";   // once loaded an address
  port_range ports{15000, 65000}; // the first free one is taken
  tls_spec tls;
};

struct allow_options {
  std::vector<std::string> rpc{"info"}; // "info", "observer", "mod:fun", "mod:*", "mod:fun/2 => PLUGIN:ACTOR"
  std::vector<std::string> spawn;       // "PLUGIN:ACTOR"
  std::vector<std::string> start;       // application names
  std::vector<std::string> supervise;   // registered names of supervisors
};

struct route_options {
  std::string node;
  std::string address;
  std::uint16_t port = 0;
  tls_spec tls;
  cookie_source cookie; // none set: the node's cookie
  place at;
};

struct service_options {
  bool global = true;
  std::vector<std::string> pg{"pg"}; // names of pg scopes
};

struct distribution_options {
  std::vector<listen_options> listen{listen_options{}};
  milliseconds ticktime{60'000}; // net_ticktime
  connect_policy connect = connect_policy::automatic;
  milliseconds connect_timeout{7000};
  allow_options allow;
  std::vector<route_options> routes;
  std::vector<std::string> peers; // full names, this node's own may be among them
  compression_options compression;
  service_options services;
};

// The rights of a reader of the node's page and API. inspect: it sees names, counts and times; state: it
// sees states, arguments and log lines; manage: it acts on the node.
enum class http_right { inspect, state, manage };

struct http_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 9911;
  tls_spec tls;
  cookie_source token;                                 // none set: there is no token
  std::vector<http_right> rights{http_right::inspect}; // of a reader without the token
  std::vector<std::string> hosts;                      // further names that requests may have as their Host
  std::uint32_t streams = 64;                          // most readers of /api/v1/stream at once

  std::string_view scheme() const { return tls.how == tls_spec::mode::off ? "http" : "https"; }
};

struct control_options {
  std::string socket = "auto";   // absolute path, or "auto": NAME.sock in the runtime folder
  std::string group = "coppice"; // its members may connect; a group that does not exist is a warning
  std::uint32_t mode = 0660;
  std::optional<http_options> http; // none: no HTTP
};

struct plugin_options {
  std::vector<std::string> path{"/usr/lib/coppice/plugins"}; // absolute folders, searched in order
  spec::isolation isolation = spec::isolation::none;
  bool watch = false;
  milliseconds reload_deadline{5000};
};

struct cron_options; // cron_options.hpp

struct node_spec {
  std::vector<std::string> files; // the files it was read from, in order
  node_options node;
  epmd_options epmd;
  distribution_options distribution;
  control_options control;
  plugin_options plugins;
  std::vector<application_spec> applications; // in start order: each after its dependencies
  std::shared_ptr<cron_options> cron;         // null: there are no jobs
  std::vector<named_event> events;            // declared; names are unique
  std::vector<plugin_file> plugin_files;      // by id, each once
};

} // namespace coppice::spec
