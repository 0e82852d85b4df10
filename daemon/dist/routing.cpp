// SPDX-License-Identifier: MIT
// The way of a signal for another node: it is pushed into the peer's outbox. The thread with the duty to
// drain it does so on the peer's home worker, into the connection if there is one, else into the queue of
// signals that wait for a connection. Each sender's order is kept because there is one queue and one drainer.
// Signals that cannot be delivered come back as in Erlang: links and monitors end with noconnection, messages
// are lost.
#include <algorithm>
#include <utility>

#include "base/bound.hpp"
#include "dist/router.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::dist {
namespace {

using runtime::make_signal;
using runtime::signal_kind;

// Rounds of draining before the worker's other work has its turn.
const base::bound<int> drain_rounds("dist: rounds of draining in a turn", 16, 2);

// Whether a connection is opened for the signal, as in Erlang. Signals that end a relation, or answer, open
// none, because the relation ended with the connection.
bool opens_connection(const runtime::signal& what) {
  switch (what.kind) {
    case signal_kind::message:
    case signal_kind::exit2:
    case signal_kind::link:
    case signal_kind::monitor:
    case signal_kind::group_leader:
    case signal_kind::spawn_request:
      return true;
    default:
      return false;
  }
}

} // namespace

void router::route(const runtime::destination& to, runtime::signal_ptr what) {
  peer* const p = peers_.find(to.node());
  if (p == nullptr) return notices_.bounce(to, *what);
  connection* const open = open_here(*p);
  if (open == nullptr || what->payload().size() > packer::longest_short_payload || !p->out.is_idle())
    return push(*p, to, std::move(what));
  open->send(to, std::move(what));
  p->unsent.store(open->unsent(), std::memory_order_relaxed);
}

bool router::route_ahead(const runtime::destination& to, runtime::signal_ptr what) {
  peer* const p = peers_.find(to.node());
  if (p == nullptr || p->state.load() != peer_state::connected) return false;
  if (connection* const open = open_here(*p)) {
    open->send_ahead(to, std::move(what));
    p->unsent.store(open->unsent(), std::memory_order_relaxed);
    return true;
  }
  const auto drains = p->out.push_ahead(to, std::move(what));
  if (drains == true) drain_at_home(*p);
  return drains.has_value();
}

// The connection, if it belongs to this thread; then a signal needs no queue, because no other thread drains
// meanwhile. A peer that moves to this worker is open again only when this thread has attached it, so an
// older connection is never returned.
connection* router::open_here(const peer& p) const {
  connection* const open = p.open.load(std::memory_order_acquire);
  const bool at_home = static_cast<int>(p.home.load(std::memory_order_relaxed)) == system_.current_worker();
  return at_home ? open : nullptr;
}

void router::push(peer& p, const runtime::destination& to, runtime::signal_ptr what) {
  p.backlog.fetch_add(routed::weight_of(*what), std::memory_order_relaxed);
  if (p.out.push(to, std::move(what))) drain_at_home(p);
}

bool router::connected(std::uint32_t node) const {
  const peer* p = peers_.find(node);
  return p != nullptr && p->state.load() == peer_state::connected;
}

bool router::takes_bare_calls(std::uint32_t node) const {
  const peer* p = peers_.find(node);
  return p != nullptr && p->bare_calls.load(std::memory_order_relaxed);
}

// Busy peers and their senders -----------------------------------------------------------------------------

bool router::is_busy(const peer& p) const {
  return p.backlog.load(std::memory_order_relaxed) + p.unsent.load(std::memory_order_relaxed) >
         options_.busy_limit;
}

bool router::busy(std::uint32_t node) const {
  const peer* p = peers_.find(node);
  return p != nullptr && is_busy(*p);
}

bool router::rest(std::uint32_t node, const runtime::pid& who, std::uint64_t number) {
  peer* const p = peers_.find(node);
  if (p == nullptr) return false;
  const std::lock_guard guard(p->lock);
  if (p->index != node || !is_busy(*p) || stopping_) return false;
  p->resting.push_back({who, number});
  return true;
}

std::vector<resting_sender> router::rested(peer& p) {
  if (p.resting.empty() || is_busy(p)) return {};
  return std::exchange(p.resting, {});
}

void router::drained(connection& of) {
  peer& p = *peers_.find(of.peer_index());
  std::vector<resting_sender> awake;
  {
    const std::lock_guard guard(p.lock);
    p.unsent.store(of.unsent(), std::memory_order_relaxed);
    awake = rested(p);
  }
  notices_.wake(awake);
}

// Draining ------------------------------------------------------------------------------------------------

void router::drain_at_home(peer& p) {
  const unsigned home = p.home.load();
  if (system_.current_worker() == static_cast<int>(home)) return drain(p);
  system_.post(home, [this, &p] { drain_at_home(p); });
}

// For the thread with the duty to drain, on the home worker.
void router::drain(peer& p) {
  queue refused;
  base::status begun;
  bool again = false;
  std::vector<resting_sender> awake;
  {
    const std::lock_guard guard(p.lock);
    if (p.ends) {
      p.ends->drains = true;
      return;
    }
    if (p.home.load() == here()) {
      int rounds = 0;
      do {
        pass_ahead(p);
        p.out.take_all(p.taken);
        for (auto& each : p.taken) pass_on(p, each, refused);
        p.taken.clear();
        if (++rounds == drain_rounds) break;
      } while (!p.out.try_idle(!p.established || !p.established->has_large()));
      again = rounds == drain_rounds;
      if (p.established) p.unsent.store(p.established->unsent(), std::memory_order_relaxed);
      awake = rested(p);
      if (p.state == peer_state::down && !p.waiting.empty()) begun = connector_.begin(p);
    } else {
      again = true; // the peer has moved to another worker, and the duty follows
    }
  }
  notices_.wake(awake);
  for (const auto& item : refused) notices_.bounce(item->to, *item->what);
  if (!begun) connector_.give_up(p, begun.error());
  if (again) system_.post(p.home.load(), [this, &p] { drain_at_home(p); });
}

// Under the peer's lock. Frames made for a connection that is gone are lost.
void router::pass_on(peer& p, outbox::entry& taken, queue& refused) {
  if (taken.one.what != nullptr && taken.one.to.node() != p.index) {
    // The node's slot was reused after the sender found the peer.
    p.backlog.fetch_sub(taken.one.bytes(), std::memory_order_relaxed);
    return refused.push_back(std::make_unique<routed>(std::move(taken.one)));
  }
  if (taken.one.what != nullptr && p.open.load(std::memory_order_relaxed) == nullptr)
    return enqueue(p, std::make_unique<routed>(std::move(taken.one)), refused);
  if (taken.one.what != nullptr) {
    p.backlog.fetch_sub(taken.one.bytes(), std::memory_order_relaxed);
    return p.established->send(taken.one.to, std::move(taken.one.what));
  }
  p.backlog.fetch_sub(taken.many.weight, std::memory_order_relaxed);
  if (p.established && p.generation == taken.many.generation)
    p.established->send(std::move(taken.many));
  else
    notices_.count_lost(taken.many.messages);
}

// Under the peer's lock. Messages of the lane for a connection that is gone are lost. The lane has no order,
// so its messages do not wait for those that were sent before there was a connection.
void router::pass_ahead(peer& p) {
  std::vector<routed> ahead;
  p.out.take_ahead(ahead);
  for (routed& one : ahead) {
    if (p.established && one.to.node() == p.index)
      p.established->send_ahead(one.to, std::move(one.what));
    else
      notices_.count_lost(1);
  }
}

// Under the peer's lock, while it is not open. While a connection is attached, nothing is refused: it goes
// behind what waited for the connection, and begin_traffic() sends all of it.
void router::enqueue(peer& p, std::unique_ptr<routed> item, queue& refused) {
  const std::size_t size = item->bytes();
  const bool refuses = (item->what->flags & runtime::signal::no_connect) != 0;
  const bool needless = p.state == peer_state::down && p.waiting.empty() && !opens_connection(*item->what);
  const bool full = p.waiting_bytes > options_.queue_limit;
  if (!p.established && (refuses || needless || full)) {
    p.backlog.fetch_sub(size, std::memory_order_relaxed);
    refused.push_back(std::move(item));
    return;
  }
  p.waiting_bytes += size;
  p.waiting.push_back(std::move(item));
}

// Watching and asking -------------------------------------------------------------------------------------

void router::monitor_node(const runtime::pid& watcher, std::uint32_t node, bool on) {
  peer* const p = peers_.find(node);
  std::unique_lock<std::mutex> guard;
  if (p != nullptr) guard = std::unique_lock(p->lock);
  if (p == nullptr || p->index != node) {
    guard = {};
    node_watchers only;
    only.add(watcher, [](const runtime::pid&) { return true; });
    if (on) notices_.tell_watchers(node, system_.nodes().name(node), only);
    return;
  }
  if (!on) {
    if (!p->watchers.remove(watcher) && p->ends) p->ends->watchers.remove(watcher);
    return;
  }
  p->watchers.add(watcher, [this](const runtime::pid& who) { return system_.alive(who); });
  const bool down = p->state == peer_state::down;
  guard.unlock();
  if (down) connector_.connect_at_home(*p, node);
}

void router::connect(std::uint32_t node, const runtime::reference& ref) {
  peer* const p = peers_.find(node);
  if (p == nullptr) return notices_.tell_askers({ref}, false);
  bool connected = false;
  bool gone = false;
  {
    const std::lock_guard guard(p->lock);
    gone = p->index != node;
    connected = !gone && p->established != nullptr;
    if (!gone && !connected && ref) p->askers.push_back(ref);
  }
  if (gone || connected) return notices_.tell_askers({ref}, connected);
  connector_.connect_at_home(*p, node);
}

base::status router::disconnect(std::uint32_t node, std::string why) {
  peer* p = peers_.find(node);
  const std::string name = system_.nodes().name(node);
  if (p == nullptr) return base::fail(base::errc::not_found, "'" + name + "' is not connected");
  std::uint64_t generation = 0;
  {
    const std::lock_guard guard(p->lock);
    if (p->index != node || !p->established)
      return base::fail(base::errc::not_found, "'" + name + "' is not connected");
    generation = p->generation;
  }
  end_at_home(*p, generation, {base::errc::closed, std::move(why)});
  return {};
}

} // namespace coppice::dist
