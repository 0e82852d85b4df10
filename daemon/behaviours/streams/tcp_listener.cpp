// SPDX-License-Identifier: MIT
// See tcp_listener.hpp. Below libuv a connection is only noted; its actor is made in the listener's turn.
#include "behaviours/streams/tcp_listener.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>

#include "base/bound.hpp"
#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "base/socket_mark.hpp"
#include "behaviours/gen/stream_taker.hpp"
#include "behaviours/streams/actor_streams.hpp"
#include "behaviours/streams/given_stream.hpp"
#include "behaviours/streams/stream_loop.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/order.hpp"
#include "net/listening/socket_store.hpp"
#include "net/tls/tls_sources.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view suspend_tag = "$coppice_tcp_suspend";
constexpr std::string_view resume_tag = "$coppice_tcp_resume";
// How many actors are made in one turn.
const base::bound<std::size_t> at_once("tcp: actors made in a turn", 64);
constexpr base::nanos most_of_stop = 5 * base::nanos_per_second; // for an actor that is told to stop

std::string host_of(std::string_view node) {
  const auto at = node.find('@');
  return std::string(at == node.npos ? node : node.substr(at + 1));
}

std::string shown_place(const tcp_place& where, const net::listener& socket) {
  if (!where.path.empty()) return where.path;
  const base::socket_address at = socket.address();
  const std::string address = at == base::socket_address() ? std::string() : at.to_string();
  if (where.socket.empty()) return address;
  return address.empty() ? where.socket : where.socket + " " + address;
}

} // namespace

message tcp_listener::suspend_request() {
  return message::atom(suspend_tag);
}
message tcp_listener::resume_request() {
  return message::atom(resume_tag);
}

tcp_listener::tcp_listener(std::shared_ptr<const tcp_spec> spec, std::shared_ptr<const supervision> shared,
                           message env, std::string label, std::string_view shown_as)
    : kind_(shown_as),
      spec_(std::move(spec)),
      shared_(std::move(shared)),
      sockets_(shared_->resources.find<net::socket_store>()),
      env_(std::move(env)),
      label_(std::move(label)) {}

tcp_listener::~tcp_listener() = default;

outcome tcp_listener::init(process& self) {
  self.trap_exit(true);
  began_ = self.now();
  limit_ = std::make_shared<net::connection_limit>(spec().max_connections);
  on_worker_.resize(self.host().workers());
  if (auto done = open(self); !done) {
    message_writer why;
    why.tuple(2);
    why.atom("listen");
    why.binary(done.error().text);
    close();
    return runtime::stop(why.take());
  }
  if (const auto* const drain = shared_->resources.find<node_drain>(); drain != nullptr && drain->is_on)
    set_suspended(true);
  if (auto* const board = shared_->resources.find<metrics::board>())
    on_board_ = board->enter({{"listener", label_}}, counters_);
  base::log::info(kind_, "{} listens at {}", label_, shown_places());
  return runtime::carry_on();
}

std::string tcp_listener::shown_places() const {
  std::string all;
  for (const place& one : places_) all += (all.empty() ? "" : ", ") + one.shown;
  return all;
}

base::status tcp_listener::open(process& self) {
  for (const tcp_place& one : spec().listen)
    if (auto done = open(self, one); !done) return done;
  return {};
}

base::status tcp_listener::open(process& self, const tcp_place& where) {
  place made;
  if (where.secured != tcp_place::tls::off) {
    const auto* const folder = shared_->resources.find<certificate_folder>();
    auto source = where.secured == tcp_place::tls::files
                      ? net::tls_source::open(where.files)
                      : net::tls_source::automatic(folder == nullptr ? std::string() : folder->path,
                                                   {host_of(self.host().node_name())}, where.files.protocols);
    if (!source) return unexpected(std::move(source.error()));
    made.tls = std::move(*source);
    if (auto* const all = shared_->resources.find<net::tls_sources>()) all->add(made.tls);
  }
  net::listen_options options;
  options.backlog = spec().backlog;
  options.access = spec().access;
  options.limit = limit_;
  options.shed = spec().shed;
  options.on_refusal = [this] { count_refused(); };
  const auto taken = [this, &self, at = places_.size()](net::accepted_socket socket) {
    accepted(self, std::move(socket), at);
  };
  uv_loop_t* const loop = self.stay();
  const std::uint16_t port = where.address.port();
  // A listener whose port the kernel chose would take any kept socket, also one of another listener.
  if (port != 0 || !where.path.empty()) options.kept = {sockets_, std::string(net::sockets_of_actors), true};
  if (!where.socket.empty() && sockets_ == nullptr)
    return base::fail(base::errc::not_found, "listen on the socket " + where.socket + ": none is passed");
  auto socket = !where.socket.empty() ? net::listener::named(loop, *sockets_, where.socket, options, taken)
                : where.path.empty()
                    ? net::listener::tcp(loop, where.address, {port, port}, options, taken)
                    : net::listener::unix_socket(loop, {where.path, where.mode | base::leads_to_actors},
                                                 options, taken);
  if (!socket) return unexpected(std::move(socket.error()));
  made.socket = std::move(*socket);
  made.shown = shown_place(where, made.socket);
  if (made.tls != nullptr) made.shown += " tls";
  places_.push_back(std::move(made));
  return {};
}

// Called below libuv.
void tcp_listener::accepted(process& self, net::accepted_socket socket, std::size_t at) {
  counters_->accepted.add();
  arrivals_.push_back({std::move(socket), at});
  ask_for_turn(self);
}

// Asks for a turn if connections wait for their actors.
void tcp_listener::ask_for_turn(process& self) {
  if (!arrivals_.empty() && !std::exchange(asked_, true)) self.request_io();
}

outcome tcp_listener::take_io(process& self) {
  asked_ = false;
  for (std::size_t made = 0; made < at_once && !arrivals_.empty(); ++made) {
    arrival next = std::move(arrivals_.front());
    arrivals_.pop_front();
    start_actor(self, std::move(next));
  }
  ask_for_turn(self);
  return runtime::carry_on();
}

void tcp_listener::start_actor(process& self, arrival one) {
  const place& at = places_[one.at];
  accepted_stream stream;
  if (at.tls != nullptr && (stream.tls = at.tls->server()) == nullptr) return counters_->failed.add();
  const net::connection_slot slot = one.socket.slot;
  stream.socket = std::move(one.socket);
  stream.options = spec().options;
  stream.counters = counters_;
  if (!spec().handlers.empty())
    return self.hand(runtime::destination::named(spec().handlers),
                     stream_loop::of(self.stay()).parcel(std::move(stream)));
  auto actor = make_actor(self, std::move(stream));
  if (!actor) {
    counters_->failed.add();
    return tell_no_actor(actor.error().text);
  }
  const child_spec& what = *spec().connection;
  const auto fewest = std::ranges::min_element(on_worker_);
  runtime::spawn_options options;
  options.label = label_;
  options.link = true;
  options.priority = what.priority;
  options.mailbox = what.mailbox;
  options.compression = what.compression;
  options.worker = static_cast<int>(fewest - on_worker_.begin());
  const auto made = self.spawn(std::move(options), std::move(*actor));
  if (!made) {
    counters_->failed.add();
    return tell_no_actor(made.error().text);
  }
  ++*fewest;
  connections_[*made] = {static_cast<std::uint32_t>(fewest - on_worker_.begin()), slot};
  counters_->open.add();
}

// Called for every such connection, so the log line is limited.
void tcp_listener::tell_no_actor(std::string_view why) const {
  base::log::counted(base::log::level::error, kind_, fmt::format("{} no actor", label_),
                     "{}: no actor for a connection: {}", label_, why);
}

base::result<std::unique_ptr<runtime::behaviour>> tcp_listener::make_actor(process& self,
                                                                           accepted_stream stream) const {
  const child_spec& what = *spec().connection;
  auto actor = self.host().factory()->make({.actor = what.actor,
                                            .args = what.args,
                                            .env = env_,
                                            .label = label_,
                                            .unhandled = what.unhandled,
                                            .secrets = what.secrets});
  if (!actor) return actor;
  stream_taker* const taker = (*actor)->as_stream_taker();
  if (taker == nullptr) return base::fail(base::errc::invalid, "it takes no streams");
  taker->begin_with(std::move(stream));
  return actor;
}

void tcp_listener::ended(const runtime::pid& pid, const message& reason) {
  auto gone = connections_.take(pid);
  if (!gone) return;
  --on_worker_[gone->worker];
  counters_->open.subtract();
  if (!runtime::is_orderly(reason)) counters_->crashed.add();
  gone.reset(); // frees the connection's slot
  for (place& one : places_) one.socket.look_again();
}

outcome tcp_listener::take_info(process& self, const message& m) {
  if (gen::exit_notice gone; gen::is_exit(m.bytes()) && gen::read_exit(self, m, gone))
    ended(gone.from, gone.reason);
  return runtime::carry_on();
}

outcome tcp_listener::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  const message asked = whole.slice(request);
  const bool here = self.origin().here();
  message answer;
  if (here && (runtime::is_atom(asked, suspend_tag) || runtime::is_atom(asked, resume_tag))) {
    set_suspended(runtime::is_atom(asked, suspend_tag));
    answer = message::atom("ok");
  } else if (here && is_order(asked)) {
    answer = adopt(asked);
  } else {
    answer = gen::unknown_request(self, from, "a listener takes no such request");
  }
  gen::reply(self, from, std::move(answer));
  return runtime::carry_on();
}

void tcp_listener::set_suspended(bool on) {
  suspended_ = on;
  counters_->suspended.store(on, std::memory_order_relaxed);
  for (place& one : places_) on ? one.socket.suspend() : one.socket.resume();
}

bool tcp_listener::is_order(const message& asked) const {
  etf::cursor at(asked.bytes());
  std::string_view what;
  return shared_->orders != nullptr && at.read_tuple_of(2) && at.read_atom(what) &&
         what == pending_orders::tag;
}

// The new specification holds for connections that come from now on.
message tcp_listener::adopt(const message& asked) {
  auto next = adopted(shared_->orders->take(asked.bytes()));
  if (next == nullptr) return runtime::error_message(message::atom("no_such_order"));
  spec_ = std::move(next);
  limit_->set_most(spec().max_connections);
  for (place& one : places_) {
    one.socket.set_access(spec().access);
    one.socket.set_shed(spec().shed);
    one.socket.look_again();
  }
  return message::atom("ok");
}

std::shared_ptr<const tcp_spec> tcp_listener::adopted(const std::any& order) {
  const auto* const mine = std::any_cast<tcp_order>(&order);
  return mine == nullptr ? nullptr : mine->spec;
}

std::string_view tcp_listener::draining_notice() const {
  return drain_notice;
}

void tcp_listener::count_refused() const {
  std::uint64_t denied = 0, shed = 0;
  for (const place& one : places_) {
    denied += one.socket.counts().refused;
    shed += one.socket.counts().shed;
  }
  counters_->denied.set(denied);
  counters_->shed.set(shed);
}

void tcp_listener::close() noexcept {
  places_.clear();
  arrivals_.clear();
}

bool tcp_listener::wait_for_all(process& self, base::nanos until) {
  while (connections_.size() != 0) {
    runtime::pid next;
    connections_.for_each([&](const runtime::pid& one, const connection&) { next = one; });
    const runtime::reference gone = self.monitor(next, true);
    const auto end = self.await(gone, until);
    if (!end && end.error().what != runtime::await_error::kind::down) return false;
    static_cast<void>(connections_.take(next));
  }
  return true;
}

void tcp_listener::terminate(process& self, const message&) {
  close();
  const auto tell = [&](auto how) {
    connections_.for_each([&](const runtime::pid& one, const connection&) { how(one); });
  };
  const std::string_view notice = draining_notice();
  tell([&](const runtime::pid& one) { self.notify(one, message::atom(notice)); });
  if (wait_for_all(self, base::mono_now() + spec().drain)) return;
  tell([&](const runtime::pid& one) { self.exit(one, runtime::reasons::shutdown()); });
  if (wait_for_all(self, base::mono_now() + most_of_stop)) return;
  tell([&](const runtime::pid& one) { self.exit(one, message::atom("kill")); });
}

// A map of listening, suspended, short_of_descriptors, max_connections, uptime_ms, the numbers of
// tcp_counters, and `ended`: a map of how many have ended in which way.
message tcp_listener::write_report(process& self) {
  count_refused();
  const std::pair<std::string_view, std::uint64_t> numbers[] = {
      {"open", counters_->open.value()},
      {"max_connections", spec().max_connections},
      {"waiting", arrivals_.size()},
      {"accepted", counters_->accepted.value()},
      {"denied", counters_->denied.value()},
      {"shed", counters_->shed.value()},
      {"failed", counters_->failed.value()},
      {"crashed", counters_->crashed.value()},
      {"bytes_read", counters_->read.value()},
      {"bytes_written", counters_->written.value()},
      {"uptime_ms", static_cast<std::uint64_t>(base::to_milliseconds(self.now() - began_).count())}};
  message_writer out(512);
  out.map(static_cast<std::uint32_t>(std::size(numbers)) + 4 + own_pairs());
  write_own_pairs(out);
  out.atom("listening");
  out.list(static_cast<std::uint32_t>(places_.size())); // nothing if there are none
  for (const place& one : places_) out.binary(one.shown);
  out.nil();
  out.atom("suspended");
  out.atom(suspended_ ? "true" : "false");
  out.atom("short_of_descriptors");
  const auto is_short = [](const place& one) { return one.socket.short_of_descriptors(); };
  out.atom(std::ranges::any_of(places_, is_short) ? "true" : "false");
  for (const auto& [name, value] : numbers) {
    out.atom(name);
    out.unsigned_integer(value);
  }
  out.atom("ended");
  out.map(stream_ends);
  for (std::size_t how = 0; how < stream_ends; ++how) {
    out.atom(text(static_cast<stream_end>(how)));
    out.unsigned_integer(counters_->ended[how].value());
  }
  return out.take();
}

} // namespace coppice::behaviours
