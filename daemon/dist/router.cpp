// SPDX-License-Identifier: MIT
// How connections begin and end: connecting on demand, two nodes that connect to each other at once, peers
// that come back before their loss was noticed, and lost connections. Accepted connections begin in
// accepting.cpp; routing.cpp handles signals.
#include "dist/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "base/log_event.hpp"
#include "base/promise.hpp"
#include "dist/flags.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::dist {
namespace {

constexpr const char* module = "dist";
constexpr std::chrono::seconds stop_patience{3};
constexpr std::size_t told_at_once = 4096;     // signals of a lost connection, in one turn
constexpr std::size_t kinds_of_strangers = 16; // lines about never-connected nodes, in ten seconds

base::error disconnected_by_hand() {
  return {base::errc::refused, "disconnected by hand"};
}

} // namespace

// A finished handshake on its way to its peer; keeps what is received meanwhile.
struct router::finished_handshake final : net::stream_handler {
  peer_node who;
  net::stream stream;
  std::vector<std::uint8_t> leftover;
  std::string admitted;
  bool outgoing = false;
  bool certified = false; // the peer showed a verified certificate
  bool closed = false;

  void on_data(base::bytes_span bytes) override {
    leftover.insert(leftover.end(), bytes.begin(), bytes.end());
    if (leftover.size() > handshake::max_total) stream.pause();
  }
  void on_closed(base::error) override { closed = true; }
};

router::router(runtime::system& system, options chosen)
    : system_(system), options_(std::move(chosen)), unfinished_(options_.unfinished_limit) {
  options_.term_limits.bytes = std::min(options_.term_limits.bytes, options_.unfinished_limit);
  system_.nodes().set_holder(this);
}

router::~router() = default;

local_node router::ourselves() const {
  return {std::string(system_.node_name()), flag::offered | (options_.visible ? flag::published : 0),
          system_.creation()};
}

// The peers -----------------------------------------------------------------------------------------------

peer* router::at_slot(std::uint32_t index) const {
  const std::uint32_t slot = runtime::node_names::slot_of(index);
  const chunk* in = chunks_[slot / chunk_size].load(std::memory_order_acquire);
  return in == nullptr ? nullptr : (*in)[slot % chunk_size].load(std::memory_order_acquire);
}

peer* router::find_peer(std::uint32_t node) const {
  peer* const found = at_slot(node);
  return found != nullptr && found->index.load(std::memory_order_acquire) == node ? found : nullptr;
}

void router::slot_taken(std::uint32_t index, std::string_view name) {
  const std::lock_guard guard(peers_lock_);
  const std::uint32_t slot = runtime::node_names::slot_of(index);
  auto& in = chunks_[slot / chunk_size];
  if (in.load() == nullptr) {
    chunks_owned_.push_back(std::make_unique<chunk>());
    in.store(chunks_owned_.back().get(), std::memory_order_release);
  }
  owned_.push_back(std::make_unique<peer>(index, name, slot % std::max(system_.workers(), 1u)));
  (*in.load())[slot % chunk_size].store(owned_.back().get(), std::memory_order_release);
}

bool router::slot_given_on(std::uint32_t from, std::uint32_t to, std::string_view name) {
  peer* const p = find_peer(from);
  if (p == nullptr) return false;
  // A thread that holds the lock may be asking for a name, and needs the peer.
  const std::unique_lock guard(p->lock, std::try_to_lock);
  if (!guard || !p->is_unneeded()) return false;
  p->become(to, name);
  return true;
}

std::optional<std::uint32_t> router::keep(std::string_view name) {
  std::unique_lock<std::mutex> guard;
  peer* const p = peer_for_connection(name, guard);
  if (p == nullptr) return std::nullopt;
  p->kept = true;
  if (p->last.since == 0) p->last.since = base::wall_now();
  return p->index.load();
}

void router::let_go(std::uint32_t node) {
  peer* const p = find_peer(node);
  if (p == nullptr) return;
  const std::lock_guard guard(p->lock);
  if (p->index == node) p->kept = p->barred = false;
}

void router::bar(std::uint32_t node, bool on) {
  peer* const p = find_peer(node);
  if (p == nullptr) return;
  const std::lock_guard guard(p->lock);
  if (p->index == node) p->barred = on && p->kept;
}

void router::brought_up(std::uint32_t node, std::uint32_t by) {
  peer* const p = find_peer(node);
  if (p == nullptr) return;
  const std::lock_guard guard(p->lock);
  if (p->index == node && p->state == peer_state::down) p->brought_by = by;
}

// Connecting ----------------------------------------------------------------------------------------------

// On the home worker, under the peer's lock; state down. A peer whose handshake is being accepted is
// connecting already: a second connection would end the first, because the peer considers it established a
// moment before we do.
base::status router::begin_connecting(peer& p) {
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
base::status router::open_attempt(peer& p) {
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
bool router::is_own_affair(const peer& p) const {
  return p.kept || p.last.creation != 0 || find_route(options_, p.name) != nullptr;
}

// Under the peer's lock.
net::lookup_cause router::cause_of(const peer& p) const {
  using net::lookup_cause;
  if (is_own_affair(p)) return lookup_cause::own;
  if (!p.askers.empty() || (p.waiting.empty() && p.watchers.empty())) return lookup_cause::own;
  const auto is_actor = [this](const runtime::pid& who) {
    return who.here() && runtime::is_of_node(system_, who) == false;
  };
  for (const auto& item : p.waiting)
    if (is_actor(item->what->from)) return lookup_cause::actor;
  for (const auto& watcher : p.watchers)
    if (is_actor(watcher.who)) return lookup_cause::actor;
  return lookup_cause::others;
}

// On the home worker, under the peer's lock.
std::shared_ptr<void> router::place_for_attempt(const peer& p, net::lookup_cause cause) {
  if (is_own_affair(p)) return {this, [](void*) {}};
  const std::uint32_t by = cause == net::lookup_cause::others ? p.brought_by : 0;
  const std::lock_guard guard(attempts_lock_);
  attempt_line& line = attempts_[static_cast<std::size_t>(cause)];
  if (!has_place(line, by)) {
    if (line.queued.insert(p.index).second) line.waiting.push(by, p.index);
    return nullptr;
  }
  ++line.running;
  ++line.running_for[by];
  return {this, [this, cause, by](void*) {
            {
              const std::lock_guard inner(attempts_lock_);
              attempt_line& of = attempts_[static_cast<std::size_t>(cause)];
              --of.running;
              if (const auto its = of.running_for.find(by); --its->second == 0) of.running_for.erase(its);
            }
            next_attempt(cause);
          }};
}

// One node's names take half of the places at most. Under attempts_lock_. 0: this node.
bool router::has_place(const attempt_line& in, std::uint32_t by) const {
  const std::size_t most = by == 0 ? options_.attempts : options_.attempts - options_.attempts / 2;
  const auto its = in.running_for.find(by);
  return in.running < options_.attempts && (its == in.running_for.end() || its->second < most);
}

// Starts the next attempt that waits, if there is room.
void router::next_attempt(net::lookup_cause cause) {
  std::uint32_t index = 0;
  const peer* p = nullptr;
  while (p == nullptr) {
    const std::lock_guard guard(attempts_lock_);
    attempt_line& line = attempts_[static_cast<std::size_t>(cause)];
    if (stopping_) return;
    const auto next = line.waiting.pop([&](std::uint32_t by) { return has_place(line, by); });
    if (!next) return;
    index = next->second;
    line.queued.erase(index);
    p = find_peer(index);
  }
  system_.post(p->home.load(), [this, index, cause] { resume_connecting(index, cause); });
}

void router::resume_connecting(std::uint32_t index, net::lookup_cause cause) {
  peer* const p = find_peer(index);
  if (p == nullptr) return next_attempt(cause);
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
  if (!needed) return next_attempt(cause);
  if (!begun) give_up(*p, begun.error());
}

// An attempt under that name is coming from the other side and gets a moment to succeed. On the home worker,
// under the peer's lock; state connecting.
void router::yield(peer& p) {
  p.yields = true;
  p.yield_timer = std::make_unique<base::uv::timer>(system_.loop(here()), [this, &p] { stop_yielding(p); });
  p.yield_timer->start(options_.yield_time);
}

void router::stop_yielding(peer& p) {
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

void router::connect_at_home(peer& p, std::uint32_t node) {
  const unsigned home = p.home.load();
  if (system_.current_worker() != static_cast<int>(home)) {
    system_.post(home, [this, &p, node] { connect_at_home(p, node); });
    return;
  }
  base::status begun;
  {
    const std::lock_guard guard(p.lock);
    if (p.index != node || p.state != peer_state::down) return;
    begun = begin_connecting(p);
  }
  if (!begun) give_up(p, begun.error());
}

// Tells everything that waits for the peer that it cannot be reached.
void router::give_up(peer& p, const base::error& why) {
  queue waiting;
  std::vector<node_watcher> watchers;
  std::vector<runtime::reference> askers;
  std::vector<resting_sender> resting;
  bool said_before = stopping_;
  bool stranger = false; // never connected: anybody may have made its name up
  std::string name;
  {
    const std::lock_guard guard(p.lock);
    if (p.established) return;
    name = p.name;
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
  for (const auto& item : waiting) bounce(item->to, *item->what);
  wake(resting);
  tell_watchers(name, watchers);
  tell_askers(askers, false);
}

void router::failed(attempt& done, const base::error& why) {
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
  peer* const p = find_peer(done.peer_index()); // null: superseded, and its slot was reused since
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

// Established ---------------------------------------------------------------------------------------------

void router::established(attempt& done, const peer_node& who, net::stream stream,
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
  if (peer* const p = done.outgoing() ? find_peer(done.peer_index()) : nullptr; p != nullptr) {
    const std::lock_guard guard(p->lock);
    if (p->outgoing == &done) p->outgoing = nullptr; // it stays connecting until attached
  }
  forget_attempt(here(), done.number());
  attach(come);
}

// The peer of a node that has proved the cookie, or is kept, with its lock held. Null: there is no room for
// its name.
peer* router::peer_for_connection(std::string_view name, std::unique_lock<std::mutex>& lock) {
  while (const auto index = system_.nodes().intern(name, runtime::node_names::use::connection)) {
    peer* const found = *index == 0 ? nullptr : at_slot(*index);
    if (found == nullptr) break;
    lock = std::unique_lock(found->lock);
    if (found->index.load() == *index) return found;
    lock = {}; // the slot was reused a moment ago
  }
  return nullptr;
}

// On the worker that shook hands, which becomes the peer's home.
void router::attach(const std::shared_ptr<finished_handshake>& come) {
  const unsigned worker = here();
  if (stopping_) return end_admission(come->admitted);
  if (come->closed)
    return not_attached(*come, {base::errc::closed, "the peer closed the connection at once"});
  std::unique_lock<std::mutex> guard;
  peer* const to = peer_for_connection(come->who.name, guard);
  if (to == nullptr) {
    base::log::warning(module, "{}: connection refused: no room for another node's name", come->who.name);
    return end_admission(come->admitted);
  }
  peer& p = *to;
  connection* fresh = nullptr;
  std::uint64_t superseded = 0; // 0: none
  unsigned old_home = worker;
  std::uint64_t old_generation = 0;
  std::shared_ptr<base::uv::timer> yield_timer;
  std::vector<runtime::reference> askers;
  old_home = p.home.load();
  old_generation = p.generation;
  if (p.ends) {
    p.ends->after.push_back([this, worker, number = keep_finished(come)] {
      system_.post(worker, [this, worker, number] { attach_kept(worker, number); });
    });
    return;
  }
  if (p.established && p.certified && !come->certified) {
    guard.unlock();
    base::log::warning(module, "connection refused: {}", uncertified_claim(come->who.name));
    return end_admission(come->admitted);
  }
  if (p.barred) {
    guard.unlock(); // the bar came while the handshake was under way
    return not_attached(*come, disconnected_by_hand());
  }
  if (!p.established) {
    auto made = std::make_unique<connection>(system_, options_, static_cast<connection_owner&>(*this),
                                             p.index, come->who, std::move(come->stream));
    fresh = made.get();
    p.established = std::move(made);
    ++p.generation;
    p.home.store(worker);
    p.state = peer_state::connected;
    p.yields = false;
    p.named_here = come->who.named_here;
    if (p.outgoing != nullptr) superseded = std::exchange(p.outgoing, nullptr)->number();
    p.certified = come->certified;
    yield_timer = std::move(p.yield_timer);
    askers = std::exchange(p.askers, {});
    const std::uint64_t losses = p.last.losses;
    p.last = {};
    p.last.name = p.name;
    p.last.losses = losses;
    p.last.state = peer_state::connected;
    p.last.since = base::wall_now();
    p.last.heard = p.last.since;
    p.last.outgoing = come->outgoing;
    p.last.hidden = come->who.hidden;
    p.last.creation = come->who.creation;
    p.last.address = fresh->address();
    p.last.tls = fresh->tls_version();
  }
  guard.unlock();
  if (fresh == nullptr) {
    // The node came back before its loss was noticed: the old connection ends first.
    end_at_home(p, old_generation, {base::errc::closed, "the node connected anew"});
    const std::uint64_t number = keep_finished(come);
    system_.post(worker, [this, worker, number] { attach_kept(worker, number); });
    return;
  }
  if (superseded != 0) forget_attempt(old_home, superseded);
  // A timer must be closed on its own loop.
  if (yield_timer && old_home != worker) system_.post(old_home, [yield_timer] { yield_timer->close(); });
  base::log::tell(base::log::events::connected, base::log::level::notice, module, {{"peer", p.name}},
                  "{}: connected ({}, {}{}{}{})", p.name, p.last.address,
                  come->outgoing ? "we to it" : "it to us", come->who.hidden ? ", hidden" : "",
                  p.last.tls.empty() ? "" : ", TLS ", p.last.tls);
  const auto info = info_of(p);
  for (const auto& told : up_) told(info);
  begin_traffic(p, fresh, *come, askers);
}

std::uint64_t router::keep_finished(const std::shared_ptr<finished_handshake>& come) {
  worker_state& mine = workers_[here()];
  const std::uint64_t number = ++mine.last_finished;
  mine.finished.emplace(number, come);
  return number;
}

void router::attach_kept(unsigned worker, std::uint64_t number) {
  if (system_.current_worker() != static_cast<int>(worker)) {
    system_.post(worker, [this, worker, number] { attach_kept(worker, number); });
    return;
  }
  const auto kept = workers_[worker].finished.extract(number);
  if (kept) attach(kept.mapped());
}

void router::not_attached(const finished_handshake& come, const base::error& why) {
  const auto index = come.outgoing ? system_.nodes().find(come.who.name) : std::nullopt;
  if (peer* const p = index ? find_peer(*index) : nullptr; p != nullptr) {
    bool waits = false;
    {
      const std::lock_guard guard(p->lock);
      waits = p->state == peer_state::connecting && !p->established && p->outgoing == nullptr && !p->yields &&
              !p->yield_timer && p->home.load() == here();
    }
    if (waits) give_up(*p, why);
  }
  end_admission(come.admitted);
}

// Sends what waited for the peer, then reads what the peer sent meanwhile.
void router::begin_traffic(peer& p, connection* fresh, finished_handshake& come,
                           const std::vector<runtime::reference>& askers) {
  std::vector<resting_sender> awake;
  bool ended = false;
  bool down = false;
  base::error why{base::errc::closed, {}};
  {
    const std::lock_guard guard(p.lock);
    ended = p.established.get() != fresh;
    down = p.state == peer_state::down;
    why.text = p.last.last_error;
    if (!ended) {
      for (auto& item : p.waiting) {
        p.backlog.fetch_sub(item->bytes(), std::memory_order_relaxed);
        fresh->send(item->to, std::move(item->what));
      }
      p.waiting.clear();
      p.waiting_bytes = 0;
      if (fresh->has_large()) p.out.suspend();
      p.out.open({p.generation, p.index, come.who.creation, fresh->frames_below()});
      p.bare_calls.store(fresh->bare_calls(), std::memory_order_relaxed);
      p.open.store(fresh, std::memory_order_release);
      p.unsent.store(fresh->unsent(), std::memory_order_relaxed);
      awake = rested(p);
    }
  }
  if (ended) {
    // A callback of on_node_up() has ended the connection, so `fresh` is destroyed. What waited for it does
    // not start another connection.
    tell_askers(askers, false);
    if (down) give_up(p, why);
    return end_admission(come.admitted);
  }
  wake(awake);
  tell_askers(askers, true);
  come.stream = {};
  end_admission(come.admitted);
  fresh->start(come.leftover);
}

void router::lost(connection& gone, const base::error& why) {
  peer& p = *find_peer(gone.peer_index());
  std::unique_ptr<connection> owned;
  auto ends = std::make_unique<ending>();
  const auto info = info_of(p); // a copy, because `p` may be reused once it is down
  {
    const std::lock_guard guard(p.lock);
    owned = std::move(p.established);
    p.open.store(nullptr, std::memory_order_release);
    p.out.close();
    p.bare_calls.store(false, std::memory_order_relaxed);
    p.state = peer_state::down;
    p.last = {};
    p.last.name = p.name;
    if (!p.named_here) {
      p.last = info;
      p.last.state = peer_state::down;
      p.last.since = base::wall_now();
      p.last.last_error = why.text;
      ++p.last.losses;
    }
    p.unsent.store(0, std::memory_order_relaxed);
    *ends = {owned->take_relations(),
             std::exchange(p.watchers, {}),
             std::exchange(p.resting, {}),
             info,
             why.text,
             false,
             {}};
    p.ends = std::move(ends);
  }
  base::log::tell(base::log::events::disconnected, base::log::level::notice, module,
                  {{"peer", info.name}, {"reason", why.text}}, "{}: disconnected: {}", info.name, why.text);
  owned->tell_of_unsent([this](const auto& to, const auto& what) { bounce(to, what); });
  tell_of_loss(p);
}

void router::tell_of_loss(peer& p) {
  ending* telling = nullptr;
  {
    const std::lock_guard guard(p.lock);
    telling = p.ends.get();
  }
  if (telling == nullptr) return;
  const auto deliver = [this](const runtime::destination& to, runtime::signal_ptr what) {
    system_.deliver(to, std::move(what));
  };
  if (!telling->relations.tell_of_loss(deliver, stopping_ ? SIZE_MAX : told_at_once)) {
    system_.post(p.home.load(), [this, &p] { tell_of_loss(p); });
    return;
  }
  wake(telling->resting);
  std::vector<node_watcher> watchers;
  {
    const std::lock_guard guard(p.lock);
    watchers = std::exchange(telling->watchers, {});
  }
  tell_watchers(telling->info.name, watchers);
  for (const auto& told : down_) told(telling->info, telling->why);
  std::unique_ptr<ending> told;
  {
    const std::lock_guard guard(p.lock);
    told = std::move(p.ends);
  }
  for (const auto& next : told->after) next();
  if (told->drains) drain(p);
}

// Ends only the connection of that generation; when the task runs there may be another.
void router::end_at_home(peer& p, std::uint64_t generation, base::error why) {
  const unsigned home = p.home.load();
  if (system_.current_worker() != static_cast<int>(home)) {
    system_.post(home, [this, &p, generation, why = std::move(why)] { end_at_home(p, generation, why); });
    return;
  }
  connection* ending = nullptr;
  {
    const std::lock_guard guard(p.lock);
    if (p.home.load() == home && p.generation == generation) ending = p.established.get();
  }
  if (ending != nullptr) ending->end(why);
}

// Start and stop ------------------------------------------------------------------------------------------

bool router::run_on_workers(const std::function<void(unsigned)>& task) {
  std::vector<base::promised<bool>> all;
  for (unsigned i = 0; i < system_.workers(); ++i) {
    const auto done = std::make_shared<base::promise<bool>>();
    auto ran = done->result();
    const bool posted = system_.post(i, [done, task, i] {
      task(i);
      done->give(true);
    });
    if (posted) all.push_back(std::move(ran));
  }
  return std::all_of(all.begin(), all.end(),
                     [](auto& ran) { return ran.take_within(stop_patience).has_value(); });
}

void router::stop() {
  if (stopping_.exchange(true)) return;
  run_on_workers([this](unsigned worker) {
    if (worker < workers_.size()) {
      workers_[worker].listeners.clear();
      workers_[worker].attempts.clear();
      workers_[worker].finished.clear();
      workers_[worker].pacer.reset();
    }
    std::vector<peer*> all;
    {
      const std::lock_guard guard(peers_lock_);
      for (auto& p : owned_) all.push_back(p.get());
    }
    for (peer* p : all) {
      if (p->home.load() != worker) continue;
      tell_of_loss(*p);
      std::uint64_t generation = 0;
      {
        const std::lock_guard guard(p->lock);
        p->yield_timer.reset();
        generation = p->generation;
      }
      end_at_home(*p, generation, {base::errc::closed, "this node stops"});
    }
  });
  system_.nodes().set_holder(nullptr); // the table belongs to the system, which may be destroyed first
}

// Inspection ----------------------------------------------------------------------------------------------

peer_info router::info_of(peer& p) const {
  const std::lock_guard guard(p.lock);
  peer_info out = p.last;
  out.state = p.state;
  out.kept = p.kept;
  out.barred = p.barred;
  out.queued = p.waiting_bytes;
  if (p.established) p.established->counters().read(out);
  return out;
}

std::size_t router::some_peers(std::size_t first, std::size_t most, std::vector<peer_info>& into) const {
  // The lock of a peer is never taken under peers_lock_: a thread with a peer's lock may ask for a name, and
  // a new name asks for a peer.
  std::vector<peer*> some;
  std::size_t next = 0;
  {
    const std::lock_guard guard(peers_lock_);
    const std::size_t begin = std::min(first, owned_.size());
    const std::size_t end = begin + std::min(owned_.size() - begin, most);
    for (std::size_t at = begin; at < end; ++at) some.push_back(owned_[at].get());
    if (end < owned_.size()) next = end;
  }
  for (peer* each : some)
    if (auto one = info_of(*each); one.since != decltype(one.since){}) into.push_back(std::move(one));
  return next;
}

std::vector<peer_info> router::peers() const {
  std::vector<peer_info> out;
  some_peers(0, std::numeric_limits<std::size_t>::max(), out);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

std::vector<std::string> router::nodes(which kind) const {
  std::vector<std::string> out;
  for (const auto& p : peers()) {
    if (p.state != peer_state::connected) continue;
    if (kind == which::visible && p.hidden) continue;
    if (kind == which::hidden && !p.hidden) continue;
    out.push_back(p.name);
  }
  return out;
}

} // namespace coppice::dist
