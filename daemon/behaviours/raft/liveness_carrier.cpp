// SPDX-License-Identifier: MIT
// See liveness_carrier.hpp.
#include "behaviours/raft/liveness_carrier.hpp"

#include <algorithm>
#include <coppice/etf/writer.hpp>

#include "base/log_counted.hpp"
#include "consensus/wire.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using consensus::node_liveness;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view due_word = "$coppice_raft_due"; // a reminder: something is due

} // namespace

liveness_carrier::liveness_carrier(liveness_exchange& of, beat_exchange& members, metrics::board* board)
    : native_server("raft_liveness"),
      exchange_(of),
      members_(members),
      counters_(board != nullptr ? board->total<liveness_counters>({})
                                 : std::make_shared<liveness_counters>()) {}

outcome liveness_carrier::on_start(process& self) {
  pump(self);
  return runtime::carry_on();
}

outcome liveness_carrier::handle_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (self.origin().notice && at.peek() == etf::kind::atom) {
    if (at.read_atom_is(due_word)) armed_ = 0;
    pump(self);
    return runtime::carry_on();
  }
  if (take_down(self, m)) return runtime::carry_on();
  std::uint32_t arity = 0;
  if (self.origin().here() || !at.read_tuple(arity) || !at.read_atom_is(consensus::liveness_word))
    return native_server::handle_info(self, m);
  take(self, m);
  return runtime::carry_on();
}

void liveness_carrier::pump(process& self) {
  node_liveness::outcome made;
  exchange_.advance(self.now(), made);
  carry_out(self, made);
}

void liveness_carrier::carry_out(process& self, const node_liveness::outcome& what) {
  for (const node_liveness::outgoing& one : what.sent) send(self, one);
  for (const node_liveness::news& one : what.told) tell(self, one);
  const base::nanos due = std::max<base::nanos>(exchange_.due(), 1);
  if (due == runtime::no_deadline || (armed_ != 0 && armed_ <= due)) return;
  if (armed_ != 0) self.cancel_timer(timer_);
  armed_ = due;
  timer_ = self.remind(due, message::atom(due_word));
}

// A message that cannot leave is lost, as on any network.
void liveness_carrier::send(process& self, const node_liveness::outgoing& what) {
  const auto node = self.host().nodes().intern(what.node);
  if (!node) return; // no room for its name
  message_writer out(128 + what.what.changes.size() * 64);
  consensus::encode(what.what, out);
  message m = out.take();
  if (!m) return;
  const auto to = runtime::destination::remote(std::string(registered_name), *node);
  if (self.send_ahead(to, std::move(m)) == runtime::send_status::ok) counters_->sent.add_alone();
}

void liveness_carrier::tell(process& self, const node_liveness::news& what) {
  // Other nodes send as many offers as they like, so offers count against the bound of what a member is told
  // of. A wake-up does not: it comes once for each time that the member has become quiescent.
  const runtime::pid to = what.offer ? members_.tell(what.to, what.node) : members_.find(what.to);
  if (!to) return;
  message_writer out(128);
  if (!what.offer) {
    counters_->woken.add_alone();
    out.tuple(2);
    out.atom(wake_word);
    out.unsigned_integer(static_cast<std::uint64_t>(what.heard));
  } else {
    out.tuple(5);
    out.atom(quiescence_word);
    out.atom(what.node);
    consensus::put_id(what.offer->leader, out);
    out.unsigned_integer(what.offer->term);
    out.unsigned_integer(what.offer->last);
  }
  self.notify(to, out.take());
}

void liveness_carrier::take(process& self, const message& m) {
  const std::uint32_t node = self.origin().node;
  const std::string name = self.host().nodes().name(node);
  // State is kept only for nodes of members, and is bounded. The members here may have ended since, and a
  // node that is known has to hear of that.
  if (!members_.expects(name) && !exchange_.knows(name)) return drop(name, "no member is there");
  auto read = consensus::decode_liveness(m.bytes());
  if (!read) return drop(name, read.error().text);
  watch(self, node);
  for (consensus::liveness_change& one : read->changes)
    one.is_here = !one.offer || members_.expects(one.follower, name);
  node_liveness::outcome made;
  exchange_.receive(self.now(), name, *read, made);
  carry_out(self, made);
}

void liveness_carrier::drop(std::string_view node, std::string_view why) {
  counters_->dropped.add_alone();
  base::log::counted(base::log::level::warning, "raft", "messages that a node lives are dropped",
                     "a message from {} that it lives is dropped: {}", node, why);
}

void liveness_carrier::watch(process& self, std::uint32_t node) {
  if (watched_.contains(node)) return;
  const auto to = runtime::destination::remote(std::string(registered_name), node);
  runtime::monitor_options how;
  how.how.connects = false;
  if (const runtime::reference made = self.monitor(to, std::move(how))) watched_[node] = made;
}

// {'DOWN', Ref, process, _, Reason}: the connection to that node, or its carrier, has ended.
bool liveness_carrier::take_down(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (!self.origin().notice || !at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return false;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  const auto known =
      std::ranges::find_if(watched_, [&](const auto& one) { return ref && one.second == *ref; });
  if (known == watched_.end()) return true;
  const std::string name = self.host().nodes().name(known->first);
  watched_.erase(known);
  node_liveness::outcome made;
  exchange_.lost(name, made);
  carry_out(self, made);
  return true;
}

} // namespace coppice::behaviours::raft
