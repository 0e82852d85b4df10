// SPDX-License-Identifier: MIT
// What a signal of this node means to a peer: each becomes a control message, in the form the peer's flags
// allow. A signal the peer cannot understand is dropped. One thread, the worker's.
#include <fmt/format.h>

#include <utility>

#include "dist/connection.hpp"
#include "dist/flags.hpp"

namespace coppice::dist {

using runtime::destination;
using runtime::signal;
using runtime::signal_kind;

void connection::send(const destination& to, runtime::signal_ptr what) {
  const auto ahead = large_.empty() ? large_.end() : large_.find(what->from);
  if (ahead == large_.end()) {
    send_now(to, std::move(what));
    feed_large(); // with much small traffic the network may never ask for more
  } else if (has_room()) {
    behind_bytes_ += what->payload().size();
    ahead->second.behind.emplace_back(to, std::move(what));
  } else {
    tell_sender(*what);
  }
  counters_.queued.store(unsent() + large_bytes_, std::memory_order_relaxed);
}

void connection::send(ready_frames all) {
  const std::size_t count = all.messages;
  if (ended_ || !has_room()) {
    counters_.dropped.fetch_add(ended_ ? count : count - 1, std::memory_order_relaxed);
    return;
  }
  packer_.write(all.bytes.take(), stream_);
  counters_.messages_out.fetch_add(count, std::memory_order_relaxed);
  idle_ = false;
  counters_.queued.store(unsent() + large_bytes_, std::memory_order_relaxed);
}

void connection::send_now(const destination& to, runtime::signal_ptr what) {
  if (what->kind == signal_kind::message && !ended_) {
    const auto head = brief(to, *what);
    if ((what->flags & signal::of_call) != 0) begin_call(to, *what, head.has_value());
    if (to.what() == destination::kind::alias) end_call(to.alias_ref(), what->from);
    if (head) return pack(*head, *what);
  }
  if (what->kind == signal_kind::spawn_request) return ask_to_spawn(std::move(what));
  control_message c;
  if (ended_ || !fill(c, to, *what)) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
    return tell_sender(*what);
  }
  const auto& payload = what->payload() ? what->payload() : no_reason_;
  if (has_payload(c.what)) {
    if (payload.size() > large_window / 4 && packer_.takes_fragments())
      return begin_large(c, std::move(what));
    pack(c, {payload, what->compression});
  } else {
    c.reason = payload.bytes();
    pack(c, {runtime::message()});
  }
  tell_sender(*what);
}

// Beyond the limit the peer is given up. One message always fits, however long.
bool connection::has_room() {
  if (!overfull_ && unsent() > options_.queue_limit) {
    // Whoever called may be in the middle of something: the end comes from the loop.
    overfull_ = true;
    ticker_.start(std::chrono::milliseconds(0));
  }
  if (overfull_) counters_.dropped.fetch_add(1, std::memory_order_relaxed);
  return !overfull_;
}

void connection::pack(const control_message& c, const packer::content& what) {
  if (!has_room()) return;
  if (!packer_.pack(c, what, stream_)) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  packed();
}

void connection::pack(const short_form& head, const signal& s) {
  if (has_room()) {
    packer_.pack(head, {s.payload(), s.compression}, stream_);
    packed();
  }
  tell_sender(s);
}

// What a turn sends leaves at its end, in one write; but of many answers the first leave before, so that the
// peer goes on with them while we make the others, rather than each waiting for the other's last.
void connection::packed() {
  counters_.messages_out.fetch_add(1, std::memory_order_relaxed);
  idle_ = false;
  if (++gathered_ < gather_ || answers_due_ < gathered_) return;
  answers_due_ -= std::exchange(gathered_, 0);
  stream_.flush();
}

// Large messages ------------------------------------------------------------------------------------------
// Their fragments take turns, and only as many are written as keep the network busy: whatever else is sent
// goes between them, and what the same sender sends waits.

void connection::begin_large(const control_message& c, runtime::signal_ptr what) {
  packer::fragmented fragments;
  if (!has_room()) return tell_sender(*what);
  if (!packer_.begin(c, {what->payload(), what->compression}, fragments, stream_)) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
    return tell_sender(*what);
  }
  counters_.messages_out.fetch_add(1, std::memory_order_relaxed);
  idle_ = false;
  const auto sender = what->from;
  large_bytes_ += fragments.rest();
  auto& one = large_[sender];
  one.what = std::move(fragments);
  one.signal = std::move(what);
  turns_.push_back(sender);
  feed_large();
}

void connection::feed_large() {
  while (!turns_.empty() && stream_.bytes_queued() < large_window) {
    const auto sender = turns_.front();
    turns_.pop_front();
    auto& one = large_.at(sender);
    large_bytes_ -= one.what.rest();
    packer_.next(one.what, stream_);
    large_bytes_ += one.what.rest();
    idle_ = false;
    if (one.what.left > 0) {
      turns_.push_back(sender);
    } else {
      end_large(sender);
    }
  }
}

// What its sender sent after it follows, up to the next large one.
void connection::end_large(const runtime::pid& sender) {
  auto ended = large_.extract(sender);
  tell_sender(*ended.mapped().signal);
  auto behind = std::move(ended.mapped().behind);
  while (!behind.empty()) {
    auto [to, what] = std::move(behind.front());
    behind.pop_front();
    behind_bytes_ -= what->payload().size();
    send_now(to, std::move(what));
    const auto next = large_.find(sender);
    if (next == large_.end()) continue;
    next->second.behind = std::move(behind);
    return;
  }
}

// All of it is on its way, or never will be.
void connection::tell_sender(const signal& sent) {
  if (sent.kind != signal_kind::message || (sent.flags & signal::awaited) == 0) return;
  auto go_on = runtime::make_signal(signal_kind::stop_waiting, {});
  go_on->number = sent.number;
  system_.deliver(sent.from, std::move(go_on));
}

void connection::fill_ends(control_message& c, const destination& to, const runtime::pid& from) const {
  c.from = address::of(ids_.out(from));
  if (to.what() == destination::kind::process) c.to = address::of(ids_.out(to.process()));
  if (to.what() == destination::kind::remote_name) c.to = address::of(to.name());
  if (to.what() == destination::kind::alias) c.to = address::of(ids_.out(to.alias_ref()));
}

bool connection::fill(control_message& c, const destination& to, const signal& s) {
  fill_ends(c, to, s.from);
  switch (s.kind) {
    case signal_kind::message:
      return fill_message(c, to, s);
    case signal_kind::exit:
      relations_.unlinked(s.from, to.process());
      c.what = has(flag::exit_payload) ? op::payload_exit : op::exit;
      return true;
    case signal_kind::exit2:
      return fill_exit2(c, to, s);
    case signal_kind::link:
      relations_.linked(s.from, to.process());
      c.what = op::link;
      return true;
    case signal_kind::unlink:
      return fill_unlink(c, to, s);
    case signal_kind::unlink_ack:
      c.what = op::unlink_id_ack;
      c.id = s.number;
      return has(flag::unlink_id);
    case signal_kind::monitor:
      relations_.watching(s.ref, {s.from, to, s.flags});
      c.what = op::monitor_p;
      c.ref = ids_.out(s.ref);
      return true;
    case signal_kind::demonitor: {
      if (const auto call = relations_.stop_calling(s.ref)) {
        fill_demonitor(c, s.ref, *call);
        return true;
      }
      const auto what = relations_.stop_watching(s.ref);
      if (!what) return false; // the peer ended it already
      fill_demonitor(c, s.ref, *what);
      return true;
    }
    case signal_kind::down:
      return fill_down(c, s);
    case signal_kind::group_leader:
      c.what = op::group_leader;
      return true;
    case signal_kind::spawn_request: // not by way of here
    case signal_kind::spawn_reply:
    case signal_kind::overflow:
    case signal_kind::stop_waiting:
      break;
  }
  return false;
}

// Everything to an alias, and what has priority, to a peer that knows the one operation for these; false: it
// is neither, or the peer does not. Source: dist.c of OTP 28, as is what becomes of them then.
bool connection::fill_altact(control_message& c, const destination& to, const signal& s) const {
  const bool to_alias = to.what() == destination::kind::alias;
  const bool priority = (s.flags & signal::priority) != 0;
  if (!has(flag::altact_sig) || !(to_alias || priority)) return false;
  c.what = op::altact_sig_send;
  c.flags = s.kind == signal_kind::exit2 ? altact::exit : 0;
  if (priority) c.flags |= altact::priority;
  if (to_alias) c.flags |= altact::alias;
  if (to.what() == destination::kind::remote_name) c.flags |= altact::name;
  return true;
}

bool connection::fill_exit2(control_message& c, const destination& to, const signal& s) const {
  if (fill_altact(c, to, s)) return true;
  c.what = has(flag::exit_payload) ? op::payload_exit2 : op::exit2;
  return to.what() == destination::kind::process;
}

bool connection::fill_message(control_message& c, const destination& to, const signal& s) const {
  // Most operations have no form without a sender; OTP takes a pid that is nobody's.
  if (!s.from) c.from = address::of(ids_.out(runtime::pid{0, system_.creation(), 0, 0}));
  if (fill_altact(c, to, s)) return true;
  switch (to.what()) {
    case destination::kind::process:
      c.what = s.from && has(flag::send_sender) ? op::send_sender : op::send;
      return true;
    case destination::kind::remote_name:
      c.what = op::reg_send;
      return true;
    case destination::kind::alias:
      c.what = op::alias_send;
      return has(flag::alias);
    case destination::kind::none:
    case destination::kind::name:
    case destination::kind::node:
      break;
  }
  return false;
}

// Calls and short forms -----------------------------------------------------------------------------------

// The call's message follows. A monitor that does not ride on it goes before it.
void connection::begin_call(const destination& to, const signal& call, bool rides) {
  call_there there{{}, {}, rides};
  if (to.what() == destination::kind::process) {
    there.target = to.process();
  } else {
    there.name = std::make_unique<std::string>(to.name());
  }
  relations_.calling(call.ref, std::move(there));
  if (rides) return;
  control_message c;
  fill_ends(c, to, call.from);
  c.what = op::monitor_p;
  c.ref = ids_.out(call.ref);
  pack(c, {runtime::message()});
}

// Something is sent to an alias of the peer's: to a call's it is the answer.
void connection::end_call(const runtime::reference& answered, const runtime::pid& by) {
  const auto target = relations_.stop_called(answered);
  if (!target || *target == by) return;
  deliver(*target, runtime::make_signal(signal_kind::demonitor, answered.owner(), answered));
}

void connection::end_monitor(const runtime::reference& ref, const call_there& call) {
  control_message c;
  fill_demonitor(c, ref, call);
  pack(c, {runtime::message()});
}

std::optional<short_form> connection::brief(const destination& to, const signal& s) const {
  if (!short_forms_ || !packer_.is_brief({s.payload(), s.compression})) return std::nullopt;
  return shortened(to, s, peer_.creation);
}

bool connection::fill_unlink(control_message& c, const destination& to, const signal& s) {
  if (has(flag::unlink_id)) {
    relations_.unlinking(s.from, to.process(), s.number);
    c.what = op::unlink_id;
    c.id = s.number;
    return true;
  }
  // A peer without the protocol acknowledges nothing: we do it for it.
  relations_.unlinked(s.from, to.process());
  c.what = op::unlink;
  auto ack = runtime::make_signal(signal_kind::unlink_ack, to.process());
  ack->number = s.number;
  system_.deliver(s.from, std::move(ack));
  return true;
}

void connection::fill_demonitor(control_message& c, const runtime::reference& ref,
                                const watched_there& what) {
  c.what = op::demonitor_p;
  c.from = address::of(ids_.out(what.watcher));
  c.ref = ids_.out(ref);
  if (what.target.what() == destination::kind::remote_name) {
    c.to = address::of(std::string_view(spoken_of_ = what.target.name()));
  } else {
    c.to = address::of(ids_.out(what.target.process()));
  }
}

void connection::fill_demonitor(control_message& c, const runtime::reference& ref, const call_there& call) {
  c.what = op::demonitor_p;
  c.from = address::of(ids_.out(ref.owner()));
  c.to =
      call.name ? address::of(std::string_view(spoken_of_ = *call.name)) : address::of(ids_.out(call.target));
  c.ref = ids_.out(ref);
}

bool connection::fill_down(control_message& c, const signal& s) {
  c.what = has(flag::exit_payload) ? op::payload_monitor_p_exit : op::monitor_p_exit;
  c.ref = ids_.out(s.ref);
  if (relations_.stop_called(s.ref)) {
    c.to = address::of(ids_.out(s.ref.owner()));
    return true;
  }
  auto who = relations_.stop_watched(s.ref);
  if (!who) return false; // it crossed the peer's demonitor
  c.to = address::of(ids_.out(who->watcher));
  if (!who->name.empty()) {
    c.from = address::of(std::string_view(spoken_of_ = std::move(who->name)));
  } else {
    c.from = address::of(ids_.out(who->target));
  }
  return true;
}

} // namespace coppice::dist
