// SPDX-License-Identifier: MIT
// See beat_carrier.hpp.
#include "behaviours/raft/beat_carrier.hpp"

#include <string>

#include "base/log_counted.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view due_word = "$coppice_raft_due"; // a reminder: the gathered messages are due

} // namespace

beat_carrier::beat_carrier(beat_exchange& of, metrics::board* board)
    : native_server("raft_heartbeats"),
      exchange_(of),
      counters_(board != nullptr ? board->total<beat_counters>({}) : std::make_shared<beat_counters>()) {}

outcome beat_carrier::on_start(process& self) {
  pump(self); // an earlier carrier may have left something
  return runtime::carry_on();
}

outcome beat_carrier::handle_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (self.origin().notice) {
    if (at.read_atom_is(look_word)) {
      pump(self);
    } else if (at.read_atom_is(due_word)) {
      armed_ = 0;
      pump(self);
    }
    return runtime::carry_on();
  }
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity) || !at.read_atom_is(beats_word)) return native_server::handle_info(self, m);
  take(self, m);
  return runtime::carry_on();
}

void beat_carrier::pump(process& self) {
  for (const beat_exchange::batch& one : exchange_.take(self.now())) send(self, one);
  const base::nanos due = exchange_.due();
  if (due == 0 || (armed_ != 0 && armed_ <= due)) return;
  if (armed_ != 0) self.cancel_timer(timer_);
  armed_ = due;
  timer_ = self.remind(due, message::atom(due_word));
}

void beat_carrier::send(process& self, const beat_exchange::batch& what) {
  const auto node = self.host().nodes().intern(what.node);
  if (!node) return counters_->dropped.add_alone(what.count); // no room for its name
  const auto to = runtime::destination::remote(std::string(registered_name), *node);
  const message m = beat_exchange::to_message(what);
  auto sent = self.send_ahead(to, m);
  // An ordinary message makes the node connect.
  if (sent == runtime::send_status::nodedown) sent = self.send(to, m, {.waits = false});
  sent == runtime::send_status::ok ? counters_->sent.add_alone() : counters_->dropped.add_alone(what.count);
}

void beat_carrier::take(process& self, const message& m) {
  const auto read = beat_exchange::read(m.bytes());
  if (!read) return drop(self, read.error().text);
  const std::string node = self.host().nodes().name(self.origin().node);
  for (const beat_exchange::beat& one : *read) {
    const runtime::pid to = exchange_.tell(one.to, node);
    if (!to) {
      // The group has ended here or has not begun, or has no member on that node, or the member has too many
      // heartbeats of that node to handle.
      counters_->dropped.add_alone();
      continue;
    }
    message_writer out(one.term.size() + 64);
    out.tuple(3);
    out.atom(beat_word);
    out.atom(node);
    out.raw(one.term);
    self.notify(to, out.take());
  }
}

void beat_carrier::drop(process& self, std::string_view why) {
  counters_->dropped.add_alone();
  base::log::counted(base::log::level::warning, "raft", "heartbeats are dropped",
                     "heartbeats from {} are dropped: {}", self.host().nodes().name(self.origin().node), why);
}

} // namespace coppice::behaviours::raft
