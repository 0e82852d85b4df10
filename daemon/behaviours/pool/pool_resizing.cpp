// SPDX-License-Identifier: MIT
// How a pool changes its size: by hand, with another specification, or as pool_growing.cpp decides. The pool
// orders its supervisor to add workers, or to remove workers that hold nothing any more, and goes on
// meanwhile. One change at a time; a change that fails is taken back. In the process's own turn.
#include <algorithm>
#include <coppice/etf/cursor.hpp>

#include "base/log.hpp"
#include "behaviours/pool/pool.hpp"
#include "runtime/crash_notes.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

message number_term(std::uint64_t value) {
  message_writer out;
  out.unsigned_integer(value);
  return out.take();
}

} // namespace

void pool::adopt(process& self, pool_order next, pool_caller caller) {
  const auto size = static_cast<std::uint32_t>(next.child->supervisor->children.size());
  const bool same = size == workers().children.size() && next.options->max == by_.options->max;
  const std::uint32_t most = std::max(size, next.options->max);
  pool_order previous = std::exchange(by_, std::move(next));
  take_on(self);
  if (same) return answer(self, caller, message::atom("ok"));
  resize(self, {.caller = std::move(caller), .previous = std::move(previous), .least = size, .most = most});
}

// Takes on everything in by_ except the size.
void pool::take_on(process& self) {
  dispatcher_.set_options(*by_.options);
  armed_ = 0; // requests may have less time to wait than before
  serve(self);
  supervisor_order flags{supervisor_order::kind::adopt, {}, by_.child->supervisor, {}, {}};
  forward(self, {}, shared_->orders->add(std::move(flags)));
}

void pool::resize(process& self, resizing next) {
  keep_last(self);
  resizings_.push_back(std::move(next));
  if (resizings_.size() == 1) begin_resize(self);
}

void pool::begin_resize(process& self) {
  resizing& now = resizings_.front();
  now.before = dispatcher_.size();
  if (now.most != 0) now.size = std::clamp(now.before, now.least, now.most);
  if (now.size == now.before) return end_resize(self);
  now.size > now.before ? grow(self) : shrink(self);
}

void pool::change_size(process& self, std::uint32_t size) {
  dispatcher_.resize(size);
  if (!dispatcher_.settles()) return;
  settles_ = self.now() + dispatcher_.options().drain;
  self.remind(settles_, message::atom(tick_tag));
}

// Shrinks to the size of the change under way, which is smaller than known().
void pool::shrink(process& self) {
  resizing& now = resizings_.front();
  change_size(self, now.size);
  now.told.assign(dispatcher_.known() - now.size, false);
  // A worker that goes for want of work may take as long as it needs.
  now.drained =
      now.least == 0 && !now.failure ? runtime::no_deadline : self.now() + dispatcher_.options().drain;
  if (now.drained != runtime::no_deadline) self.remind(now.drained, message::atom(tick_tag));
  remove_drained(self);
  serve(self);
}

std::shared_ptr<const child_spec> pool::worker_spec(std::uint32_t worker) const {
  auto out = std::make_shared<child_spec>(*workers().children.front());
  out->id = number_term(worker + 1);
  return out;
}

bool pool::order(process& self, supervisor_order what, inside_call about) {
  return ask_supervisor(self, shared_->orders->add(std::move(what)), std::move(about));
}

void pool::grow(process& self) {
  resizing& now = resizings_.front();
  change_size(self, now.size);
  now.there = now.before;
  add_worker(self);
}

// One at a time: once a worker does not start, none of the others is tried.
void pool::add_worker(process& self) {
  resizing& now = resizings_.front();
  now.open += order(self, {supervisor_order::kind::add, worker_spec(now.there), {}, {}, {}},
                    {inside_call::kind::added, {}, now.there});
}

void pool::remove_drained(process& self) {
  resizing& now = resizings_.front();
  for (std::uint32_t worker = dispatcher_.size(); worker < dispatcher_.known(); ++worker) {
    const std::size_t at = worker - now.size;
    if (at >= now.told.size() || now.told[at]) continue;
    if (!dispatcher_.drained(worker) && self.now() < now.drained) continue;
    now.told[at] = true;
    now.open += order(self, {supervisor_order::kind::remove, worker_spec(worker), {}, {}, {}},
                      {inside_call::kind::removed, {}, worker});
  }
  if (now.open != 0 || std::ranges::find(now.told, false) != now.told.end()) return;
  while (dispatcher_.known() > dispatcher_.size() && dispatcher_.drained(dispatcher_.known() - 1))
    dispatcher_.forget_last();
  if (dispatcher_.known() == dispatcher_.size() && !now.told.empty()) end_resize(self);
}

void pool::resized(process& self, const inside_call& one, const runtime::ask_result& result) {
  if (resizings_.empty()) return;
  resizing& now = resizings_.front();
  --now.open;
  if (one.what == inside_call::kind::removed) {
    dispatcher_.worker_down(one.worker, self.now());
    return remove_drained(self);
  }
  etf::cursor at(result.term.bytes());
  if (at.read_tuple_of(2) && at.read_atom_is("error")) now.failure = result.term.slice(at.rest()).compact();
  if (!now.failure) return ++now.there < now.size ? add_worker(self) : end_resize(self);
  // The workers that did start are removed again.
  base::log::warning("pool", "{}: not resized to {}: {}", label_, now.size,
                     runtime::shown_reason(now.failure, 300));
  now.size = now.before;
  shrink(self);
}

void pool::end_resize(process& self) {
  const resizing done = std::move(resizings_.front());
  resizings_.pop_front();
  if (!done.failure && done.size != done.before)
    base::log::notice("pool", "{} has {} workers now, {} before", label_, done.size, done.before);
  if (!done.failure && done.least != 0) least_ = done.least;
  if (done.least == 0) note_own(self, done);
  if (done.failure && done.previous) {
    by_ = *done.previous;
    take_on(self);
  }
  answer(self, done.caller, done.failure ? runtime::error_message(done.failure) : message::atom("ok"));
  publish(self);
  if (!resizings_.empty()) return begin_resize(self);
  grow_by_need(self); // more may wait than when it began
  shrink_by_need(self);
}

} // namespace coppice::behaviours
