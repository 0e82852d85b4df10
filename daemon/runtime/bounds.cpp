// SPDX-License-Identifier: MIT
// Bounded mailboxes. A sender counts its message before it pushes it; the owner uncounts what it takes to
// handle. A sender that may park leaves its message in the receiver's crowd and a signal that says so, and
// sleeps; the owner admits from the crowd, in order, when a turn has made room. That signal, rather than a
// flag, is what makes it certain that the owner looks after the sender is in the crowd.
#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

constexpr std::uint32_t overhead = sizeof(block);

crowd& crowd_of(std::atomic<crowd*>& place) {
  if (crowd* there = place.load(std::memory_order_acquire)) return *there;
  auto fresh = std::make_unique<crowd>();
  crowd* seen = nullptr;
  if (place.compare_exchange_strong(seen, fresh.get(), std::memory_order_acq_rel, std::memory_order_acquire))
    return *fresh.release();
  return *seen;
}

} // namespace

send_status engine::send_bounded(process& to, signal_ptr what, process* sender) {
  what->weight = static_cast<std::uint32_t>(what->payload().size()) + overhead;
  worker* const here = sender != nullptr ? &sender->home() : worker::current();
  const bool ours = to.home_.load(std::memory_order_acquire) == here;
  crowd* queue = to.crowd_.load(std::memory_order_acquire);
  const bool others_wait = queue != nullptr && queue->size.load(std::memory_order_relaxed) != 0;
  const auto counted = [&] {
    const mailbox_load::bounds limits{to.messages_limit_, to.bytes_limit_};
    return ours ? to.load_.hold(what->weight, limits) : to.load_.announce(what->weight, limits);
  };
  if (!others_wait && counted()) [[likely]] {
    if (ours)
      here->receive_here(to, std::move(what));
    else
      push_from(here, to, std::move(what));
    return send_status::ok;
  }

  system& host = to.host();
  const auto refuse = [&] {
    host.parts_->dropped.fetch_add(1, std::memory_order_relaxed);
    to.dropped_.fetch_add(1, std::memory_order_relaxed);
    return send_status::full;
  };
  if (to.on_full_ == on_full::exit) push(to, make_signal(signal_kind::overflow, what->from));
  if (to.on_full_ != on_full::park_sender || sender == nullptr || sender == &to || sender->exiting_ ||
      !sender->home().can_park())
    return refuse();

  const pid receiver = to.self_;
  wait parked;
  parked.number = ++sender->next_number_;
  parked.at = receiver;
  {
    crowd& line = crowd_of(to.crowd_);
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

void engine::uncount(process& p, const signal& handled) {
  if (handled.weight != 0) p.load_.remove(mailbox_load::share(handled.weight));
}

void engine::admit_crowd(process& p) {
  crowd* line = p.crowd_.load(std::memory_order_acquire);
  if (line == nullptr || p.exiting_) return;
  for (;;) {
    crowd::sender first;
    {
      const std::lock_guard guard(line->lock);
      if (line->waiting.empty()) return;
      const std::uint32_t weight = line->waiting.front().what->weight;
      if (!p.load_.has_room(weight, {p.messages_limit_, p.bytes_limit_})) return;
      first = std::move(line->waiting.front());
      line->waiting.pop_front();
      line->size.store(line->waiting.size(), std::memory_order_relaxed);
    }
    p.load_.add(mailbox_load::share(first.what->weight));
    if ((first.what->flags & signal::of_call) != 0)
      enqueue_call(p, std::move(first.what));
    else
      enqueue(p, std::move(first.what));
    signal_ptr go_on = make_signal(signal_kind::stop_waiting, {});
    go_on->number = first.wait_number;
    deliver(p.host(), first.who, std::move(go_on), nullptr);
  }
}

bool engine::leave_crowd(process& p) {
  if (p.waiting_ == nullptr || !p.waiting_->at) return false;
  const reading valid(p.host());
  process* receiver = find(p.host(), p.waiting_->at);
  crowd* line = receiver == nullptr ? nullptr : receiver->crowd_.load(std::memory_order_acquire);
  if (line == nullptr) return false;
  const std::lock_guard guard(line->lock);
  const auto erased = std::erase_if(line->waiting, [&](const crowd::sender& one) {
    return one.who == p.self_ && one.wait_number == p.waiting_->number;
  });
  line->size.store(line->waiting.size(), std::memory_order_relaxed);
  return erased != 0;
}

void engine::scatter_crowd(process& p) {
  crowd* line = p.crowd_.load(std::memory_order_acquire);
  if (line == nullptr) return;
  std::deque<crowd::sender> all;
  {
    const std::lock_guard guard(line->lock);
    all.swap(line->waiting);
    line->size.store(0, std::memory_order_relaxed);
  }
  system& host = p.host();
  for (crowd::sender& one : all) {
    answer_for_missing(host, p.self_, std::move(one.what), reasons::noproc());
    signal_ptr go_on = make_signal(signal_kind::stop_waiting, {});
    go_on->number = one.wait_number;
    deliver(host, one.who, std::move(go_on), nullptr);
  }
}

} // namespace coppice::runtime
