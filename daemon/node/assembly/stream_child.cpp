// SPDX-License-Identifier: MIT
// Children with streams: listeners and actors that connect, web servers, actors with a program. Any thread.
#include "behaviours/programs/program_kind.hpp"
#include "behaviours/programs/program_spec.hpp"
#include "behaviours/streams/connection_keeper.hpp"
#include "behaviours/streams/connection_kind.hpp"
#include "behaviours/streams/tcp_kind.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/web/web_kind.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/convert.hpp"
#include "node/assembly/named_actor.hpp"
#include "node/assembly/web_site.hpp"
#include "spec/kinds/port.hpp"
#include "spec/kinds/tcp.hpp"
#include "spec/kinds/web.hpp"

namespace coppice::node {
namespace {

using behaviours::child_spec;

net::framing framing(const spec::frame_options& from) {
  net::framing out;
  out.by = from.kind;
  out.max = from.max;
  out.size = from.size;
  out.bytes = static_cast<std::uint8_t>(from.bytes);
  out.at = static_cast<std::uint16_t>(from.offset);
  out.header = static_cast<std::uint16_t>(from.header != 0 ? from.header : from.offset + from.bytes);
  out.includes_header = from.includes_header;
  out.with_header = from.with_header;
  out.little_endian = from.endian == spec::endian::little;
  out.delimiter = from.delimiter;
  return out;
}

net::tls_files tls_files(const spec::tls_spec& from, const std::vector<std::string>& protocols) {
  net::tls_files out;
  out.certificate = from.certificate.value_or("");
  out.key = from.key.value_or("");
  out.authorities = from.ca.value_or("");
  out.verify_peer = from.how == spec::tls_spec::mode::files && from.verify;
  out.allow_tls_1_2 = from.least == spec::tls_spec::version::v1_2;
  out.protocols = protocols;
  return out;
}

behaviours::tcp_place place(const spec::tcp_listen_options& from) {
  using tls = behaviours::tcp_place::tls;
  behaviours::tcp_place out;
  out.path = from.path;
  out.mode = from.mode;
  out.socket = from.socket;
  if (from.path.empty() && from.socket.empty())
    out.address = base::socket_address::parse(from.address, from.port).value_or(base::socket_address());
  out.secured = from.tls.how == spec::tls_spec::mode::off  ? tls::off
                : from.tls.how == spec::tls_spec::mode::on ? tls::automatic
                                                           : tls::files;
  out.files = tls_files(from.tls, from.alpn);
  for (const auto& one : from.sni) out.files.by_name[one.name] = {one.certificate, one.key};
  return out;
}

std::shared_ptr<const behaviours::stream_options> streams(const spec::tcp_options& from) {
  auto out = std::make_shared<behaviours::stream_options>();
  out->framing = framing(from.frame);
  out->credit = from.read.credit;
  out->idle = base::to_nanos(from.read.idle);
  out->first_byte = base::to_nanos(from.read.first_byte);
  out->frame = base::to_nanos(from.read.frame);
  out->high = from.write.high;
  out->low = from.write.low;
  out->stall = base::to_nanos(from.write.stall);
  out->half_close = from.half_close;
  using header = spec::proxy_header;
  const header proxy = from.proxy_protocol.accept;
  if (proxy != header::off)
    out->proxy = proxy == header::v1   ? net::proxy_version::v1
                 : proxy == header::v2 ? net::proxy_version::v2
                                       : net::proxy_version::either;
  out->proxies = base::access_list::parse(from.proxy_protocol.from, {}).value_or(base::access_list());
  out->keepalive = static_cast<std::uint32_t>((from.keepalive.count() + 999) / 1000);
  out->nodelay = from.nodelay;
  return out;
}

// The child that is started for each connection or client. `from` names its actor and has its own options.
template <class Options>
std::shared_ptr<child_spec> one_of_each(const Options& from, const std::string& plugin,
                                        const std::string& behaviour, spec::priority priority) {
  auto out = std::make_shared<child_spec>();
  give_actor(*out, from);
  out->plugin = plugin;
  out->behaviour = behaviour;
  out->mailbox = convert(from.mailbox);
  out->priority = convert(priority);
  return out;
}

std::shared_ptr<const behaviours::child_kind> connected_actor(const spec::tcp_options& from) {
  const spec::tcp_connect_options& to = *from.connect;
  auto out = std::make_shared<behaviours::kept_connection>();
  out->to.host = to.path.empty() ? to.address : to.path;
  out->to.port = to.port;
  out->to.time = base::to_nanos(to.timeout);
  if (to.tls.how != spec::tls_spec::mode::off) out->to.tls.emplace().files = tls_files(to.tls, to.alpn);
  out->to.options = streams(from);
  out->backoff = to.backoff;
  return behaviours::connection_kind(std::move(out));
}

std::shared_ptr<const behaviours::child_kind> listener(const spec::child_spec& of,
                                                       const spec::tcp_options& from) {
  auto out = std::make_shared<behaviours::tcp_spec>();
  for (const auto& one : from.listen) out->listen.push_back(place(one));
  out->handlers = from.handlers;
  if (from.handlers.empty()) out->connection = one_of_each(from, of.plugin, of.behaviour, of.priority);
  out->options = streams(from);
  out->max_connections = from.max_connections;
  out->shed = from.shed;
  out->backlog = static_cast<int>(from.accept_backlog);
  out->access = base::access_list::parse(from.access.allow, from.access.deny).value_or(base::access_list());
  out->drain = base::to_nanos(from.drain);
  return behaviours::tcp_kind(std::move(out));
}

std::shared_ptr<const behaviours::child_kind> program_actor(const spec::port_options& from) {
  auto out = std::make_shared<behaviours::program_spec>();
  base::program_options& run = out->run;
  run.command = from.command;
  if (!from.clean_environment) run.environment = base::passed_environment();
  for (const std::string& one : from.environment) {
    const std::string_view name = std::string_view(one).substr(0, one.find('=') + 1);
    std::erase_if(run.environment, [name](const std::string& other) { return other.starts_with(name); });
    run.environment.push_back(one);
  }
  run.folder = from.directory.value_or("");
  run.kill_after = from.kill_after;
  run.memory = from.limits.memory;
  run.cpu_seconds = static_cast<std::uint64_t>(from.limits.cpu.count() / 1000);
  // A program that takes long over its work must not count as a stalled client.
  auto stream = std::make_shared<behaviours::stream_options>();
  stream->framing = framing(from.frame);
  stream->credit = from.credit;
  stream->frame = 0;
  stream->high = from.write.high;
  stream->low = from.write.low;
  stream->stall = 0;
  out->stream = std::move(stream);
  out->logs_errors = from.errors == spec::port_errors::log;
  return behaviours::program_kind(std::move(out));
}

std::shared_ptr<const behaviours::child_kind> web_server(const spec::child_spec& of,
                                                         const spec::web_options& from) {
  auto out = std::make_shared<behaviours::tcp_spec>();
  auto connection = std::make_shared<child_spec>(); // made by the daemon itself
  connection->priority = convert(of.priority);
  out->connection = std::move(connection);
  for (const auto& one : from.listen) out->listen.push_back(place(one));
  for (auto& one : out->listen)
    if (one.files.protocols.empty()) one.files.protocols = {"http/1.1"};
  out->max_connections = from.limits.connections;
  out->access = base::access_list::parse(from.access.allow, from.access.deny).value_or(base::access_list());
  out->drain = base::to_nanos(from.drain);
  auto site = web_site(from);
  for (std::size_t i = 0; i < from.routes.size(); ++i)
    if (const spec::web_route& route = from.routes[i]; !route.actor.empty())
      site->routes[i].actor = one_of_each(route, route.plugin, route.behaviour, of.priority);
  return behaviours::web_kind({std::move(out), std::move(site)});
}

void give_tcp(const spec::child_spec& from, child_spec& out) {
  const auto* const tcp = from.find<spec::tcp_options>();
  if (tcp == nullptr) return;
  if (tcp->connect) give_actor(out, *tcp);
  out.kind = tcp->connect ? connected_actor(*tcp) : listener(from, *tcp);
}

void give_web(const spec::child_spec& from, child_spec& out) {
  if (const auto* const web = from.find<spec::web_options>()) out.kind = web_server(from, *web);
}

void give_port(const spec::child_spec& from, child_spec& out) {
  const auto* const port = from.find<spec::port_options>();
  if (port == nullptr) return;
  give_actor(out, *port);
  out.kind = program_actor(*port);
}

} // namespace

child_assembly tcp_assembly() {
  return {&give_tcp};
}

child_assembly web_assembly() {
  return {&give_web};
}

child_assembly port_assembly() {
  return {&give_port};
}

} // namespace coppice::node
