// SPDX-License-Identifier: MIT
// How a peer gets a connection and loses it: finished handshakes are attached, peers may come back before
// their loss was noticed, and processes are told of a lost connection. connector.cpp makes the handshakes;
// routing.cpp handles signals.
#include "dist/router.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/bound.hpp"
#include "base/log.hpp"
#include "base/log_event.hpp"
#include "base/promise.hpp"

namespace coppice::dist {
namespace {

constexpr const char* module = "dist";
constexpr std::chrono::seconds stop_patience{3};
constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();
const base::bound<std::size_t> told_at_once("dist: signals of a lost connection in a turn", 4096);

} // namespace

router::router(runtime::system& system, options chosen)
    : system_(system),
      options_(std::move(chosen)),
      unfinished_(options_.unfinished_limit),
      notices_(system),
      peers_(system),
      connector_(system, options_, peers_, notices_, stopping_,
                 [this](const std::shared_ptr<finished_handshake>& come) { attach(come); }) {
  options_.term_limits.bytes = std::min(options_.term_limits.bytes, options_.unfinished_limit);
}

router::~router() = default;

base::result<std::vector<base::socket_address>> router::listen(const std::vector<listen_at>& places) {
  finished_.resize(std::max(system_.workers(), 1u));
  return connector_.listen(places);
}

// The peers -----------------------------------------------------------------------------------------------

std::optional<std::uint32_t> router::keep(std::string_view name) {
  std::unique_lock<std::mutex> guard;
  peer* const p = peers_.for_connection(name, guard);
  if (p == nullptr) return std::nullopt;
  p->kept = true;
  if (p->last.since == 0) p->last.since = base::wall_now();
  return p->index.load();
}

void router::let_go(std::uint32_t node) {
  peer* const p = peers_.find(node);
  if (p == nullptr) return;
  const std::lock_guard guard(p->lock);
  if (p->index == node) p->kept = p->barred = false;
}

void router::bar(std::uint32_t node, bool on) {
  peer* const p = peers_.find(node);
  if (p == nullptr) return;
  const std::lock_guard guard(p->lock);
  if (p->index == node) p->barred = on && p->kept;
}

void router::brought_up(std::uint32_t node, std::uint32_t by) {
  peer* const p = peers_.find(node);
  if (p == nullptr) return;
  const std::lock_guard guard(p->lock);
  if (p->index == node && p->state == peer_state::down) p->brought_by = by;
}

// Established ---------------------------------------------------------------------------------------------

// On the worker that shook hands, which becomes the peer's home.
void router::attach(const std::shared_ptr<finished_handshake>& come) {
  const unsigned worker = here();
  if (stopping_) return connector_.end_admission(come->admitted);
  if (come->closed)
    return not_attached(*come, {base::errc::closed, "the peer closed the connection at once"});
  std::unique_lock<std::mutex> guard;
  peer* const to = peers_.for_connection(come->who.name, guard);
  if (to == nullptr) {
    base::log::warning(module, "{}: connection refused: no room for another node's name", come->who.name);
    return connector_.end_admission(come->admitted);
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
    return connector_.end_admission(come->admitted);
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
  if (superseded != 0) connector_.forget_attempt(old_home, superseded);
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
  finished_handshakes& mine = finished_[here()];
  const std::uint64_t number = ++mine.last;
  mine.kept.emplace(number, come);
  return number;
}

void router::attach_kept(unsigned worker, std::uint64_t number) {
  if (system_.current_worker() != static_cast<int>(worker)) {
    system_.post(worker, [this, worker, number] { attach_kept(worker, number); });
    return;
  }
  const auto kept = finished_[worker].kept.extract(number);
  if (kept) attach(kept.mapped());
}

void router::not_attached(const finished_handshake& come, const base::error& why) {
  if (peer* const p = come.outgoing ? peers_.find(come.who.name) : nullptr; p != nullptr) {
    bool waits = false;
    {
      const std::lock_guard guard(p->lock);
      waits = p->state == peer_state::connecting && !p->established && p->outgoing == nullptr && !p->yields &&
              !p->yield_timer && p->home.load() == here();
    }
    if (waits) connector_.give_up(*p, why);
  }
  connector_.end_admission(come.admitted);
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
      if (expects_ahead_) fresh->expect_ahead();
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
    notices_.tell_askers(askers, false);
    if (down) connector_.give_up(p, why);
    return connector_.end_admission(come.admitted);
  }
  notices_.wake(awake);
  notices_.tell_askers(askers, true);
  come.stream = {};
  connector_.end_admission(come.admitted);
  fresh->start(come.leftover);
}

void router::lost(connection& gone, const base::error& why) {
  peer& p = *peers_.find(gone.peer_index());
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
  owned->tell_of_unsent([this](const auto& to, const auto& what) { notices_.bounce(to, what); });
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
  notices_.wake(std::exchange(telling->resting, {}));
  node_watchers watchers;
  bool is_last = false;
  {
    const std::lock_guard guard(p.lock);
    watchers = telling->watchers.take(stopping_ ? SIZE_MAX : told_at_once);
    is_last = telling->watchers.empty();
  }
  notices_.tell_watchers(p.index.load(), telling->info.name, watchers);
  if (!is_last) {
    system_.post(p.home.load(), [this, &p] { tell_of_loss(p); });
    return;
  }
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

// A connection that is attached meanwhile sees the flag by itself.
void router::expect_ahead() {
  if (expects_ahead_.exchange(true)) return;
  for (unsigned i = 0; i < system_.workers(); ++i) {
    system_.post(i, [this, i] {
      std::vector<peer*> all;
      peers_.some(0, everything, all);
      for (peer* p : all)
        if (connection* const open = p->home.load() == i ? open_here(*p) : nullptr) open->expect_ahead();
    });
  }
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
    if (worker < finished_.size()) finished_[worker].kept.clear();
    connector_.close_on(worker);
    std::vector<peer*> all;
    peers_.some(0, everything, all);
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
  peers_.stop(); // the table of names belongs to the system, which may be destroyed first
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
  std::vector<peer*> some;
  const std::size_t next = peers_.some(first, most, some);
  for (peer* each : some)
    if (auto one = info_of(*each); one.since != decltype(one.since){}) into.push_back(std::move(one));
  return next;
}

std::vector<peer_info> router::peers() const {
  std::vector<peer_info> out;
  some_peers(0, everything, out);
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
