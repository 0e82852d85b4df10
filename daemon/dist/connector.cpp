// SPDX-License-Identifier: MIT
// Connecting on demand: attempts, their turns, and giving a peer up. Accepted connections are in
// accepting.cpp.
#include "dist/connector.hpp"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "base/log_event.hpp"
#include "dist/flags.hpp"
#include "runtime/find_processes.hpp"

namespace coppice::dist {
namespace {

constexpr const char* module = "dist";
constexpr std::size_t kinds_of_strangers = 16; // lines about never-connected nodes, in ten seconds

} // namespace

base::error disconnected_by_hand() {
  return {base::errc::refused, "disconnected by hand"};
}

connector::connector(runtime::system& system, const options& chosen, peer_table& peers,
                     local_notices& notices, const std::atomic<bool>& stopping, attach_fn attach)
    : system_(system),
      options_(chosen),
      peers_(peers),
      notices_(notices),
      stopping_(stopping),
      attach_(std::move(attach)),
      places_(chosen.attempts,
              [this](std::uint32_t node, net::lookup_cause cause) { return start_waiting(node, cause); }) {}

local_node connector::ourselves() const {
  return {std::string(system_.node_name()), flag::offered | (options_.visible ? flag::published : 0),
          system_.creation()};
}

// A peer whose handshake is being accepted is connecting already: a second connection would end the first,
// because the peer considers it established a moment before we do.
base::status connector::begin(peer& p) {
  if (stopping_) return base::fail(base::errc::closed, "this node stops");
  if (!options_.connect && !p.kept) {
    return base::fail(base::errc::refused, "not connected, and distribution.connect is never");
  }
  p.state = peer_state::connecting;
  if (p.last.since == 0) p.last.since = base::wall_now();
  p.connect_by = base::mono_now() + std::chrono::nanoseconds(options_.connect_timeout).count();
  bool comes = false;
  {
    const std::lock_guard guard(admissions_lock_);
    comes = admissions_.contains(p.name);
  }
  if (!comes) return open_attempt(p);
  yield(p);
  return {};
}

// On the home worker, under the peer's lock; state connecting.
base::status connector::open_attempt(peer& p) {
  if (p.barred) return unexpected(disconnected_by_hand());
  const std::chrono::nanoseconds left(p.connect_by - base::mono_now());
  if (left <= left.zero())
    return base::fail(base::errc::timeout, "the peer said it connects to us, and did not");
  const net::lookup_cause cause = cause_of(p);
  auto place = place_for_attempt(p, cause);
  if (place == nullptr) {
    p.yield_timer = std::make_unique<base::uv::timer>(system_.loop(here()), [this, &p] {
      give_up(p, {base::errc::limit, "too many nodes that were never connected are being connected to"});
    });
    p.yield_timer->start(std::chrono::ceil<std::chrono::milliseconds>(left));
    return {};
  }
  auto made = attempt::connect(system_.loop(here()), *this, options_, ourselves(), p.name, p.index, cause,
                               p.brought_by, std::chrono::ceil<std::chrono::milliseconds>(left));
  if (!made) return unexpected(std::move(made.error()));
  p.outgoing = made->get();
  p.yield_timer.reset();
  (*made)->hold(std::move(place));
  keep_attempt(std::move(*made));
  return {};
}

// Under the peer's lock. Whether the configuration names the node, or it was connected before.
bool connector::is_own_affair(const peer& p) const {
  return p.kept || p.last.creation != 0 || find_route(options_, p.name) != nullptr;
}

// Under the peer's lock.
net::lookup_cause connector::cause_of(const peer& p) const {
  using net::lookup_cause;
  if (is_own_affair(p)) return lookup_cause::own;
  if (!p.askers.empty() || (p.waiting.empty() && p.watchers.empty())) return lookup_cause::own;
  const auto is_actor = [this](const runtime::pid& who) {
    return who.here() && runtime::is_of_node(system_, who) == false;
  };
  for (const auto& item : p.waiting)
    if (is_actor(item->what->from)) return lookup_cause::actor;
  for (const auto& [who, times] : p.watchers)
    if (is_actor(who)) return lookup_cause::actor;
  return lookup_cause::others;
}

// On the home worker, under the peer's lock.
std::shared_ptr<void> connector::place_for_attempt(const peer& p, net::lookup_cause cause) {
  if (is_own_affair(p)) return {this, [](void*) {}};
  return places_.take(cause, cause == net::lookup_cause::others ? p.brought_by : 0, p.index);
}

bool connector::start_waiting(std::uint32_t index, net::lookup_cause cause) {
  if (stopping_) return true;
  const peer* const p = peers_.find(index);
  if (p == nullptr) return false;
  system_.post(p->home.load(), [this, index, cause] { resume_connecting(index, cause); });
  return true;
}

void connector::resume_connecting(std::uint32_t index, net::lookup_cause cause) {
  peer* const p = peers_.find(index);
  if (p == nullptr) return places_.start_next(cause);
  const unsigned home = p->home.load();
  if (system_.current_worker() != static_cast<int>(home)) {
    system_.post(home, [this, index, cause] { resume_connecting(index, cause); });
    return;
  }
  bool needed = false;
  base::status begun;
  {
    const std::lock_guard guard(p->lock);
    needed = p->index == index && p->state == peer_state::connecting && !p->established &&
             p->outgoing == nullptr && !p->yields;
    if (needed) begun = open_attempt(*p);
  }
  if (!needed) return places_.start_next(cause);
  if (!begun) give_up(*p, begun.error());
}

// An attempt under that name is coming from the other side and gets a moment to succeed. On the home worker,
// under the peer's lock; state connecting.
void connector::yield(peer& p) {
  p.yields = true;
  p.yield_timer = std::make_unique<base::uv::timer>(system_.loop(here()), [this, &p] { stop_yielding(p); });
  p.yield_timer->start(options_.yield_time);
}

void connector::stop_yielding(peer& p) {
  const unsigned home = p.home.load();
  if (system_.current_worker() != static_cast<int>(home)) {
    system_.post(home, [this, &p] { stop_yielding(p); });
    return;
  }
  base::status begun;
  {
    const std::lock_guard guard(p.lock);
    if (!p.yields || p.established) return;
    p.yields = false;
    p.yield_timer.reset();
    begun = stopping_ ? base::fail(base::errc::closed, "this node stops") : open_attempt(p);
  }
  if (!begun) give_up(p, begun.error());
}

void connector::connect_at_home(peer& p, std::uint32_t node) {
  const unsigned home = p.home.load();
  if (system_.current_worker() != static_cast<int>(home)) {
    system_.post(home, [this, &p, node] { connect_at_home(p, node); });
    return;
  }
  base::status begun;
  {
    const std::lock_guard guard(p.lock);
    if (p.index != node || p.state != peer_state::down) return;
    begun = begin(p);
  }
  if (!begun) give_up(p, begun.error());
}

void connector::give_up(peer& p, const base::error& why) {
  std::vector<std::unique_ptr<routed>> waiting;
  node_watchers watchers;
  std::vector<runtime::reference> askers;
  std::vector<resting_sender> resting;
  bool said_before = stopping_;
  bool stranger = false; // never connected: any node may have made its name up
  std::string name;
  std::uint32_t node = 0;
  {
    const std::lock_guard guard(p.lock);
    if (p.established) return;
    name = p.name;
    node = p.index.load();
    said_before = said_before || p.last.last_error == why.text;
    stranger = p.last.creation == 0 && !p.kept;
    p.state = peer_state::down;
    p.yields = false;
    p.yield_timer.reset();
    if (p.last.since == 0) p.last.since = base::wall_now();
    p.last.last_error = why.text;
    waiting = std::exchange(p.waiting, {});
    for (const auto& item : waiting) p.backlog.fetch_sub(item->bytes(), std::memory_order_relaxed);
    p.waiting_bytes = 0;
    resting = std::exchange(p.resting, {});
    watchers = std::exchange(p.watchers, {});
    askers = std::exchange(p.askers, {});
  }
  // Repeated failures to reach a node are logged once.
  const auto level = said_before ? base::log::level::debug : base::log::level::warning;
  if (stranger) {
    const auto kind = std::hash<std::string>{}(name) % kinds_of_strangers;
    base::log::counted(level, module, fmt::format("not connected: {}", kind), "{}: not connected: {}", name,
                       why.text);
  } else {
    base::log::tell(base::log::events::not_connected, level, module,
                    {{"peer", std::string(name)}, {"reason", why.text}}, "{}: not connected: {}", name,
                    why.text);
  }
  for (const auto& item : waiting) notices_.bounce(item->to, *item->what);
  notices_.wake(resting);
  notices_.tell_watchers(node, name, watchers);
  notices_.tell_askers(askers, false);
}

void connector::failed(attempt& done, const base::error& why) {
  const auto worker = here();
  if (!done.outgoing()) {
    // one of two simultaneous attempts has to go; the admission limit counts those that it closed
    const bool expected = why.code == base::errc::exists || done.made_room();
    base::log::counted(expected ? base::log::level::debug : base::log::level::warning, module,
                       fmt::format("refused: {}", static_cast<int>(why.code)),
                       "connection from {} refused: {}", done.who(), why.text);
    const std::string admitted = done.admitted();
    forget_attempt(worker, done.number());
    end_admission(admitted);
    return;
  }
  peer* const p = peers_.find(done.peer_index()); // null: superseded, and its slot was reused since
  bool ours = false;
  bool yields = false;
  if (p != nullptr) {
    const std::lock_guard guard(p->lock);
    ours = p->outgoing == &done;
    if (ours) p->outgoing = nullptr;
    yields = ours && why.code == base::errc::exists && !p->established;
    if (yields) yield(*p);
  }
  forget_attempt(worker, done.number());
  if (ours && !yields) give_up(*p, why);
}

void connector::established(attempt& done, const peer_node& who, net::stream stream,
                            std::vector<std::uint8_t> leftover) {
  stream.place().settle();
  auto come = std::make_shared<finished_handshake>();
  come->who = who;
  come->certified = done.certified();
  come->stream = std::move(stream);
  come->stream.set_handler(*come);
  come->leftover = std::move(leftover);
  come->outgoing = done.outgoing();
  come->admitted = done.admitted();
  if (peer* const p = done.outgoing() ? peers_.find(done.peer_index()) : nullptr; p != nullptr) {
    const std::lock_guard guard(p->lock);
    if (p->outgoing == &done) p->outgoing = nullptr; // it stays connecting until attached
  }
  forget_attempt(here(), done.number());
  attach_(come);
}

void connector::keep_attempt(std::unique_ptr<attempt> made) {
  const std::uint64_t number = made->number();
  workers_[here()].attempts.emplace(number, std::move(made));
}

void connector::forget_attempt(unsigned worker, std::uint64_t number) {
  if (system_.current_worker() != static_cast<int>(worker)) {
    system_.post(worker, [this, worker, number] { forget_attempt(worker, number); });
    return;
  }
  workers_[worker].attempts.erase(number);
}

void connector::close_on(unsigned worker) {
  if (worker >= workers_.size()) return;
  workers_[worker].listeners.clear();
  workers_[worker].attempts.clear();
  workers_[worker].pacer.reset();
}

} // namespace coppice::dist
