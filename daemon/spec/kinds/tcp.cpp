// SPDX-License-Identifier: MIT
// The keys of a listener, with the keys of its connections beside them.
#include "spec/kinds/tcp.hpp"

#include <coppice/draft/stream.h>
#include <algorithm>
#include <array>

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/kinds/silence_check.hpp"
#include "spec/kinds/worker_pools.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/place.hpp"
#include "spec/schema/service_paths.hpp"
#include "spec/schema/simple_types.hpp"
#include "spec/schema/tls.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30; // bytes that may wait

std::string check_protocol(std::string_view name) {
  return name.empty() || name.size() > 255 ? "must have 1 to 255 bytes" : "";
}
std::string check_host(std::string_view host) {
  return host.empty() || host.size() > 253 ? "must have 1 to 253 bytes" : "";
}

void erase(json& from, std::initializer_list<const char*> keys) {
  for (const char* key : keys) from.erase(key);
}

void check_read(reader& from, const node& at, read_options& read) {
  no_more_than(from, at, "credit", read.credit, most_bytes);
}

const table<read_options>& read_table() {
  static const auto rows =
      table<read_options>()
          .add<&read_options::credit>("credit", size(),
                                      "bytes that wait for the actor; beyond, nothing is read")
          .add<&read_options::idle>("idle", duration(),
                                    "closed when nothing was read or written for so long; 0s: never")
          .add<&read_options::first_byte>("first_byte", duration(),
                                          "how long a client may take to say anything; 0s: for ever")
          .add<&read_options::frame>("frame", duration(),
                                     "how long a frame that was begun may take; 0s: for ever")
          .check(&check_read);
  return rows;
}

void check_write(reader& from, const node& at, write_options& write) {
  no_more_than(from, at, "high", write.high, most_bytes);
  if (!at.find("low")) write.low = std::min(write.low, write.high / 4);
  if (write.low > write.high) from.error(at, from.path + ".low: must be at most `high`");
}

const table<write_options>& write_table() {
  static const auto rows =
      table<write_options>()
          .add<&write_options::high>(
              "high", size(),
              "bytes that wait for the client; beyond, what the actor writes is refused as full")
          .add<&write_options::low>("low", size(), "once so few are left it is told that there is room")
          .add<&write_options::stall>("stall", duration(),
                                      "closed when the client takes nothing for so long; 0s: never")
          .check(&check_write);
  return rows;
}

} // namespace

const table<access_options>& access_table() {
  using ranges = list<std::string, text>;
  const text range("a range of addresses such as 10.0.0.0/8", &check_address_range);
  static const auto rows =
      table<access_options>()
          .add<&access_options::allow>("allow", ranges(range), "who may connect; empty: everybody")
          .add<&access_options::deny>("deny", ranges(range), "who may not, whatever `allow` says");
  return rows;
}

namespace {

const table<proxy_options>& proxy_table() {
  using ranges = list<std::string, text>;
  static const auto rows =
      table<proxy_options>()
          .add<&proxy_options::accept>("accept",
                                       choice<proxy_header>({{"off", proxy_header::off},
                                                             {"v1", proxy_header::v1},
                                                             {"v2", proxy_header::v2},
                                                             {"either", proxy_header::either}}),
                                       "the version of the header that their connections begin with")
          .add<&proxy_options::from>(
              "from", ranges(text("a range of addresses such as 10.0.0.0/8", &check_address_range)),
              "the proxies; empty: everybody is one. Who connects from elsewhere sends no header");
  return rows;
}

// The service's unit lets a node write in few places. Without the warning the node would fail when it runs.
void warn_of_service(const reader& from, const node& at, const std::string& path) {
  const auto refused = refused_to_service(from.texts->at(at.at.file).folder, path);
  if (refused) from.to->warning(at.at, "path: " + refused->why, refused->remedy);
}

void check_listen(reader& from, const node& at, tcp_listen_options& listen) {
  if (!check_place(from, at, {"path", "socket"})) return;
  if (const node* const path = at.find("path"))
    warn_of_service(from, *path, listen.path);
  else
    without_effect(from, at, "mode", "there is a path");
  if (listen.tls.how == tls_spec::mode::off) without_effect(from, at, "alpn", "there is TLS");
  if (listen.tls.how != tls_spec::mode::files) without_effect(from, at, "sni", "tls is a map");
}

void check_connect(reader& from, const node& at, tcp_connect_options& connect) {
  if (!check_place(from, at, {"path"})) return;
  if (connect.path.empty() && connect.port == 0) from.error(at, from.path + ".port: must be from 1 to 65535");
  if (connect.timeout.count() == 0) from.error(at, from.path + ".timeout: must be more than 0s");
  if (connect.tls.how == tls_spec::mode::off) without_effect(from, at, "alpn", "there is TLS");
  if (!connect.path.empty() && connect.tls.how == tls_spec::mode::files && connect.tls.verify) {
    from.error(*at.find("tls"), from.path + ".tls: a path is no host that a certificate could be for",
               "say verify: none, or connect to an address");
  }
}

void prune_listen(const tcp_listen_options& from, json& listen) {
  if (!from.path.empty() || !from.socket.empty()) erase(listen, {"address", "port"});
  if (from.path.empty()) erase(listen, {"path", "mode"});
  if (from.socket.empty()) erase(listen, {"socket"});
  if (from.tls.how == tls_spec::mode::off) erase(listen, {"alpn"});
  if (from.tls.how != tls_spec::mode::files) erase(listen, {"sni"});
}

void prune_connect(const tcp_connect_options& from, json& connect) {
  from.path.empty() ? erase(connect, {"path"}) : erase(connect, {"address", "port"});
  if (from.tls.how == tls_spec::mode::off) erase(connect, {"alpn"});
}

} // namespace

const table<tcp_listen_options>& tcp_listen_table() {
  using protocols = list<std::string, text>;
  static const auto rows =
      table<tcp_listen_options>()
          .add<&tcp_listen_options::address>(
              "address", text("an address", &check_address, address_pattern()),
              "where it listens: an IPv4 or IPv6 address, 0.0.0.0 or \"::\" for all")
          .add<&tcp_listen_options::port>("port", whole<std::uint16_t>(0, 65535),
                                          "its port; 0: the kernel chooses one, which `coppice info` shows")
          .add<&tcp_listen_options::path>("path", path(), "a Unix-domain socket instead")
          .add<&tcp_listen_options::mode>("mode", file_mode(), "its file mode")
          .add<&tcp_listen_options::socket>(
              "socket", socket_name(),
              "instead one that systemd passes: what its socket unit has as FileDescriptorName=")
          .add<&tcp_listen_options::tls>("tls", tls(tls::role::public_listener),
                                         "on: encrypted, with a certificate the node makes for itself; a "
                                         "map: with that one, and clients are "
                                         "asked for theirs if it has a ca")
          .add<&tcp_listen_options::alpn>("alpn", protocols(text("a protocol's name", &check_protocol)),
                                          "with TLS: protocols that are spoken, the preferred first")
          .add<&tcp_listen_options::sni>("sni", named_certificates(),
                                         "with TLS: certificates for clients that ask for these names")
          .check(&check_listen)
          .prune(&prune_listen);
  return rows;
}

namespace {

const table<tcp_connect_options>& connect_table() {
  using protocols = list<std::string, text>;
  static const auto rows =
      table<tcp_connect_options>()
          .add<&tcp_connect_options::address>("address", text("a host", &check_host),
                                              "to whom: a host's name, or an address")
          .add<&tcp_connect_options::port>("port", whole<std::uint16_t>(1, 65535), "its port")
          .add<&tcp_connect_options::path>("path", path(), "a Unix-domain socket instead")
          .add<&tcp_connect_options::tls>(
              "tls", tls(tls::role::connects),
              "on: encrypted, and whoever answers is believed; a map: the server's certificate is verified")
          .add<&tcp_connect_options::alpn>("alpn", protocols(text("a protocol's name", &check_protocol)),
                                           "with TLS: protocols that are spoken, the preferred first")
          .add<&tcp_connect_options::timeout>("timeout", duration(), "how long one try may take")
          .add<&tcp_connect_options::backoff>("backoff", section<tree::backoff_options>(&backoff_table),
                                              "waits between tries, and when a connection has ended")
          .check(&check_connect)
          .prune(&prune_connect);
  return rows;
}

// Keys that have no effect for an actor that connects.
constexpr std::array<std::string_view, 7> of_listeners{"max_connections", "shed",  "accept_backlog", "access",
                                                       "proxy_protocol",  "drain", "mailbox"};

// Keys of an actor that is made for each connection. Workers of a pool have their own.
constexpr std::array<std::string_view, 4> of_actors{"args", "mailbox", "unhandled", "drain"};

// Prints durations with their unit, and leaves out keys that have no effect.
void prune_tcp(const tcp_options& from, json& tcp) {
  tcp.erase(from.connect ? "listen" : "connect");
  if (from.connect)
    for (const std::string_view key : of_listeners) tcp.erase(std::string(key));
  tcp.erase(from.handlers.empty() ? "handlers" : "actor");
  if (!from.handlers.empty())
    for (const std::string_view key : of_actors) tcp.erase(std::string(key));
  print_durations(tcp, "args", from.durations);
}

// `handlers: { pool: NAME }`
class handlers final : public value_type<std::string> {
 public:
  bool read(reader& from, const node& value, std::string& into) const override {
    static const auto rows =
        table<written>().add<&written::pool>("pool", name(), "the registered name of a pool").needed();
    written given;
    const bool good = rows.read(from, value, given);
    into = std::move(given.pool);
    return good;
  }
  json print(const std::string& value) const override { return {{"pool", value}}; }
  json describe(json&) const override {
    return {
        {"type", "object"},
        {"required", json::array({"pool"})},
        {"properties", {{"pool", {{"type", "string"}, {"description", "the registered name of a pool"}}}}},
        {"additionalProperties", false}};
  }

 private:
  struct written {
    std::string pool;
  };
  static text name() { return text("a name", &check_registered_name, registered_name_pattern); }
};

void check_tcp(reader& from, const node& at, tcp_options& tcp) {
  const bool listens = at.find("listen");
  if (listens == static_cast<bool>(at.find("connect")))
    from.error(at, from.path + ": needs one of 'listen' and 'connect'");
  if (listens && tcp.listen.empty())
    from.error(*at.find("listen"), from.path + ".listen: needs one place at least");
  const bool by_pool = at.find("handlers");
  if (by_pool == static_cast<bool>(at.find("actor")))
    from.error(at, from.path + ": needs one of 'actor' and 'handlers'");
  if (by_pool)
    for (const std::string_view key : of_actors) without_effect(from, at, key, "there is an actor");
  if (!tcp.connect) return;
  without_effect(from, at, "handlers", "it listens");
  for (const std::string_view key : of_listeners) without_effect(from, at, key, "it listens");
}

json tcp_rule() {
  const auto needs = [](std::string_view one, std::string_view other) {
    return json{{"required", json::array({one})}, {"properties", {{other, false}}}};
  };
  return {{"oneOf", json::array({needs("listen", "connect"), needs("connect", "listen")})},
          {"anyOf", json::array({needs("actor", "handlers"), needs("handlers", "actor")})}};
}

// A listener takes the change on for later connections. An actor that connects has one connection, and
// starts anew.
change_effect unless_it_connects(const tcp_options& before, const tcp_options& after) {
  return before.connect && after.connect ? change_effect::restarts : change_effect::live;
}

const table<tcp_options>& tcp_table() {
  using places = list<tcp_listen_options, section<tcp_listen_options>>;
  using optional_connect = maybe<std::optional<tcp_connect_options>, section<tcp_connect_options>>;
  static const auto rows =
      table<tcp_options>()
          .add<&tcp_options::listen>("listen", places(section<tcp_listen_options>(&tcp_listen_table)),
                                     "where clients connect")
          .add<&tcp_options::connect>(
              "connect", optional_connect(section<tcp_connect_options>(&connect_table)),
              "instead: to whom it connects, again whenever the connection has ended; there is one actor")
          .add<&tcp_options::actor>("actor", actor_name(),
                                    "what is made for each connection, and ends with it; of one that "
                                    "connects, who has them all")
          .elsewhere()
          .add<&tcp_options::handlers>("handlers", handlers(),
                                       "instead: the workers of this pool have the connections; a connection "
                                       "that its worker does not take in "
                                       "30 s is closed")
          .add<&tcp_options::args>("args", args_term(), "its arguments, checked against the plugin's schema")
          .add<&tcp_options::max_connections>("max_connections", whole<std::uint32_t>(1, 1'000'000),
                                              "at once, until their sockets are closed; beyond, the address "
                                              "with the most connections loses the "
                                              "one that was quiet for longest, and at least 10 s; where "
                                              "there is none a newcomer waits with the "
                                              "kernel")
          .when(&unless_it_connects)
          .add<&tcp_options::shed>("shed", flag(),
                                   "true: a newcomer that would have to wait is closed at once")
          .add<&tcp_options::accept_backlog>("accept_backlog", whole<std::uint32_t>(1, 65535),
                                             "how many may wait there")
          .add<&tcp_options::frame>("frame", section<frame_options>(&frame_table),
                                    "how bytes are cut into what the actor gets")
          .when(&unless_it_connects)
          .add<&tcp_options::read>("read", section<read_options>(&read_table), "bounds of what comes")
          .when(&unless_it_connects)
          .add<&tcp_options::write>("write", section<write_options>(&write_table), "bounds of what goes")
          .when(&unless_it_connects)
          .add<&tcp_options::keepalive>(
              "keepalive", duration(),
              "silence after which the kernel asks whether the client is there; 0s: "
              "it does not")
          .when(&unless_it_connects)
          .add<&tcp_options::nodelay>("nodelay", flag(),
                                      "true: what is written leaves at once, however little it is; false: "
                                      "the kernel gathers it while the other end has not confirmed what came "
                                      "before (Nagle's algorithm)")
          .when(&unless_it_connects)
          .add<&tcp_options::half_close>("half_close", flag(),
                                         "true: a client that sends no more may be answered still, and the "
                                         "actor is told; false: its connection ends")
          .when(&unless_it_connects)
          .add<&tcp_options::access>("access", section<access_options>(&access_table), "who may connect")
          .when(&unless_it_connects)
          .add<&tcp_options::proxy_protocol>(
              "proxy_protocol", section<proxy_options>(&proxy_table),
              "connections passed on by proxies, which say in a PROXY header whose they are")
          .when(&unless_it_connects)
          .add<&tcp_options::drain>("drain", duration(),
                                    "how long connections may take for what has come, when it stops")
          .when(&unless_it_connects)
          .add<&tcp_options::mailbox>("mailbox", section<mailbox_options>(&mailbox_table),
                                      "bounds of a connection's mailbox")
          .when(&unless_it_connects)
          .add<&tcp_options::unhandled>("unhandled", optional_unhandled(),
                                        "as a child's, of a connection's actor")
          .when(&unless_it_connects)
          .check(&check_tcp, tcp_rule())
          .prune(&prune_tcp);
  return rows;
}

} // namespace

std::vector<listener> stream_listeners(const std::vector<tcp_listen_options>& all) {
  std::vector<listener> out;
  for (const tcp_listen_options& one : all)
    out.push_back({"tcp", one.address, one.port, one.path, one.socket, false});
  return out;
}

void use_tls_of(const std::vector<tcp_listen_options>& all, const std::function<void(const tls_spec&)>& tls,
                const std::function<void(const named_certificate&)>& certificate) {
  for (const tcp_listen_options& one : all) {
    tls(one.tls);
    std::ranges::for_each(one.sni, certificate);
  }
}

namespace {

// Listeners that name a pool. They are checked at the end of the file.
struct pools_that_listeners_name {
  std::vector<std::pair<std::string, place>> all; // names, and where they are written
};

class tcp_of_children final : public kind_of<tcp_options> {
 public:
  tcp_of_children()
      : kind_of("tcp", form{"a listener", "the 'tcp' map"}, &tcp_table,
                "a listener that makes an actor for each connection", compared::by_key) {}
  bool brings_streams() const override { return true; }

 private:
  bool is_one_actor_with(const tcp_options& of) const override { return of.connect.has_value(); }
  void args_of(const tcp_options& of, const use_args& use) const override { use(of.args); }
  std::vector<listener> listeners_of(const tcp_options& of) const override {
    return stream_listeners(of.listen);
  }
  void tls_of(const tcp_options& of, const use_tls& tls, const use_certificate& one) const override {
    use_tls_of(of.listen, tls, one);
    if (of.connect) tls(of.connect->tls);
  }
  void check_options(child_check& with, child_spec& child, tcp_options& of, const node&,
                     const node& written) const override {
    if (!of.handlers.empty())
      with.notes.get<pools_that_listeners_name>().all.emplace_back(of.handlers, written.find("handlers")->at);
    with.notes.get<silence_check>().look(of, written);
    with.check_leaf(child, {of.actor, of.args, of.durations}, written, with.part_of_args());
  }
  // The actor of a listener has callbacks for connections. An actor whose behaviour is tcp stands only where
  // connections, or a program's output, come.
  void check_class(child_check& with, const named_actor& actor) const override {
    if (is_in(actor.child) && !has_streams(actor.type))
      with.to.error(actor.name.at, "the actor '" + actor.type.name + "' takes no connections",
                    "it has no table " + std::string(COPPICE_STREAM_DRAFT_2));
    if (actor.type.behaviour == "tcp" && !brings_streams_to(actor.child))
      with.to.error(actor.name.at, "the actor '" + actor.type.name + "' is one for connections",
                    "it belongs into a 'tcp' or 'port' map");
  }
  // Checks that each pool that a listener names exists, and that its workers take connections.
  void finish(child_check& with) const override {
    with.notes.get<silence_check>().warn(with.to);
    if (!with.with_plugins) return;
    const auto& pools = with.notes.get<worker_pools>().take_streams;
    for (const auto& [name, where] : with.notes.get<pools_that_listeners_name>().all) {
      const auto found = pools.find(name);
      if (found == pools.end())
        with.to.error(where, "handlers: there is no pool of the name " + in_quotes(name));
      else if (!found->second)
        with.to.error(where, "handlers: the workers of " + in_quotes(name) + " take no connections",
                      "their actor has no table " + std::string(COPPICE_STREAM_DRAFT_2));
    }
  }
};

} // namespace

const kind& tcp_kind() {
  static const tcp_of_children made;
  return made;
}

} // namespace coppice::spec
