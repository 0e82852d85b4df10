// SPDX-License-Identifier: MIT
// The rows, in the order in which `--effective` and the JSON Schema show them. A default is the member's
// initial value in node_spec.hpp; what several keys must fulfil together stands in the table's check.
#include "spec/schema.hpp"

#include <algorithm>

#include "spec/cron_tables.hpp"
#include "spec/log_tables.hpp"
#include "spec/named_event_table.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"
#include "spec/schema/tls.hpp"
#include "spec/tree_tables.hpp"

namespace coppice::spec {
namespace {

constexpr auto later = available::later;

void check_cookie(reader& from, const node& at, cookie_source& cookie) {
  if (at.is_map() && cookie.file.has_value() + cookie.env.has_value() + cookie.credential.has_value() != 1)
    from.error(at, from.path + ": expected exactly one of file, env and credential");
}

const table<cookie_source>& cookie_table() {
  static const auto rows =
      table<cookie_source>()
          .add<&cookie_source::file>("file", maybe<std::optional<std::string>, path>(path()),
                                     "a file with the cookie, made with mode 0600 if absent")
          .add<&cookie_source::env>("env",
                                    maybe<std::optional<std::string>, text>(text("the name of a variable")),
                                    "an environment variable with the cookie")
          .add<&cookie_source::credential>(
              "credential", maybe<std::optional<std::string>, text>(text("the name of a credential")),
              "a systemd credential with the cookie")
          .check(&check_cookie, {{"minProperties", 1}, {"maxProperties", 1}})
          .prune([](const cookie_source&, json& cookie) {
            if (cookie.empty()) cookie = nullptr;
          });
  return rows;
}

constexpr std::uint64_t least_stack = std::uint64_t{64} << 10;
constexpr std::uint64_t most_stack = std::uint64_t{1} << 30;

void check_runtime(reader& from, const node& at, runtime_options& options) {
  if (options.stack < least_stack || options.stack > most_stack)
    from.error(*at.find("stack"), from.path + ".stack: must be from 64KiB to 1GiB");
}

const table<runtime_options>& runtime_table() {
  static const auto rows =
      table<runtime_options>()
          .add<&runtime_options::park>("park", duration(), "longest wait of a sender at a full mailbox")
          .add<&runtime_options::linger>(
              "linger", duration(), "how long the stack of a dead actor may linger before it is abandoned")
          .add<&runtime_options::watchdog>(
              "watchdog", duration(milliseconds(1)),
              "a handler or work on a connection that takes longer is named in the log")
          .add<&runtime_options::busy_wait>(
              "busy_wait", choice<busy_wait>({{"none", busy_wait::none}, {"adaptive", busy_wait::adaptive}}),
              "what a worker without work does before it sleeps: none, or looking around for some 10 to "
              "50 µs while work comes that often")
          .add<&runtime_options::blocking_threads>("blocking_threads", whole<std::uint32_t>(1, 1024),
                                                   "threads for work that blocks")
          .add<&runtime_options::stack>(
              "stack", size(),
              "what a handler runs on, from 64KiB to 1GiB; one that needs more ends the node")
          .check(&check_runtime);
  return rows;
}

const table<limit_options>& limit_table() {
  using count = whole<std::uint64_t>;
  static const auto rows =
      table<limit_options>()
          .add<&limit_options::processes>("processes", count(16, (1u << 27) - 1), "processes alive at a time")
          .add<&limit_options::connections>("connections", count(1, 65536), "connections to other nodes")
          .add<&limit_options::memory>(
              "memory", memory(),
              "all message buffers and what is kept for other nodes, together, as a share of the machine's "
              "memory or a size; a quarter of it "
              "is the most that messages may take which other nodes have begun to send and not ended")
          .add<&limit_options::parked_stacks>(
              "parked", or_word<std::uint64_t, count>("auto", count(1, 1u << 27)),
              "actors whose handler waits at a time; supervisors may wait beyond it")
          .add<&limit_options::term_bytes>(
              "term_bytes", size(),
              "largest message taken from another node, and largest state of a Raft group; at most a "
              "quarter of memory")
          .add<&limit_options::term_depth>("term_depth", whole<std::uint32_t>(16, 1'000'000),
                                           "deepest nesting of a message taken from another node")
          .add<&limit_options::peer_relations>(
              "peer_relations", count(16, 1u << 30),
              "links, monitors and calls that the processes of one other node have here; more disconnect it")
          .add<&limit_options::peer_groups>(
              "peer_groups", count(16, 1u << 30),
              "memberships of the processes of one other node in a scope of pg; more disconnect it")
          .add<&limit_options::peer_names>(
              "peer_names", count(16, 1u << 30),
              "names of global that one other node says; more are refused, or disconnect it")
          .add<&limit_options::peer_locks>("peer_locks", count(16, 1u << 20),
                                           "locks of global that the processes of one other node hold");
  return rows;
}

const table<node_options>& node_table() {
  using count = whole<std::uint64_t>;
  static const auto rows =
      table<node_options>()
          .add<&node_options::name>("name", text("a node name", &check_node_name, node_name_pattern),
                                    "alive@host; without a host the machine's short name is taken")
          .needed()
          .add<&node_options::cookie>("cookie", section<cookie_source>(&cookie_table),
                                      "the cluster's shared secret; without this key systemd's credential "
                                      "`cookie`, else ~/.erlang.cookie")
          .add<&node_options::visibility>(
              "visibility",
              choice<visibility>({{"visible", visibility::visible}, {"hidden", visibility::hidden}}),
              "hidden: not in other nodes' nodes()")
          .add<&node_options::workers>("workers", or_word<std::uint64_t, count>("auto", count(1, 1024)),
                                       "worker threads; auto: one a core")
          .add<&node_options::runtime>("runtime", section<runtime_options>(&runtime_table),
                                       "times of the runtime")
          .add<&node_options::data>("data", path(), "folder for what must survive")
          .add<&node_options::log>("log", section<log_options>(&log_table), "what is logged, and how")
          .add<&node_options::limits>("limits", section<limit_options>(&limit_table), "bounds of the node");
  return rows;
}

const table<epmd_options>& epmd_table() {
  using mode = epmd_mode;
  static const auto rows =
      table<epmd_options>()
          .add<&epmd_options::mode>("mode",
                                    choice<mode>({{"auto", mode::automatic},
                                                  {"client", mode::client},
                                                  {"serve", mode::serve},
                                                  {"off", mode::off}}),
                                    "auto: serve if nobody does, else be a client, and take over if it dies")
          .add<&epmd_options::address>(
              "address", text("an address", &check_address, address_pattern()),
              "where it listens; auto: the loopback address if the node's host is one, else all")
          .add<&epmd_options::port>("port", whole<std::uint16_t>(1, 65535), "EPMD's port");
  return rows;
}

const table<listen_options>& listen_table() {
  static const auto rows =
      table<listen_options>()
          .add<&listen_options::address>(
              "address", text("an address", &check_address, address_pattern()),
              "where other nodes connect; auto: the loopback address if the node's host is one, else all")
          .add<&listen_options::ports>("ports", ports(), "the first free one is taken; 0: any")
          .add<&listen_options::tls>(
              "tls", tls(tls::role::listener),
              "on: encrypted, with a certificate the node makes for itself; files: with that certificate");
  return rows;
}

const table<allow_options>& allow_table() {
  using texts = list<std::string, text>;
  static const auto rows =
      table<allow_options>()
          .add<&allow_options::rpc>(
              "rpc", texts(text("a text", &check_rpc, rpc_pattern)),
              "functions other nodes may call by rpc; info: the read-only built-in ones; "
              "observer: what OTP's observer and etop ask; env: what applications are configured with; "
              "module:function or module:*: some of those; mod:fun/N => PLUGIN:ACTOR: one that an actor "
              "answers, called with {fun, Argument, …}")
          .add<&allow_options::spawn>("spawn", texts(text("PLUGIN:ACTOR", &check_actor, actor_pattern)),
                                      "actors other nodes may spawn, as coppice:spawn('PLUGIN:ACTOR', Args)")
          .add<&allow_options::start>(
              "start", texts(text("an application", &check_id, id_pattern)),
              "applications other nodes may start and stop, by application:start/1 and stop/1")
          .add<&allow_options::supervise>(
              "supervise", texts(text("a supervisor's name", &check_id, id_pattern)),
              "registered names of supervisors whose children other nodes may start, stop and delete, by "
              "supervisor:start_child/2 and its like; a child they start needs its actor in spawn as well");
  return rows;
}

const table<route_options>& route_table() {
  static const auto rows =
      table<route_options>()
          .add<&route_options::node>("node",
                                     text("a node name", &check_full_node_name, full_node_name_pattern),
                                     "the peer's name, alive@host")
          .needed()
          .add<&route_options::address>("address", text("an address", &check_address_or_host, host_pattern),
                                        "the address or host name to connect to")
          .needed()
          .add<&route_options::port>("port", whole<std::uint16_t>(1, 65535), "the port to connect to")
          .needed()
          .add<&route_options::tls>("tls", tls(tls::role::connects),
                                    "as of a listener; without a route the first listener's")
          .add<&route_options::cookie>("cookie", section<cookie_source>(&cookie_table),
                                       "the cookie for this peer; absent: the node's");
  return rows;
}

const table<compression_options>& compression_table() {
  static const auto rows =
      table<compression_options>()
          .add<&compression_options::level>("level", whole<std::uint32_t>(0, 12),
                                            "of LZ4: 0 is off, 1 the fastest, 12 the smallest")
          .add<&compression_options::threshold>("threshold", size(), "smaller messages go as they are");
  return rows;
}

const table<service_options>& service_table() {
  static const auto rows =
      table<service_options>()
          .add<&service_options::global>("global", flag(), "take part in global")
          .add<&service_options::pg>("pg", list<std::string, text>(text("a scope", &check_registered_name)),
                                     "scopes of pg; those of Phoenix are 'Elixir.Phoenix.PubSub'");
  return rows;
}

const table<distribution_options>& distribution_table() {
  using policy = connect_policy;
  static const auto rows =
      table<distribution_options>()
          .add<&distribution_options::listen>(
              "listen", list<listen_options, section<listen_options>>(section<listen_options>(&listen_table)),
              "where other nodes connect; an empty list: nowhere")
          .add<&distribution_options::ticktime>("ticktime", duration(milliseconds(1000)),
                                                "net_ticktime; must equal the peers'")
          .add<&distribution_options::connect>(
              "connect", choice<policy>({{"auto", policy::automatic}, {"never", policy::never}}),
              "auto: sending to a node connects to it")
          .add<&distribution_options::connect_timeout>("connect_timeout", duration(milliseconds(10)),
                                                       "longest time to set up a connection")
          .add<&distribution_options::allow>("allow", section<allow_options>(&allow_table),
                                             "what other nodes may do beyond messages, links and monitors")
          .add<&distribution_options::routes>(
              "routes", list<route_options, section<route_options>>(section<route_options>(&route_table)),
              "peers reached without EPMD, or with another cookie")
          .add<&distribution_options::peers>(
              "peers",
              list<std::string, text>(text("a node name", &check_full_node_name, full_node_name_pattern)),
              "nodes to connect to and to stay connected to, whatever connect says, as alive@host; this "
              "node's "
              "own name is passed over, so that one list serves all nodes")
          .live()
          .add<&distribution_options::compression>(
              "compression", section<compression_options>(&compression_table), "between Coppice nodes")
          .add<&distribution_options::services>("services", section<service_options>(&service_table),
                                                "services of Erlang's that the node takes part in");
  return rows;
}

const table<cookie_source>& token_table() {
  static const auto rows =
      table<cookie_source>()
          .add<&cookie_source::file>("file", maybe<std::optional<std::string>, path>(path()),
                                     "a file with the token, made with mode 0600 if absent")
          .add<&cookie_source::env>("env",
                                    maybe<std::optional<std::string>, text>(text("the name of a variable")),
                                    "an environment variable with the token")
          .add<&cookie_source::credential>(
              "credential", maybe<std::optional<std::string>, text>(text("the name of a credential")),
              "a systemd credential with the token")
          .check(&check_cookie, {{"minProperties", 1}, {"maxProperties", 1}})
          .prune([](const cookie_source&, json& token) {
            if (token.empty()) token = nullptr;
          });
  return rows;
}

std::string check_host(std::string_view host) {
  const bool good = std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
  return good ? "" : "must be the name of a machine, without a port";
}

const table<http_options>& http_table() {
  static const auto rows =
      table<http_options>()
          .add<&http_options::address>("address", text("an address", &check_address, address_pattern()),
                                       "where it listens")
          .add<&http_options::port>("port", whole<std::uint16_t>(1, 65535), "its port")
          .add<&http_options::tls>("tls", tls(tls::role::public_listener),
                                   "encryption of all of it; beyond loopback page and API need it")
          .add<&http_options::token>("token", section<cookie_source>(&token_table),
                                     "the token that gives a reader of the page and of /api/v1 all rights; "
                                     "absent: none; beyond loopback page and API need one")
          .add<&http_options::rights>(
              "rights",
              list<http_right, choice<http_right>>(choice<http_right>({{"inspect", http_right::inspect},
                                                                       {"state", http_right::state},
                                                                       {"manage", http_right::manage}})),
              "what a reader without the token may do: inspect (names, counts, times), state (states, "
              "arguments, "
              "log lines), manage (all that acts); absent beyond loopback: nothing")
          .add<&http_options::hosts>(
              "hosts", list<std::string, text>(text("a name", &check_host, "^[A-Za-z0-9.-]+$")),
              "further names under which the page is asked for, beside addresses, localhost "
              "and the host of the node's name")
          .add<&http_options::streams>("streams", whole<std::uint32_t>(1, 10'000),
                                       "most readers of /api/v1/stream at once");
  return rows;
}

const table<control_options>& control_table() {
  static const auto rows =
      table<control_options>()
          .add<&control_options::socket>(
              "socket", path("auto"),
              "the control socket; auto: NAME.sock in systemd's $RUNTIME_DIRECTORY, else as root in "
              "/run/coppice, else in $XDG_RUNTIME_DIR/coppice, else in /tmp/coppice-UID")
          .add<&control_options::group>("group", text("a group"), "the group that may use it")
          .add<&control_options::mode>("mode", file_mode(), "its file mode")
          .add<&control_options::http>(
              "http",
              maybe<std::optional<http_options>, section<http_options>>(section<http_options>(&http_table)),
              "the node's page, /api/v1, /metrics, /livez and /readyz over HTTP; absent: off");
  return rows;
}

const table<plugin_options>& plugin_table() {
  static const auto rows =
      table<plugin_options>()
          .add<&plugin_options::path>("path", list<std::string, path>(path()),
                                      "folders with plugins, searched in this order; absent: the "
                                      "installation's own, lib/coppice/plugins of its prefix")
          .add<&plugin_options::isolation>("isolation", isolation_words(),
                                           "process: actors run in a process of their own", later)
          .add<&plugin_options::watch>("watch", flag(), "reload when a plugin's file is replaced")
          .add<&plugin_options::reload_deadline>("reload_deadline", duration(milliseconds(1)),
                                                 "longest time of a reload; then the old generation goes on");
  return rows;
}

} // namespace

const table<node_spec>& configuration() {
  using application = section<application_spec>;
  using optional_cron = maybe<std::shared_ptr<cron_options>, section<cron_options>>;
  static const auto rows =
      table<node_spec>()
          .add<&node_spec::node>("node", section<node_options>(&node_table), "the node itself")
          .needed()
          .add<&node_spec::epmd>("epmd", section<epmd_options>(&epmd_table), "Erlang's port mapper")
          .add<&node_spec::distribution>("distribution", section<distribution_options>(&distribution_table),
                                         "connections to other nodes")
          .add<&node_spec::control>("control", section<control_options>(&control_table),
                                    "how `coppice` reaches the node")
          .add<&node_spec::plugins>("plugins", section<plugin_options>(&plugin_table), "plugin files")
          .add<&node_spec::applications>("applications",
                                         list<application_spec, application>(application(&application_table)),
                                         "the supervision trees")
          .elsewhere()
          .add<&node_spec::events>(
              "events", list<named_event, section<named_event>>(section<named_event>(&named_event_table)),
              "events that processes here and elsewhere may subscribe to by name")
          .live()
          .add<&node_spec::cron>("cron", optional_cron(section<cron_options>(&cron_table)),
                                 "jobs that are done at their times")
          .live();
  return rows;
}

} // namespace coppice::spec
