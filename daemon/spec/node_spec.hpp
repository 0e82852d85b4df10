// SPDX-License-Identifier: MIT
// The validated configuration of one node as plain values: what spec::load() returns and what the node
// is built from. Each member's initial value is that key's default, and the only place it is written:
// the schema table reads it from here. Nothing points into the files it came from: paths are absolute,
// args and env are encoded terms. Immutable once loaded; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/framing_kind.hpp"
#include "base/log.hpp"
#include "base/log_queue.hpp"
#include "spec/fingerprint.hpp"
#include "spec/named_event.hpp"
#include "tree/events.hpp"
#include "tree/pool.hpp"
#include "tree/router.hpp"
#include "tree/saga.hpp"
#include "tree/stage.hpp"
#include "tree/supervision.hpp"

namespace coppice::spec {

using milliseconds = std::chrono::milliseconds;

// One term in External Term Format without the leading 131.
using encoded_term = std::vector<std::uint8_t>;

// Where in the files something was said; line and column count from 1, 0 means nowhere (a default).
struct place {
  std::uint32_t file = 0; // index into node_spec::files
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

enum class visibility { visible, hidden };
// Whether a worker that has nothing to do looks around before it sleeps.
enum class busy_wait { none, adaptive };
enum class epmd_mode { automatic, client, serve, off };
enum class connect_policy { automatic, never };
enum class isolation { none, process };
enum class unhandled { exit, reply_error, log, ignore };
enum class on_full { park_sender, drop_new, drop_old, exit };
enum class priority { low, normal, high, max };
enum class postponed_overload { exit, drop_new, drop_old };

// A whole number, or "auto": whoever uses it chooses.
using count_or_auto = std::optional<std::uint64_t>;

// A time, or "infinity": nullopt.
using time_or_infinity = std::optional<milliseconds>;

// A share of the machine's memory or a number of bytes.
struct memory_limit {
  unsigned percent = 75; // 1 to 100; 0: bytes counts
  std::uint64_t bytes = 0;
  bool operator==(const memory_limit&) const = default;
};

struct port_range {
  std::uint16_t first = 0;
  std::uint16_t last = 0; // 0-0: any free port
  bool operator==(const port_range&) const = default;
};

// Where the cookie, or the token of the node's page, is: at most one is set. No source for the cookie means
// ~/.erlang.cookie.
struct cookie_source {
  std::optional<std::string> file;       // absolute path; made with mode 0600 if absent
  std::optional<std::string> env;        // an environment variable
  std::optional<std::string> credential; // a systemd credential
};

struct runtime_options {
  milliseconds park{1000};   // longest wait of a sender at a full mailbox
  milliseconds linger{5000}; // a dead actor's stack is abandoned after it
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

// What one source of lines may write.
struct log_rate {
  std::optional<std::uint64_t> per_source = 100; // lines a second; none: as many as it likes
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
  encoded_term args;                  // of the actor: a map, checked as a child's
  std::vector<std::string> durations; // where they stand in args, as JSON pointers; for printing alone
  std::string syslog;                 // HOST:PORT
  std::string plugin;                 // id of the actor's plugin, and name of the actor within it
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
  // Of the processes of one other node:
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

// Encryption of connections between nodes. `on`: with the node's automatic certificate, nobody's verified.
struct tls_spec {
  enum class mode { off, on, files };
  enum class version { v1_3, v1_2 };
  mode how = mode::off;
  std::optional<std::string> certificate; // absolute paths, as the others; for `files`
  std::optional<std::string> key;
  std::optional<std::string> ca;
  bool verify = true;
  version least = version::v1_3;
  bool operator==(const tls_spec&) const = default;
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
  cookie_source cookie; // none set: the node's
  place at;
};

struct compression_options {
  std::uint32_t level = 0;        // 0: off
  std::uint64_t threshold = 1024; // bytes
  bool operator==(const compression_options&) const = default;
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

// What a reader of the node's page and API may do: see names, counts and times; see states, arguments and log
// lines; act on the node.
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
  std::string group = "coppice"; // that may connect; one that does not exist is warned about
  std::uint32_t mode = 0660;
  std::optional<http_options> http; // none: no HTTP
};

struct plugin_options {
  std::vector<std::string> path{"/usr/lib/coppice/plugins"}; // absolute folders, searched in order
  spec::isolation isolation = spec::isolation::none;
  bool watch = false;
  milliseconds reload_deadline{5000};
};

struct mailbox_options {
  std::uint32_t limit = 100'000; // messages; see tree/mailbox.hpp
  std::uint64_t bytes = 0;       // 0: no bound of its own
  spec::on_full on_full = spec::on_full::park_sender;
  bool operator==(const mailbox_options&) const = default;
};

struct supervisor_spec;

struct pool_queue_options {
  std::uint32_t limit = 10'000;
  time_or_infinity wait = milliseconds(5000);
  tree::pool_overload on_full = tree::pool_overload::reply_error;
};

struct pool_options {
  std::string actor;                  // of the workers, as written: PLUGIN or PLUGIN:ACTOR
  encoded_term args;                  // as a child's
  std::vector<std::string> durations; // likewise
  std::uint32_t size = 8;
  std::optional<std::uint32_t> max; // none: it does not grow
  milliseconds idle{30'000};
  tree::pool_dispatch dispatch = tree::pool_dispatch::least_loaded;
  std::uint32_t key = 0; // 0: the whole request, else which element
  std::uint32_t in_flight = 1;
  pool_queue_options queue;
  tree::on_worker_death on_worker_death = tree::on_worker_death::reply_error;
  milliseconds drain{5000};
  std::uint32_t intensity = 3;
  milliseconds period{5000};
  std::optional<tree::backoff_options> backoff;
  tree::shutdown_limit shutdown;
  mailbox_options mailbox;
  std::optional<spec::unhandled> unhandled;
};

// What a state machine postpones.
struct postponed_options {
  std::uint32_t limit = 10'000; // events
  postponed_overload on_full = postponed_overload::exit;
  bool operator==(const postponed_options&) const = default;
};

struct statem_options {
  postponed_options postponed;
  bool operator==(const statem_options&) const = default;
};

struct router_route {
  std::string name;
  std::string to; // NAME or NAME@ALIVE@HOST
  bool operator==(const router_route&) const = default;
};

// Of an actor that is a router.
struct router_options {
  std::vector<router_route> routes;
  tree::router_failure on_failed = tree::router_failure::reply;
  std::optional<milliseconds> timeout = milliseconds(60'000); // none: infinity
  std::uint64_t pending = 100'000;                            // calls
  bool operator==(const router_options&) const = default;
};

// When a member of a Raft group takes a snapshot, and what it keeps below one.
struct raft_snapshot {
  std::uint64_t entries = 100'000;
  std::uint64_t bytes = std::uint64_t{64} << 20;
  std::uint64_t keep_entries = 10'000;
  bool operator==(const raft_snapshot&) const = default;
};

struct raft_limits {
  std::uint64_t entry = std::uint64_t{1} << 20;     // bytes of a command
  std::uint64_t in_flight = std::uint64_t{4} << 20; // bytes sent to a member and not acknowledged
  std::uint32_t pending = 10'000;                   // calls that wait
  std::uint32_t clients = 100'000;                  // sessions
  bool operator==(const raft_limits&) const = default;
};

// Of an actor that is a replicated state machine.
struct raft_options {
  std::vector<std::string> members; // NAME@ALIVE@HOST; one of the two lists is empty
  std::vector<std::string> join;
  milliseconds heartbeat{100};
  milliseconds election{1000};
  raft_snapshot snapshot;
  raft_limits limits;
  milliseconds append_timeout{5000};
  milliseconds query_timeout{5000};
  std::uint64_t check = 0;       // commands between two comparisons of states. 0: never
  std::vector<std::string> from; // patterns of nodes; empty: all
  bool operator==(const raft_options&) const = default;
};

struct saga_retry {
  milliseconds first{100};
  milliseconds max{30'000};
  bool operator==(const saga_retry&) const = default;
};

struct saga_answers {
  milliseconds keep{3'600'000};
  std::uint64_t count = 100'000;
  bool operator==(const saga_answers&) const = default;
};

struct saga_limits {
  std::uint64_t value = std::uint64_t{1} << 20; // bytes
  std::uint64_t in_doubt = 1000;
  std::uint64_t steps = 1000;
  bool operator==(const saga_limits&) const = default;
};

// Of an actor that is a saga.
struct saga_options {
  tree::saga_commit commit = tree::saga_commit::compensate;
  milliseconds lifespan{60'000};
  std::uint32_t hops = 16;
  std::uint64_t max_transactions = 10'000;
  tree::saga_log log = tree::saga_log::durable;
  saga_retry retry;
  milliseconds step_timeout{10'000};
  saga_answers answers;
  saga_limits limits;
  std::vector<std::string> from; // patterns of nodes' names; empty: all
  std::string worker;            // runs steps, as written: PLUGIN or PLUGIN:ACTOR. Empty: the saga does
  std::uint32_t workers = 16;    // at once
  encoded_term worker_args;      // as a child's; empty: there is no worker
  std::vector<std::string> worker_durations; // likewise
  bool operator==(const saga_options&) const = default;
};

struct stage_resubscribe {
  milliseconds first{1000};
  milliseconds max{30'000};
  bool operator==(const stage_resubscribe&) const = default;
};

struct stage_subscription {
  std::string to; // NAME or NAME@ALIVE@HOST
  std::uint64_t max_demand = 1000;
  std::optional<std::uint64_t> min_demand; // none: half of max_demand
  tree::cancel_mode cancel = tree::cancel_mode::permanent;
  std::optional<std::string> partition; // digits mean a number, else it is a name
  std::optional<stage_resubscribe> resubscribe;
  bool operator==(const stage_subscription&) const = default;
};

struct stage_dispatcher {
  tree::stage_dispatching kind = tree::stage_dispatching::demand;
  std::vector<std::string> partitions; // as stage_subscription's
  bool operator==(const stage_dispatcher&) const = default;
};

struct stage_buffer {
  std::optional<std::uint64_t> size; // none: as its role has it
  tree::buffer_keep keep = tree::buffer_keep::last;
  std::uint64_t bytes = std::uint64_t{64} << 20;
  bool operator==(const stage_buffer&) const = default;
};

// Of an actor that is a stage.
struct stage_options {
  std::vector<stage_subscription> subscribe_to;
  stage_dispatcher dispatcher;
  tree::demand_mode demand = tree::demand_mode::forward;
  stage_buffer buffer;
  std::uint64_t demand_step = 10'000;
  bool operator==(const stage_options&) const = default;
};

enum class handler_restart { permanent, temporary };

// What a handler that is not waited for may have before it.
struct backlog_options {
  std::uint64_t limit = 10'000; // events
  std::uint64_t bytes = std::uint64_t{16} << 20;
  tree::event_overload on_full = tree::event_overload::drop_new;
  bool operator==(const backlog_options&) const = default;
};

struct event_handler_options {
  std::string id;
  std::string actor; // PLUGIN or PLUGIN:ACTOR
  handler_restart restart = handler_restart::temporary;
  std::optional<spec::unhandled> unhandled; // none: as the actor's class says
  encoded_term args;                  // a map, checked against the plugin's schema, its defaults filled in
  std::vector<std::string> durations; // where they stand in args, as JSON pointers; for printing alone
  std::string plugin;                 // id of its plugin, and name of the actor within it
  std::string actor_type;
  bool operator==(const event_handler_options& other) const {
    return id == other.id && plugin == other.plugin && actor_type == other.actor_type &&
           actor == other.actor && restart == other.restart && unhandled == other.unhandled &&
           args == other.args;
  }
};

struct event_manager_options {
  std::vector<event_handler_options> handlers;
  std::uint32_t intensity = 3;
  milliseconds period{10'000};
  time_or_infinity slow_after;
  backlog_options backlog;
  std::uint32_t limit = 1000;
  bool operator==(const event_manager_options&) const = default;
};

// Of the actors that a consumer supervisor starts.
struct event_child_options {
  std::string actor;                  // as written: PLUGIN or PLUGIN:ACTOR
  encoded_term args;                  // as a child's, without what an event adds
  std::vector<std::string> durations; // likewise
  tree::restart_type restart = tree::restart_type::transient;
  tree::shutdown_limit shutdown;
  mailbox_options mailbox;
  std::optional<spec::unhandled> unhandled;
  bool operator==(const event_child_options&) const = default;
};

// A supervisor that starts an actor for each event.
struct consumer_supervisor_options {
  event_child_options child;
  std::vector<stage_subscription> subscribe_to;
  std::uint32_t intensity = 3;
  milliseconds period{5000};
  bool operator==(const consumer_supervisor_options&) const = default;
};

enum class endian { big, little };

struct frame_options {
  base::framing_kind kind = base::framing_kind::none;
  std::uint64_t max = std::uint64_t{16} << 20;
  std::uint64_t size = 0;   // of fixed
  std::uint32_t bytes = 4;  // of the length
  std::uint32_t offset = 0; // where it stands in the header
  std::uint32_t header = 0; // bytes; 0: at + bytes
  bool includes_header = false;
  bool with_header = false;
  spec::endian endian = endian::big;
  std::string delimiter;
  bool operator==(const frame_options&) const = default;
};

struct read_options {
  std::uint64_t credit = std::uint64_t{64} << 10;
  milliseconds idle{0};
  milliseconds first_byte{0};
  milliseconds frame{30'000};
  bool operator==(const read_options&) const = default;
};

struct write_options {
  std::uint64_t high = std::uint64_t{1} << 20;
  std::uint64_t low = std::uint64_t{256} << 10;
  milliseconds stall{30'000};
  bool operator==(const write_options&) const = default;
};

struct access_options {
  std::vector<std::string> allow; // ranges of addresses
  std::vector<std::string> deny;
  bool operator==(const access_options&) const = default;
};

enum class proxy_header { off, v1, v2, either };

struct proxy_options {
  proxy_header accept = proxy_header::off;
  std::vector<std::string> from; // ranges of addresses; empty: all
  bool operator==(const proxy_options&) const = default;
};

// A certificate for clients that ask for this name. Absolute paths.
struct named_certificate {
  std::string name;
  std::string certificate;
  std::string key;
  bool operator==(const named_certificate&) const = default;
};

struct tcp_listen_options {
  std::string address; // once loaded an address
  std::uint16_t port = 0;
  std::string path;   // absolute
  std::string socket; // one that the service manager passes under this name
  std::uint32_t mode = 0660;
  tls_spec tls;
  std::vector<std::string> alpn;
  std::vector<named_certificate> sni; // each name once
  bool operator==(const tcp_listen_options&) const = default;
};

struct tcp_connect_options {
  std::string address; // a name or an address
  std::uint16_t port = 0;
  std::string path; // absolute; instead of both
  tls_spec tls;
  std::vector<std::string> alpn;
  milliseconds timeout{7000};
  tree::backoff_options backoff;
  bool operator==(const tcp_connect_options&) const = default;
};

// Either listens or connects.
struct tcp_options {
  std::vector<tcp_listen_options> listen;
  std::optional<tcp_connect_options> connect;
  std::string actor;                  // of a connection, as written: PLUGIN or PLUGIN:ACTOR; or
  std::string handlers;               // the registered name of a pool whose workers have the connections
  encoded_term args;                  // as a child's
  std::vector<std::string> durations; // likewise
  std::uint32_t max_connections = 10'000;
  bool shed = false;
  std::uint32_t accept_backlog = 511;
  frame_options frame;
  read_options read;
  write_options write;
  milliseconds keepalive{60'000};
  bool nodelay = true;
  bool half_close = false;
  access_options access;
  proxy_options proxy_protocol;
  milliseconds drain{10'000};
  mailbox_options mailbox;
  std::optional<spec::unhandled> unhandled;
};

struct udp_listen_options {
  std::string address; // once loaded an address; empty: `socket` is not
  std::uint16_t port = 0;
  std::string socket; // the name of one that systemd passes
  bool operator==(const udp_listen_options&) const = default;
};

struct multicast_options {
  std::vector<std::string> join; // groups' addresses
  std::string interface;         // empty: that of the route
  std::uint32_t ttl = 1;
  bool loop = false;
  bool operator==(const multicast_options&) const = default;
};

struct udp_options {
  std::vector<udp_listen_options> listen;
  std::string actor;                  // as written: PLUGIN or PLUGIN:ACTOR
  encoded_term args;                  // as a child's
  std::vector<std::string> durations; // likewise
  std::uint32_t handlers = 1;
  std::uint64_t max_datagram = 2048;
  std::uint64_t receive_buffer = std::uint64_t{4} << 20;
  std::uint32_t batch = 64;
  multicast_options multicast;
  std::optional<spec::unhandled> unhandled;
};

struct web_options;  // web_options.hpp
struct port_options; // port_options.hpp

// One child of a supervisor: an actor, or a nested supervisor, a pool, a listener, one with UDP sockets or a
// program, an event manager, or a web server.
struct child_spec {
  std::string id;         // an atom, unique among its siblings
  std::string actor;      // as written: PLUGIN or PLUGIN:ACTOR; empty for a supervisor and a pool
  std::string plugin;     // id of the plugin, a key of node_spec::plugin_files; of a pool its workers'
  std::string actor_type; // name of the actor within it; likewise
  std::string behaviour;  // as the plugin's manifest says: "server"
  std::string name;       // registered name; empty: none
  tree::restart_type restart = tree::restart_type::permanent;
  time_or_infinity start_timeout; // until its init has returned
  tree::shutdown_limit shutdown;  // a supervisor's default is infinity
  bool significant = false;
  std::optional<tree::backoff_options> backoff;
  mailbox_options mailbox;
  spec::priority priority = spec::priority::normal;
  std::optional<compression_options> compression; // none: distribution.compression
  std::optional<spec::isolation> isolation;       // none: plugins.isolation
  std::optional<spec::unhandled> unhandled;       // none: as the actor's class says
  std::optional<statem_options> statem;           // none: its defaults; of an actor that is one
  std::optional<stage_options> stage;             // likewise
  std::optional<router_options> router;           // likewise
  std::optional<raft_options> raft;               // of an actor that is a replicated state machine
  std::optional<saga_options> saga;               // of an actor that is a saga
  encoded_term args;                  // a map, checked against the plugin's schema, its defaults filled in
  std::vector<std::string> durations; // where they stand in args, as JSON pointers; for printing alone
  std::unique_ptr<supervisor_spec> supervisor;
  std::optional<pool_options> pool;
  std::optional<tcp_options> tcp;
  std::optional<event_manager_options> event_manager;
  std::optional<consumer_supervisor_options> consumer_supervisor;
  std::optional<udp_options> udp;
  std::shared_ptr<web_options> web;   // null: it is none
  std::shared_ptr<port_options> port; // likewise
  place at;
};

struct supervisor_spec {
  std::string name; // registered name; empty: none
  tree::strategy strategy = tree::strategy::one_for_one;
  std::uint32_t intensity = 1;
  milliseconds period{5000};
  tree::on_exceeded on_exceeded = tree::on_exceeded::escalate;
  tree::auto_shutdown auto_shutdown = tree::auto_shutdown::never;
  std::vector<child_spec> children; // in start order
  // Of each child, with all that is in it and the manifests it was checked against.
  std::vector<fingerprint> prints;
  place at;
};

struct application_spec {
  std::string name;
  tree::application_type type = tree::application_type::temporary;
  std::vector<std::string> depends_on;
  time_or_infinity max_runtime;
  encoded_term env; // a map
  supervisor_spec supervisor;
  place at;
};

// A plugin that the tree names, found in plugins.path.
struct plugin_file {
  std::string id;
  std::string path;                // absolute
  std::vector<std::string> drafts; // names of the interfaces it uses that may still change
};

struct cron_options; // cron_options.hpp

struct node_spec {
  std::vector<std::string> files; // what it was read from, in order
  node_options node;
  epmd_options epmd;
  distribution_options distribution;
  control_options control;
  plugin_options plugins;
  std::vector<application_spec> applications; // in start order: each after those it depends on
  std::shared_ptr<cron_options> cron;         // null: there are no jobs
  std::vector<named_event> events;            // declared; names are unique
  std::vector<plugin_file> plugin_files;      // by id, each once
};

} // namespace coppice::spec
