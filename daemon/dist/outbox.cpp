// SPDX-License-Identifier: MIT
// A thread tries for the lock a few times before it waits, because it is held for some instructions only. Any
// thread.
#include "dist/outbox.hpp"

#include <array>
#include <utility>

#include "dist/packer.hpp"

namespace coppice::dist {
namespace {

using runtime::signal;

constexpr std::size_t memory_of_frames = 16 * 1024 - 512; // bytes; a block of the messages' memory
constexpr int tries = 100;                                // of the lock, before the thread waits for it

} // namespace

// The holder releases the lock in less time than a wake-up takes.
std::unique_lock<std::mutex> outbox::locked() {
  for (int i = 0; i < tries; ++i)
    if (std::unique_lock guard(lock_, std::try_to_lock); guard) return guard;
  return std::unique_lock(lock_);
}

bool outbox::push(const runtime::destination& to, runtime::signal_ptr what) {
  const bool large = what->payload().size() > packer::longest_short_payload;
  {
    const auto guard = locked();
    if (large) suspended_.store(true, std::memory_order_relaxed);
    if (!append(to, *what)) entries_.push_back({{to, std::move(what)}, {}});
    queued_.store(true, std::memory_order_relaxed);
  }
  return !awake_.exchange(true);
}

std::optional<bool> outbox::push_ahead(const runtime::destination& to, runtime::signal_ptr what) {
  const std::size_t size = routed::weight_of(*what);
  {
    const auto guard = locked();
    if (ahead_bytes_ + size > most_ahead) return std::nullopt;
    ahead_bytes_ += size;
    ahead_.push_back({to, std::move(what)});
    ahead_queued_.store(true, std::memory_order_relaxed);
  }
  return !awake_.exchange(true);
}

void outbox::open(const connected& to) {
  const auto guard = locked();
  to_ = to;
}

void outbox::close() {
  std::vector<routed> dropped; // signals end without the lock
  const auto guard = locked();
  to_ = {};
  std::swap(dropped, ahead_);
  ahead_bytes_ = 0;
}

void outbox::suspend() {
  const auto guard = locked();
  suspended_.store(true, std::memory_order_relaxed);
}

// Under the lock. Whether the message is a frame now.
bool outbox::append(const runtime::destination& to, const signal& what) {
  constexpr auto needs_more = signal::of_call | signal::awaited;
  const auto payload = what.payload().bytes();
  if (what.kind != runtime::signal_kind::message || (what.flags & needs_more) != 0) return false;
  if (to.node() != to_.node) return false; // the peer was reused: the drainer decides
  if (payload.size() >= to_.frames_below || suspended_.load(std::memory_order_relaxed)) return false;
  if (what.compression > runtime::sent_compressed::never) return false;
  if (to.what() == runtime::destination::kind::alias) return false; // it may end a call
  const auto head = to_short_form(to, what, to_.creation);
  if (!head) return false;
  std::array<std::uint8_t, max_short_frame_head> bytes;
  const auto size = write_short_frame_head(bytes, *head, payload.size());
  const auto fits = [&](const entry& last) {
    return last.one.what == nullptr && last.many.generation == to_.generation &&
           last.many.bytes.room().size() >= size + payload.size();
  };
  if (entries_.empty() || !fits(entries_.back())) {
    entries_.emplace_back();
    entries_.back().many.generation = to_.generation;
    entries_.back().many.bytes.reserve(memory_of_frames);
  }
  ready_frames& last = entries_.back().many;
  last.bytes.append(std::span(bytes).first(size));
  last.bytes.append(payload);
  last.weight += routed::weight_of(what);
  ++last.messages;
  return true;
}

void outbox::take_all(std::vector<entry>& into) {
  if (!queued_.load(std::memory_order_relaxed)) return;
  const auto guard = locked();
  queued_.store(false, std::memory_order_relaxed);
  std::swap(into, entries_);
}

void outbox::take_ahead(std::vector<routed>& into) {
  if (!ahead_queued_.load(std::memory_order_relaxed)) return;
  const auto guard = locked();
  ahead_queued_.store(false, std::memory_order_relaxed);
  ahead_bytes_ = 0;
  std::swap(into, ahead_);
}

bool outbox::try_idle(bool resume) {
  if (resume && suspended_.load(std::memory_order_relaxed)) {
    const auto guard = locked();
    if (entries_.empty()) suspended_.store(false, std::memory_order_relaxed);
  }
  awake_.exchange(false);
  return (!queued_.load() && !ahead_queued_.load()) || awake_.exchange(true);
}

} // namespace coppice::dist
