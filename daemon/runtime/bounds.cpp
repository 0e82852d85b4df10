// SPDX-License-Identifier: MIT
// Bounded mailboxes. A sender counts its message before it pushes it; the owner uncounts what it takes to
// handle. A sender that may park leaves its message in the receiver's crowd and a signal that says so, and
// sleeps; the owner admits from the crowd, in order, when a turn has made room. That signal, rather than a
// flag, is what makes it certain that the owner looks after the sender is in the crowd.
//
// Other nodes' senders cannot park: what they send to a full mailbox waits in its crowd too, up to a number
// of bytes, so that one slow receiver holds up no connection. What such a sender sends next, signals
// included, follows there: order per pair holds.
//
// drop_old: the oldest messages are the owner's, which alone takes them out. A sender elsewhere that finds
// the mailbox full leaves its message in the crowd, which keeps the newest; so do all who send to that
// process, whatever it is, while the crowd is not empty. The owner takes inbox and crowd under one lock, the
// crowd behind the inbox: what a sender put into the inbox before it turned to the crowd is taken before.
// Then it drops what is oldest until the rest fits.
//
// The way to another node is bounded too. While much waits for the node, senders rest before they send; who
// sends a large message rests until the network has it. As in OTP there is no end to that but the
// connection's; only replies and system traffic go on after `park`, since whoever sends them serves others.
#include <algorithm>

#include "runtime/engine.hpp"

namespace coppice::runtime {

namespace {

void leave_overflow(crowd& line, const signal& what) {
  line.overflow -= what.weight;
  std::uint32_t* left = line.overflowing.find(what.from);
  if (left != nullptr && --*left == 0) line.overflowing.erase(what.from);
}

} // namespace

crowd& engine::crowd_of(process& p) {
  if (crowd* there = p.crowd_.load(std::memory_order_acquire)) return *there;
  auto fresh = std::make_unique<crowd>();
  crowd* seen = nullptr;
  if (p.crowd_.compare_exchange_strong(seen, fresh.get(), std::memory_order_acq_rel,
                                       std::memory_order_acquire))
    return *fresh.release();
  return *seen;
}

// No guard is needed for who is gone: the number is of this wait alone.
void engine::go_on(system& host, const pid& parked, std::uint64_t wait_number) {
  signal_ptr told = make_signal(signal_kind::stop_waiting, {});
  told->number = wait_number;
  deliver(host, parked, std::move(told), nullptr);
}

send_status engine::send_bounded(process& to, signal_ptr what, process* sender) {
  what->weight = weight_of(what->payload());
  worker* const here = sender != nullptr ? &sender->home() : worker::current();
  what->number = static_cast<std::uint64_t>(here != nullptr ? here->recent() : base::mono_now());
  const bool ours = to.home_.load(std::memory_order_acquire) == here;
  const auto counted = [&] {
    mailbox_load::bounds limits = bounds_of(to);
    if (block_memory::scarce()) [[unlikely]]
      limits.messages = 1;
    return ours ? to.load_.hold(what->weight, limits) : to.load_.announce(what->weight, limits);
  };
  const bool of_newest = to.on_full_ == on_full::drop_old && !ours;
  if (of_newest) {
    // Until it is in the inbox nobody else begins to wait: who waits is not counted.
    crowd& line = crowd_of(to);
    std::unique_lock guard(line.lock);
    if (line.waiting.empty() && counted()) {
      const bool idle = to.inbox_.push(what.release());
      guard.unlock();
      if (idle) worker::announce(to, here);
      return send_status::ok;
    }
  } else if (!others_wait(to) && counted()) [[likely]] {
    const bool patient = sender != nullptr && (what->flags & signal::of_call) == 0;
    if (ours)
      here->receive_here(to, std::move(what));
    else
      push_from(here, to, std::move(what));
    if (patient) let_rest(to, *sender);
    return send_status::ok;
  }

  system& host = to.host();
  const auto refuse = [&] {
    host.parts_->dropped.fetch_add(1, std::memory_order_relaxed);
    to.dropped_.fetch_add(1, std::memory_order_relaxed);
    return send_status::full;
  };
  if ((what->flags & signal::remote) != 0 && to.on_full_ == on_full::park_sender)
    return overflow(here, to, what) ? send_status::ok : refuse();
  if (block_memory::scarce()) return refuse();
  if (to.on_full_ == on_full::drop_old) {
    if (of_newest) return push_newest(here, to, std::move(what)), send_status::ok;
    take_inbox(to);
    to.load_.add(mailbox_load::share(what->weight));
    here->receive_here(to, std::move(what));
    drop_oldest(to);
    return send_status::ok;
  }
  if (to.on_full_ == on_full::exit) push(to, make_signal(signal_kind::overflow, what->from));
  if (to.on_full_ != on_full::park_sender || sender == nullptr || sender == &to || sender->exiting_ ||
      !sender->home().can_park())
    return refuse();

  const pid receiver = to.self_;
  wait parked;
  parked.number = ++sender->next_number_;
  parked.at = receiver;
  {
    crowd& line = crowd_of(to);
    const std::lock_guard guard(line.lock);
    line.waiting.push_back({sender->self_, parked.number, std::move(what)});
    line.size.store(line.waiting.size(), std::memory_order_relaxed);
  }
  push(to, make_signal(signal_kind::stop_waiting, {}));
  wait_for(*sender, parked, base::mono_now() + host.options().park);
  if (parked.done || sender->exiting_) return send_status::ok;
  sender->waiting_ = &parked;
  const bool taken_back = leave_crowd(*sender);
  sender->waiting_ = nullptr;
  if (!taken_back) return send_status::ok;
  host.parts_->dropped.fetch_add(1, std::memory_order_relaxed);
  return send_status::full;
}

bool engine::overflow(worker* here, process& to, signal_ptr& what) {
  bool first = false;
  {
    crowd& line = crowd_of(to);
    const std::lock_guard guard(line.lock);
    if (line.overflow + what->weight > to.host().options().overflow) return false;
    first = line.waiting.empty();
    line.overflow += what->weight;
    ++line.overflowing[what->from];
    line.waiting.push_back({{}, 0, std::move(what)});
    line.size.store(line.waiting.size(), std::memory_order_relaxed);
  }
  // While something waits the mailbox is full: a turn is to come, which looks.
  if (first && to.inbox_.push(make_signal(signal_kind::stop_waiting, {}).release()))
    worker::announce(to, here);
  return true;
}

bool engine::follow_overflow(worker* here, process& to, signal_ptr& what) {
  crowd* line = to.crowd_.load(std::memory_order_acquire);
  if (line == nullptr || line->size.load(std::memory_order_relaxed) == 0) return false;
  {
    const std::lock_guard guard(line->lock);
    if (line->overflowing.find(what->from) == nullptr) return false;
  }
  // Between the two only the owner takes out: then it goes to the end of a line that is empty, or others'.
  return overflow(here, to, what);
}

void engine::push_newest(worker* here, process& to, signal_ptr what) {
  crowd& line = crowd_of(to);
  signal_ptr oldest;
  bool first = false;
  {
    const std::lock_guard guard(line.lock);
    first = line.waiting.empty();
    if (what->weight != 0) ++line.messages;
    line.waiting.push_back({{}, 0, std::move(what)});
    if (line.messages > to.messages_limit_) {
      const auto at =
          std::ranges::find_if(line.waiting, [](const auto& one) { return one.what->weight != 0; });
      oldest = std::move(at->what);
      line.waiting.erase(at);
      --line.messages;
    }
    line.size.store(line.waiting.size(), std::memory_order_relaxed);
  }
  if (oldest != nullptr) drop(to, std::move(oldest));
  if (first && to.inbox_.push(make_signal(signal_kind::stop_waiting, {}).release()))
    worker::announce(to, here);
}

void engine::take_newest(process& p) {
  crowd* line = p.crowd_.load(std::memory_order_acquire);
  if (line == nullptr) return take_pushed(p);
  {
    const std::lock_guard guard(line->lock);
    take_pushed(p);
    for (crowd::sender& one : line->waiting) {
      if (one.what->weight != 0) p.load_.add(mailbox_load::share(one.what->weight));
      add_pending(p, std::move(one.what));
    }
    line->waiting.clear();
    line->messages = 0;
    line->size.store(0, std::memory_order_relaxed);
  }
  drop_oldest(p);
}

// Messages are looked for in the order they came: those to be handled, then those pending.
void engine::drop_oldest(process& p) {
  look_again(p);
  struct {
    signal*& first;
    signal*& last;
  } const queues[] = {{p.first_, p.last_}, {p.pending_first_, p.pending_last_}};
  for (const auto& [first, last] : queues) {
    signal* before = nullptr;
    for (signal* at = first; at != nullptr && p.load_.exceeds(bounds_of(p));) {
      signal* const next = at->next;
      if (at->weight == 0) {
        before = at;
      } else {
        (before == nullptr ? first : before->next) = next;
        if (last == at) last = before;
        signal_ptr oldest(at);
        uncount(p, *oldest);
        relations* mine = p.relations_.load(std::memory_order_relaxed);
        if (mine != nullptr && (oldest->flags & signal::of_call) != 0) mine->callers.erase(oldest->ref);
        drop(p, std::move(oldest));
      }
      at = next;
    }
  }
  note_oldest(p);
}

// Whose message is dropped is not told, but for a caller: it would wait in vain.
void engine::drop(process& from, signal_ptr what) {
  system& host = from.host();
  host.parts_->dropped.fetch_add(1, std::memory_order_relaxed);
  from.dropped_.fetch_add(1, std::memory_order_relaxed);
  if ((what->flags & signal::of_call) == 0) return;
  dispatch(host, what->from, make_signal(signal_kind::down, from.self_, what->ref, reasons::mailbox_full()),
           nullptr);
}

void engine::send_away(system& host, const destination& to, signal_ptr what, process& sender) {
  constexpr std::size_t large = std::size_t{1} << 20;
  remote_router& router = *host.router();
  const std::uint32_t node = to.node();
  const bool patient = (what->flags & signal::unbounded) == 0;
  const base::nanos deadline = patient ? no_deadline : base::mono_now() + host.options().park;
  while (router.busy(node) && !sender.exiting_ && sender.home().can_park()) {
    wait parked;
    parked.number = ++sender.next_number_;
    if (!router.rest(node, sender.self_, parked.number)) break;
    wait_for(sender, parked, deadline);
    if (!parked.done) break;
  }
  if (sender.exiting_) return;
  if (what->payload().size() < large || !sender.home().can_park()) return router.route(to, std::move(what));
  wait parked;
  parked.number = ++sender.next_number_;
  what->flags |= signal::awaited;
  what->number = parked.number;
  router.route(to, std::move(what));
  wait_for(sender, parked, deadline);
}

// What its sender sent before is in the inbox, or was: that is taken first, and what is admitted goes behind
// it. All under the lock, so that nothing a remote sender sends when it sees the crowd empty comes before
// that.
void engine::admit_crowd(process& p) {
  crowd* line = p.crowd_.load(std::memory_order_acquire);
  if (line == nullptr || p.exiting_ || p.on_full_ == on_full::drop_old) return;
  wake_resting(p, *line);
  while (line->size.load(std::memory_order_relaxed) != 0) {
    crowd::sender first;
    {
      const std::lock_guard guard(line->lock);
      if (line->waiting.empty()) return;
      const std::uint32_t weight = line->waiting.front().what->weight;
      if (weight != 0 && !p.load_.has_room(weight, bounds_of(p))) return;
      take_inbox(p);
      first = std::move(line->waiting.front());
      line->waiting.pop_front();
      line->size.store(line->waiting.size(), std::memory_order_relaxed);
      if ((first.what->flags & signal::remote) != 0) leave_overflow(*line, *first.what);
    }
    if (first.what->weight != 0) p.load_.add(mailbox_load::share(first.what->weight));
    add_pending(p, std::move(first.what));
    if (first.who) go_on(p.host(), first.who, first.wait_number);
  }
}

bool engine::leave_crowd(process& p) {
  if (p.waiting_ == nullptr || !p.waiting_->at) return false;
  const reading valid(p.host());
  process* receiver = find(p.host(), p.waiting_->at);
  crowd* line = receiver == nullptr ? nullptr : receiver->crowd_.load(std::memory_order_acquire);
  if (line == nullptr) return false;
  const std::lock_guard guard(line->lock);
  const auto mine = [&](const auto& one) {
    return one.who == p.self_ && one.wait_number == p.waiting_->number;
  };
  if (std::erase_if(line->resting, mine) != 0) {
    line->rests.store(!line->resting.empty(), std::memory_order_relaxed);
    return false;
  }
  const auto erased = std::erase_if(line->waiting, mine);
  line->size.store(line->waiting.size(), std::memory_order_relaxed);
  return erased != 0;
}

void engine::scatter_crowd(process& p) {
  crowd* line = p.crowd_.load(std::memory_order_acquire);
  if (line == nullptr) return;
  std::deque<crowd::sender> all;
  std::vector<crowd::rester> resting;
  {
    const std::lock_guard guard(line->lock);
    all.swap(line->waiting);
    resting.swap(line->resting);
    line->rests.store(false, std::memory_order_relaxed);
    line->overflowing = {};
    line->overflow = 0;
    line->size.store(0, std::memory_order_relaxed);
  }
  system& host = p.host();
  for (crowd::sender& one : all) {
    answer_for_missing(host, p.self_, std::move(one.what), reasons::noproc());
    if (!one.who) continue;
    go_on(host, one.who, one.wait_number);
  }
  for (const crowd::rester& one : resting) go_on(host, one.who, one.wait_number);
}

} // namespace coppice::runtime
