// SPDX-License-Identifier: MIT
// The two rooms spell their enumerations alike; each is converted in one place so that neither depends on
// the other's order. Pure.
#include "node/assemble.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "behaviours/consumer_supervisor.hpp"
#include "behaviours/programs/program_spec.hpp"
#include "behaviours/streams/connection_keeper.hpp"
#include "node/machine_memory.hpp"
#include "node/router_term.hpp"
#include "node/stage_term.hpp"
#include "node/udp_child.hpp"
#include "node/web_site.hpp"
#include "spec/port_options.hpp"
#include "spec/web_options.hpp"

namespace coppice::node {
namespace {

using behaviours::child_spec;
using behaviours::supervisor_spec;

behaviours::strategy convert(spec::strategy value) {
  switch (value) {
    case spec::strategy::one_for_one:
      return behaviours::strategy::one_for_one;
    case spec::strategy::one_for_all:
      return behaviours::strategy::one_for_all;
    case spec::strategy::rest_for_one:
      return behaviours::strategy::rest_for_one;
    case spec::strategy::simple_one_for_one:
      return behaviours::strategy::simple_one_for_one;
  }
  return behaviours::strategy::one_for_one;
}

behaviours::restart_type convert(spec::restart value) {
  switch (value) {
    case spec::restart::permanent:
      return behaviours::restart_type::permanent;
    case spec::restart::transient:
      return behaviours::restart_type::transient;
    case spec::restart::temporary:
      return behaviours::restart_type::temporary;
  }
  return behaviours::restart_type::permanent;
}

behaviours::auto_shutdown convert(spec::auto_shutdown value) {
  switch (value) {
    case spec::auto_shutdown::never:
      return behaviours::auto_shutdown::never;
    case spec::auto_shutdown::any_significant:
      return behaviours::auto_shutdown::any_significant;
    case spec::auto_shutdown::all_significant:
      return behaviours::auto_shutdown::all_significant;
  }
  return behaviours::auto_shutdown::never;
}

behaviours::shutdown_limit convert(const spec::shutdown_limit& value) {
  switch (value.how) {
    case spec::shutdown_limit::kind::after:
      return behaviours::shutdown_limit::after(base::to_nanos(value.time));
    case spec::shutdown_limit::kind::brutal_kill:
      return behaviours::shutdown_limit::brutal_kill();
    case spec::shutdown_limit::kind::infinity:
      return behaviours::shutdown_limit::infinity();
  }
  return {};
}

behaviours::application_type convert(spec::application_type value) {
  switch (value) {
    case spec::application_type::permanent:
      return behaviours::application_type::permanent;
    case spec::application_type::transient:
      return behaviours::application_type::transient;
    case spec::application_type::temporary:
      return behaviours::application_type::temporary;
  }
  return behaviours::application_type::temporary;
}

runtime::on_full convert(spec::on_full value) {
  switch (value) {
    case spec::on_full::park_sender:
      return runtime::on_full::park_sender;
    case spec::on_full::drop_new:
      return runtime::on_full::drop_new;
    case spec::on_full::drop_old:
      return runtime::on_full::drop_old;
    case spec::on_full::exit:
      return runtime::on_full::exit;
  }
  return runtime::on_full::park_sender;
}

runtime::priority convert(spec::priority value) {
  switch (value) {
    case spec::priority::low:
      return runtime::priority::low;
    case spec::priority::normal:
      return runtime::priority::normal;
    case spec::priority::high:
      return runtime::priority::high;
    case spec::priority::max:
      return runtime::priority::max;
  }
  return runtime::priority::normal;
}

behaviours::pool_dispatch convert(spec::pool_dispatch value) {
  switch (value) {
    case spec::pool_dispatch::least_loaded:
      return behaviours::pool_dispatch::least_loaded;
    case spec::pool_dispatch::round_robin:
      return behaviours::pool_dispatch::round_robin;
    case spec::pool_dispatch::hash:
      return behaviours::pool_dispatch::hash;
    case spec::pool_dispatch::broadcast:
      return behaviours::pool_dispatch::broadcast;
  }
  return behaviours::pool_dispatch::least_loaded;
}

behaviours::pool_overload convert(spec::pool_overload value) {
  switch (value) {
    case spec::pool_overload::reply_error:
      return behaviours::pool_overload::reply_error;
    case spec::pool_overload::drop_new:
      return behaviours::pool_overload::drop_new;
    case spec::pool_overload::drop_old:
      return behaviours::pool_overload::drop_old;
    case spec::pool_overload::park_sender:
      return behaviours::pool_overload::park_sender;
  }
  return behaviours::pool_overload::reply_error;
}

runtime::postponed_bound convert(const spec::postponed_options& value) {
  using overflow = runtime::postponed_bound::overflow;
  switch (value.on_full) {
    case spec::postponed_overload::exit:
      break;
    case spec::postponed_overload::drop_new:
      return {value.limit, overflow::drop_new};
    case spec::postponed_overload::drop_old:
      return {value.limit, overflow::drop_old};
  }
  return {value.limit, overflow::exit};
}

runtime::unhandled convert(spec::unhandled value) {
  switch (value) {
    case spec::unhandled::exit:
      return runtime::unhandled::exit;
    case spec::unhandled::reply_error:
      return runtime::unhandled::reply_error;
    case spec::unhandled::log:
      return runtime::unhandled::log;
    case spec::unhandled::ignore:
      return runtime::unhandled::ignore;
  }
  return runtime::unhandled::exit;
}

runtime::mailbox_bounds convert(const spec::mailbox_options& from) {
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(from.limit, 16'000'000)), from.bytes,
          convert(from.on_full)};
}

std::optional<behaviours::backoff_options> convert(const std::optional<spec::backoff_options>& from) {
  if (!from) return std::nullopt;
  return behaviours::backoff_options{base::to_nanos(from->first), base::to_nanos(from->max), from->jitter};
}

runtime::message convert(const spec::encoded_term& term) {
  return term.empty() ? runtime::message() : runtime::message::copy_of(term);
}

std::shared_ptr<const supervisor_spec> convert(const spec::supervisor_spec& from) {
  auto out = bare_supervisor(from);
  for (const spec::child_spec& one : from.children) out->children.push_back(child(one));
  return out;
}

std::optional<base::nanos> stop_bound(const supervisor_spec& of) {
  using kind = behaviours::shutdown_limit::kind;
  base::nanos sum = 0;
  for (const auto& child : of.children) {
    if (child->shutdown.how == kind::after) sum += child->shutdown.time;
    if (child->shutdown.how != kind::infinity) continue;
    const auto inner = child->supervisor ? stop_bound(*child->supervisor) : std::nullopt;
    if (!inner) return std::nullopt;
    sum += *inner;
  }
  return sum;
}

std::uint32_t bounded(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
}

} // namespace

runtime::system_options runtime_options(const spec::node_spec& spec) {
  runtime::system_options out;
  out.node_name = spec.node.name;
  out.nodes.connected = bounded(spec.node.limits.connections);
  out.workers = bounded(spec.node.workers.value_or(0));
  out.processes = bounded(spec.node.limits.processes);
  out.parked_stacks = bounded(spec.node.limits.parked_stacks.value_or(0));
  out.memory = message_memory(spec.node.limits.memory);
  out.park = base::to_nanos(spec.node.runtime.park);
  out.linger = base::to_nanos(spec.node.runtime.linger);
  out.watchdog = base::to_nanos(spec.node.runtime.watchdog);
  out.blocking_threads = spec.node.runtime.blocking_threads;
  out.stack_bytes = static_cast<std::size_t>(spec.node.runtime.stack);
  return out;
}

base::log::level convert(spec::log_level of) {
  switch (of) {
    case spec::log_level::trace:
      return base::log::level::trace;
    case spec::log_level::debug:
      return base::log::level::debug;
    case spec::log_level::info:
      return base::log::level::info;
    case spec::log_level::notice:
      return base::log::level::notice;
    case spec::log_level::warning:
      return base::log::level::warning;
    case spec::log_level::error:
      return base::log::level::error;
  }
  return base::log::level::info;
}

base::log::settings log_settings(const spec::node_spec& spec) {
  const spec::log_options& from = spec.node.log;
  base::log::settings out;
  out.level = convert(from.level);
  for (const auto& one : from.modules) out.modules.emplace_back(one.module, convert(one.level));
  out.rate = {from.rate.per_source.value_or(0), from.rate.burst};
  out.messages = from.messages;
  for (const auto& one : from.files)
    out.files.push_back({one.path, convert(one.level), one.rotate.bytes, one.rotate.keep});
  return out;
}

std::shared_ptr<const behaviours::event_manager_spec> events(const spec::event_manager_options& from) {
  auto out = std::make_shared<behaviours::event_manager_spec>();
  for (const spec::event_handler_options& one : from.handlers) {
    behaviours::event_handler_spec& made = out->handlers.emplace_back();
    runtime::message_writer name;
    name.tuple(2);
    name.atom(one.actor);
    name.atom(one.id);
    made.name = name.take();
    made.actor = one.actor;
    made.args = convert(one.args);
    made.permanent = one.restart == spec::handler_restart::permanent;
    if (one.unhandled) made.unhandled = convert(*one.unhandled);
  }
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  if (from.slow_after) out->slow_after = base::to_nanos(*from.slow_after);
  out->backlog = {from.backlog.limit, from.backlog.bytes,
                  from.backlog.on_full == spec::backlog_overload::exit
                      ? behaviours::event_overload::exit
                      : behaviours::event_overload::drop_new};
  out->limit = from.limit;
  return out;
}

std::shared_ptr<child_spec> bare_child(const spec::child_spec& from) {
  const auto made = std::make_shared<child_spec>();
  child_spec& out = *made;
  out.id = runtime::message::atom(from.id);
  out.actor = from.actor;
  out.plugin = from.plugin;
  out.behaviour = from.behaviour;
  out.name = from.name;
  out.restart = convert(from.restart);
  out.significant = from.significant;
  if (from.start_timeout) out.start_timeout = base::to_nanos(*from.start_timeout);
  out.shutdown = convert(from.shutdown);
  out.backoff = convert(from.backoff);
  out.mailbox = convert(from.mailbox);
  out.priority = convert(from.priority);
  if (from.compression)
    out.compression = runtime::sent_compressed::at(from.compression->level, from.compression->threshold);
  if (from.unhandled) out.unhandled = convert(*from.unhandled);
  if (from.statem) out.postponed = convert(from.statem->postponed);
  if (from.stage) out.options = stage_term(*from.stage, from.behaviour);
  if (from.router) out.options = router_term(*from.router);
  if (from.consumer_supervisor) {
    spec::stage_options consumer;
    consumer.subscribe_to = from.consumer_supervisor->subscribe_to;
    out.options = stage_term(consumer, "consumer");
  }
  out.args = convert(from.args);
  if (from.event_manager) out.events = events(*from.event_manager);
  return made;
}

namespace {

std::shared_ptr<const behaviours::pool_spec> pool_itself(const spec::pool_options& from) {
  auto out = std::make_shared<behaviours::pool_spec>();
  out->dispatch = convert(from.dispatch);
  out->key = from.key;
  out->in_flight = from.in_flight;
  out->queue_limit = from.queue.limit;
  out->queue_wait = from.queue.wait ? base::to_nanos(*from.queue.wait) : runtime::no_deadline;
  out->on_full = convert(from.queue.on_full);
  const bool retries = from.on_worker_death == spec::worker_death::retry_once;
  out->on_death =
      retries ? behaviours::on_worker_death::retry_once : behaviours::on_worker_death::reply_error;
  out->drain = base::to_nanos(from.drain);
  out->max = from.max.value_or(0);
  out->idle = base::to_nanos(from.idle);
  return out;
}

// Numbered from 1.
std::shared_ptr<const supervisor_spec> pool_workers(const spec::child_spec& pool) {
  const spec::pool_options& from = *pool.pool;
  auto out = std::make_shared<supervisor_spec>();
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  child_spec worker;
  worker.actor = from.actor;
  worker.plugin = pool.plugin;
  worker.behaviour = pool.behaviour;
  worker.shutdown = convert(from.shutdown);
  if (pool.start_timeout) worker.start_timeout = base::to_nanos(*pool.start_timeout);
  worker.backoff = convert(from.backoff);
  worker.mailbox = convert(from.mailbox);
  worker.priority = convert(pool.priority);
  if (from.unhandled) worker.unhandled = convert(*from.unhandled);
  worker.args = convert(from.args);
  for (std::uint32_t number = 1; number <= from.size; ++number) {
    runtime::message_writer id;
    id.unsigned_integer(number);
    worker.id = id.take();
    out->children.push_back(std::make_shared<const child_spec>(worker));
  }
  return out;
}

// A template of what is started for each event.
std::shared_ptr<const supervisor_spec> event_children(const spec::child_spec& of) {
  const spec::consumer_supervisor_options& from = *of.consumer_supervisor;
  auto out = std::make_shared<supervisor_spec>();
  out->strategy = behaviours::strategy::simple_one_for_one;
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  auto one = std::make_shared<child_spec>();
  one->id = runtime::message::atom(behaviours::consumer_supervisor::event_key);
  one->actor = from.child.actor;
  one->plugin = of.plugin;
  one->behaviour = of.behaviour;
  one->restart = convert(from.child.restart);
  one->shutdown = convert(from.child.shutdown);
  if (of.start_timeout) one->start_timeout = base::to_nanos(*of.start_timeout);
  one->mailbox = convert(from.child.mailbox);
  one->priority = convert(of.priority);
  if (from.child.unhandled) one->unhandled = convert(*from.child.unhandled);
  one->args = convert(from.child.args);
  out->children.push_back(std::move(one));
  return out;
}

net::framing convert(const spec::frame_options& from) {
  static constexpr std::array kinds{net::framing::kind::none, net::framing::kind::line,
                                    net::framing::kind::fixed, net::framing::kind::length,
                                    net::framing::kind::delimiter};
  net::framing out;
  out.by = kinds[static_cast<std::size_t>(from.kind)];
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

behaviours::tcp_place convert(const spec::tcp_listen_options& from) {
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

std::shared_ptr<const behaviours::stream_options> convert_streams(const spec::tcp_options& from);

std::shared_ptr<const behaviours::kept_connection> connection(const spec::tcp_options& from) {
  const spec::tcp_connect_options& to = *from.connect;
  auto out = std::make_shared<behaviours::kept_connection>();
  out->to.host = to.path.empty() ? to.address : to.path;
  out->to.port = to.port;
  out->to.time = base::to_nanos(to.timeout);
  if (to.tls.how != spec::tls_spec::mode::off) out->to.tls.emplace().files = tls_files(to.tls, to.alpn);
  out->to.options = convert_streams(from);
  out->backoff = {base::to_nanos(to.backoff.first), base::to_nanos(to.backoff.max), to.backoff.jitter};
  return out;
}

std::shared_ptr<const behaviours::stream_options> convert_streams(const spec::tcp_options& from) {
  auto out = std::make_shared<behaviours::stream_options>();
  out->framing = convert(from.frame);
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

std::shared_ptr<const behaviours::tcp_spec> listener(const spec::child_spec& of) {
  const spec::tcp_options& from = *of.tcp;
  auto out = std::make_shared<behaviours::tcp_spec>();
  auto connection = std::make_shared<child_spec>();
  connection->actor = from.actor;
  connection->plugin = of.plugin;
  connection->behaviour = of.behaviour;
  connection->mailbox = convert(from.mailbox);
  connection->priority = convert(of.priority);
  if (from.unhandled) connection->unhandled = convert(*from.unhandled);
  connection->args = convert(from.args);
  for (const auto& one : from.listen) out->listen.push_back(convert(one));
  out->handlers = from.handlers;
  if (from.handlers.empty()) out->connection = std::move(connection);
  out->options = convert_streams(from);
  out->max_connections = from.max_connections;
  out->shed = from.shed;
  out->backlog = static_cast<int>(from.accept_backlog);
  out->access = base::access_list::parse(from.access.allow, from.access.deny).value_or(base::access_list());
  out->drain = base::to_nanos(from.drain);
  return out;
}

std::shared_ptr<const behaviours::program_spec> program(const spec::port_options& from) {
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
  // Who takes long over its work is no client that holds a connection up.
  auto stream = std::make_shared<behaviours::stream_options>();
  stream->framing = convert(from.frame);
  stream->credit = from.credit;
  stream->frame = 0;
  stream->high = from.write.high;
  stream->low = from.write.low;
  stream->stall = 0;
  out->stream = std::move(stream);
  out->logs_errors = from.errors == spec::port_errors::log;
  return out;
}

// Nothing: the route has none.
std::shared_ptr<const child_spec> client_actor(const spec::web_route& from, spec::priority priority) {
  if (from.actor.empty()) return nullptr;
  auto out = std::make_shared<child_spec>();
  out->actor = from.actor;
  out->plugin = from.plugin;
  out->behaviour = from.behaviour;
  out->mailbox = convert(from.mailbox);
  out->priority = convert(priority);
  if (from.unhandled) out->unhandled = convert(*from.unhandled);
  out->args = convert(from.args);
  return out;
}

// What it is made for a connection is the daemon's own.
std::shared_ptr<const behaviours::tcp_spec> web_server(const spec::child_spec& of) {
  const spec::web_options& from = *of.web;
  auto out = std::make_shared<behaviours::tcp_spec>();
  auto connection = std::make_shared<child_spec>();
  connection->priority = convert(of.priority);
  out->connection = std::move(connection);
  for (const auto& one : from.listen) out->listen.push_back(convert(one));
  for (auto& one : out->listen)
    if (one.files.protocols.empty()) one.files.protocols = {"http/1.1"};
  out->max_connections = from.limits.connections;
  out->access = base::access_list::parse(from.access.allow, from.access.deny).value_or(base::access_list());
  out->drain = base::to_nanos(from.drain);
  auto site = web_site(from);
  for (std::size_t i = 0; i < from.routes.size(); ++i)
    site->routes[i].actor = client_actor(from.routes[i], of.priority);
  out->web = std::move(site);
  return out;
}

} // namespace

std::shared_ptr<child_spec> child(const spec::child_spec& from) {
  auto out = bare_child(from);
  if (from.udp) {
    out->actor = from.udp->actor;
    out->args = convert(from.udp->args);
    if (from.udp->unhandled) out->unhandled = convert(*from.udp->unhandled);
    give_sockets(*out, *from.udp);
  }
  if (from.tcp && from.tcp->connect) {
    out->actor = from.tcp->actor;
    out->args = convert(from.tcp->args);
    if (from.tcp->unhandled) out->unhandled = convert(*from.tcp->unhandled);
    out->connection = connection(*from.tcp);
  } else if (from.tcp) {
    out->tcp = listener(from);
  }
  if (from.web != nullptr) out->tcp = web_server(from);
  if (from.port != nullptr) {
    out->actor = from.port->actor;
    out->args = convert(from.port->args);
    if (from.port->unhandled) out->unhandled = convert(*from.port->unhandled);
    out->program = program(*from.port);
  }
  if (from.pool) {
    out->supervisor = pool_workers(from);
    out->pool = pool_itself(*from.pool);
    if (from.pool->queue.on_full == spec::pool_overload::park_sender)
      out->mailbox = {from.pool->queue.limit, 0, runtime::on_full::park_sender};
  }
  if (from.consumer_supervisor) out->supervisor = event_children(from);
  if (from.supervisor) out->supervisor = convert(*from.supervisor);
  return out;
}

std::shared_ptr<supervisor_spec> bare_supervisor(const spec::supervisor_spec& from) {
  auto out = std::make_shared<supervisor_spec>();
  out->name = from.name;
  out->strategy = convert(from.strategy);
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  const bool give_up = from.on_exceeded == spec::on_exceeded::give_up;
  out->on_exceeded = give_up ? behaviours::on_exceeded::give_up : behaviours::on_exceeded::escalate;
  out->auto_shutdown = convert(from.auto_shutdown);
  return out;
}

behaviours::application_spec bare_application(const spec::application_spec& from) {
  behaviours::application_spec out;
  out.name = from.name;
  out.type = convert(from.type);
  out.depends_on = from.depends_on;
  out.max_runtime = from.max_runtime ? base::to_nanos(*from.max_runtime) : 0;
  out.env = convert(from.env);
  return out;
}

behaviours::application_spec application(const spec::application_spec& from) {
  behaviours::application_spec out = bare_application(from);
  out.top = convert(from.supervisor);
  return out;
}

std::vector<behaviours::application_spec> applications(const spec::node_spec& spec) {
  std::vector<behaviours::application_spec> out;
  for (const spec::application_spec& from : spec.applications) out.push_back(application(from));
  return out;
}

std::optional<base::nanos> stop_bound(const std::vector<behaviours::application_spec>& applications) {
  base::nanos sum = 0;
  for (const behaviours::application_spec& one : applications) {
    const auto bound = stop_bound(*one.top);
    if (!bound) return std::nullopt;
    sum += *bound;
  }
  return sum;
}

} // namespace coppice::node
