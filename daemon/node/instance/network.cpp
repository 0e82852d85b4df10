// SPDX-License-Identifier: MIT
// A node that starts registers its name with EPMD before anything else can reach it. If another node holds
// that name the start fails, as with erl. Later changes (EPMD died, or was taken over) are handled by the
// embedded EPMD and show in the status. Threads: see the header.
#include "node/instance/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.hpp"
#include "base/promise.hpp"
#include "dist/node_name.hpp"
#include "node/environment/cookie.hpp"
#include "node/environment/message_memory.hpp"
#include "node/environment/secrecy.hpp"

namespace coppice::node {
namespace {

// How long a start waits for EPMD's first answer. The node starts also if EPMD does not answer.
constexpr std::chrono::seconds epmd_patience{3};
// Time for a task on a worker, which may be stuck in an actor's code.
constexpr std::chrono::seconds worker_patience{2};

// Other nodes may fill limits.memory / unfinished_share with unfinished messages.
constexpr std::uint64_t unfinished_share = 4;

bool has_cookie(const spec::cookie_source& source) {
  return source.file.has_value() || source.env.has_value() || source.credential.has_value();
}

using tls_result = base::result<std::shared_ptr<net::tls_source>>;

// Null: tls is off.
tls_result make_tls(const spec::tls_spec& from, const spec::node_spec& spec) {
  if (from.how == spec::tls_spec::mode::off) return std::shared_ptr<net::tls_source>();
  if (from.how == spec::tls_spec::mode::on) {
    const auto name = dist::parse_node_name(spec.node.name);
    if (!name) return unexpected(name.error());
    return net::tls_source::automatic(spec.node.data + "/tls", {std::string(name->host)});
  }
  return net::tls_source::open({from.certificate.value_or(""), from.key.value_or(""), from.ca.value_or(""),
                                from.verify, from.least == spec::tls_spec::version::v1_2});
}

base::result<dist::options> router_options(const spec::node_spec& spec, std::string cookie) {
  dist::options out;
  if (auto done = check_secrecy(spec, cookie); !done) return unexpected(std::move(done.error()));
  out.cookie = std::move(cookie);
  out.visible = spec.node.visibility == spec::visibility::visible;
  out.connect = spec.distribution.connect == spec::connect_policy::automatic;
  out.ticktime = spec.distribution.ticktime;
  out.connect_timeout = spec.distribution.connect_timeout;
  out.epmd_port = spec.epmd.port;
  out.term_limits.bytes = spec.node.limits.term_bytes;
  out.term_limits.depth = spec.node.limits.term_depth;
  out.unfinished_limit = message_memory(spec.node.limits.memory) / unfinished_share;
  out.connections = spec.node.limits.connections;
  out.relations = spec.node.limits.peer_relations;
  out.compression = {spec.distribution.compression.level,
                     static_cast<std::size_t>(spec.distribution.compression.threshold)};
  for (const spec::route_options& from : spec.distribution.routes) {
    dist::route route{from.node, from.address, from.port, std::nullopt, nullptr};
    auto tls = make_tls(from.tls, spec);
    if (!tls) return unexpected(std::move(tls.error()).context("route to " + from.node));
    route.tls = std::move(*tls);
    if (has_cookie(from.cookie)) {
      auto own = find_cookie(from.cookie);
      if (!own) return unexpected(std::move(own.error()).context("route to " + from.node));
      route.cookie = std::move(own->value);
    }
    if (auto done = check_secrecy(from.tls, route.cookie.value_or(out.cookie)); !done)
      return unexpected(std::move(done.error()).context("route to " + from.node));
    out.routes.push_back(std::move(route));
  }
  // EPMD tells other nodes only the first listener. Connections to other nodes therefore use its TLS as
  // well.
  if (!spec.distribution.listen.empty()) {
    auto tls = make_tls(spec.distribution.listen.front().tls, spec);
    if (!tls) return unexpected(std::move(tls.error()).context("distribution.listen"));
    out.tls = std::move(*tls);
  }
  return out;
}

services::options service_options(const spec::node_spec& spec, node_services carried_out,
                                  std::shared_ptr<services::kept_peers> peers) {
  services::options out;
  out.peers = std::move(peers);
  out.cron = std::move(carried_out.jobs);
  out.events = carried_out.events;
  out.leads = carried_out.leads;
  out.global = spec.distribution.services.global;
  out.rpc = spec.distribution.allow.rpc;
  out.spawn = spec.distribution.allow.spawn;
  out.start = spec.distribution.allow.start;
  out.pg = spec.distribution.services.pg;
  out.bounds = {spec.node.limits.peer_groups, spec.node.limits.peer_names, spec.node.limits.peer_locks};
  return out;
}

epmd::mode convert(spec::epmd_mode mode) {
  switch (mode) {
    case spec::epmd_mode::automatic:
      return epmd::mode::automatic;
    case spec::epmd_mode::client:
      return epmd::mode::client;
    case spec::epmd_mode::serve:
      return epmd::mode::serve;
    case spec::epmd_mode::off:
      return epmd::mode::off;
  }
  return epmd::mode::automatic;
}

std::string_view state_text(dist::peer_state state) {
  switch (state) {
    case dist::peer_state::down:
      return "down";
    case dist::peer_state::connecting:
      return "connecting";
    case dist::peer_state::connected:
      return "connected";
  }
  return "";
}

} // namespace

base::result<std::unique_ptr<network>> network::make(runtime::system& host, const spec::node_spec& spec,
                                                     std::string cookie, node_services carried_out,
                                                     net::socket_store* sockets) {
  auto options = router_options(spec, std::move(cookie));
  if (!options) return unexpected(std::move(options.error()));
  options->sockets = sockets;
  return std::unique_ptr<network>(new network(host, spec, std::move(*options), std::move(carried_out)));
}

network::network(runtime::system& host, const spec::node_spec& spec, dist::options options,
                 node_services carried_out)
    : host_(host),
      spec_(spec),
      router_(host, std::move(options)),
      peers_(std::make_shared<services::kept_peers>(router_, std::string(host.node_name()))),
      services_(host, router_, service_options(spec, std::move(carried_out), peers_)) {
  host_.set_router(&router_);
  keep_peers(spec);
}

network::~network() = default;

bool network::on_first_worker(work task, std::chrono::milliseconds patience) {
  const auto done = std::make_shared<base::promise<bool>>();
  auto ran = done->result();
  const bool posted = host_.post(0, [done, task = std::move(task)] { task([done] { done->give(true); }); });
  return posted && ran.take_within(patience).has_value();
}

base::status network::start(std::function<void()> services_gone) {
  if (auto started = services_.start(std::move(services_gone)); !started)
    return unexpected(std::move(started.error()).context("services"));
  std::vector<dist::listen_at> places;
  for (const spec::listen_options& one : spec_.distribution.listen) {
    auto address = base::socket_address::parse(one.address, 0);
    if (!address) return unexpected(std::move(address.error()).context("distribution.listen"));
    // The TLS of the first listener is also used for connections to other nodes.
    auto tls = places.empty() ? tls_result(router_.settings().tls) : make_tls(one.tls, spec_);
    if (!tls) return unexpected(std::move(tls.error()).context("distribution.listen"));
    places.push_back({*address, {one.ports.first, one.ports.last}, std::move(*tls)});
  }
  for (const dist::listen_at& one : places) tls_.add(one.tls);
  for (const dist::route& one : router_.settings().routes) tls_.add(one.tls);
  certificates_ = std::make_unique<certificate_watch>(tls_);
  if (!on_first_worker(
          [this](const std::function<void()>& done) {
            certificates_->start(host_.loop(0));
            done();
          },
          worker_patience))
    return base::fail(base::errc::timeout, "certificates: the first worker does not run");
  auto opened = router_.listen(places);
  if (!opened) return unexpected(std::move(opened.error()).context("distribution.listen"));
  {
    const std::scoped_lock held(lock_);
    for (std::size_t i = 0; i < places.size(); ++i) {
      listening_.push_back((*opened)[i].to_string() + (places[i].tls ? " tls" : ""));
    }
  }
  if (!opened->empty()) {
    const bool loopback_only =
        std::ranges::all_of(*opened, [](const base::socket_address& one) { return one.is_loopback(); });
    if (auto known = start_epmd(opened->front(), loopback_only); !known) return known;
  }
  peers_->begin();
  return {};
}

base::status network::start_epmd(const base::socket_address& first, bool loopback_only) {
  if (spec_.epmd.mode == spec::epmd_mode::off) return {};
  const auto name = dist::parse_node_name(spec_.node.name);
  if (!name) return unexpected(name.error());
  auto address = base::socket_address::parse(spec_.epmd.address, spec_.epmd.port);
  if (!address) return unexpected(std::move(address.error()).context("epmd.address"));
  epmd::embedded_options options;
  options.mode = convert(spec_.epmd.mode);
  options.address = *address;
  options.loopback_only = loopback_only;
  options.node.name = name->alive;
  options.node.port = first.port();
  options.node.type =
      spec_.node.visibility == spec::visibility::visible ? epmd::visible_node : epmd::hidden_node;

  options.sockets = router_.settings().sockets;
  const auto started = std::make_shared<base::status>();
  const bool ran = on_first_worker(
      [this, started, options](const std::function<void()>& done) {
        epmd_ = std::make_unique<epmd::embedded>(host_.loop(0), options, [this] { epmd_moved(); });
        *started = epmd_->start();
        epmd_moved();
        done();
      },
      worker_patience);
  if (!ran) return base::fail(base::errc::timeout, "epmd: the first worker does not run");
  if (!*started) return unexpected(std::move(started->error()).context("epmd"));
  std::unique_lock held(lock_);
  const auto said = [this] { return epmd_state_ != epmd::embedded::state::starting; };
  epmd_changed_.wait_for(held, epmd_patience, said);
  if (epmd_state_ != epmd::embedded::state::waiting || epmd_error_.code != base::errc::exists) return {};
  return base::fail(base::errc::exists,
                    fmt::format("the name {} is in use by another node known to EPMD ({}): choose another "
                                "name, or stop that node",
                                name->alive, epmd_error_.text));
}

void network::epmd_moved() {
  const std::scoped_lock held(lock_);
  const std::string before = std::exchange(epmd_text_, epmd_->text());
  epmd_state_ = epmd_->current();
  epmd_error_ = epmd_->last_error();
  if (epmd_text_ != before) base::log::info("node", "epmd: {}", epmd_text_); // not at each attempt
  epmd_changed_.notify_all();
}

void network::stop() {
  const auto wind_up = [this](std::function<void()> done) {
    epmd_ ? epmd_->wind_up(std::move(done)) : done();
  };
  const auto end = [this](const std::function<void()>& done) {
    if (certificates_) certificates_->stop();
    if (epmd_) epmd_->stop();
    epmd_.reset();
    done();
  };
  const bool wound_up = on_first_worker(wind_up, worker_patience);
  const bool ended =
      on_first_worker(end, worker_patience); // also if the first worker had no time for wind_up
  if (!wound_up || !ended)
    base::log::warning("node", "the first worker does not run: EPMD forgets this node when it is gone");
  router_.stop();
}

std::vector<std::string> network::listening() const {
  const std::scoped_lock held(lock_);
  return listening_;
}

std::string network::epmd_text() const {
  const std::scoped_lock held(lock_);
  return epmd_text_;
}

std::vector<certificate_status> network::certificates() const {
  return certificates_ ? certificates_->all() : std::vector<certificate_status>();
}

std::vector<peer_status> network::peers() const {
  std::vector<peer_status> out;
  for (const dist::peer_info& from : router_.peers()) {
    peer_status& one = out.emplace_back();
    one.name = from.name;
    one.state = state_text(from.state);
    if (from.state != dist::peer_state::down) one.direction = from.outgoing ? "out" : "in";
    one.hidden = from.hidden;
    one.tls = from.tls;
    one.bytes_in = from.bytes_in;
    one.bytes_out = from.bytes_out;
    one.messages_in = from.messages_in;
    one.messages_out = from.messages_out;
    one.queued_bytes = from.queued;
    one.dropped = from.dropped;
    one.silent_ticks = from.silent_ticks;
    one.since = from.since;
    one.heard = from.heard;
    one.losses = from.losses;
    one.kept = from.kept;
    one.held = from.barred;
    one.last_error = from.last_error;
  }
  return out;
}

void network::keep_peers(const spec::node_spec& spec) {
  peers_->change(spec.distribution.peers);
}

base::result<std::shared_ptr<net::tls_source>> network::open_tls(const spec::tls_spec& of) {
  auto made = make_tls(of, spec_);
  if (made) tls_.add(*made);
  return made;
}

base::status network::disconnect(std::string_view name) {
  const auto none = [name] {
    return base::fail(base::errc::not_found, "no connection to " + std::string(name));
  };
  const bool holds = peers_->hold(name);
  const auto index = host_.nodes().find(name);
  if (!index || *index == 0) return none();
  auto ended = router_.disconnect(*index);
  if (!ended && holds && ended.error().code == base::errc::not_found) return {}; // the peer stays away
  return ended;
}

} // namespace coppice::node
