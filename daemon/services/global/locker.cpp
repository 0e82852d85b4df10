// SPDX-License-Identifier: MIT
// Takes global's lock for two partitions that meet. Either side may do it: it waits a while, takes the lock
// on its own node, asks the peer and then every node of its own partition, and sends lock_set when all have
// agreed. Both sides name the lock by both lockers, in Erlang's order, so they never exclude each other. If
// another pair holds the lock, or a node does not answer set_lock or lock_set in time, everything is given
// back and tried again later. OTP waits for such a node as long as it is connected, and no other node gets
// the lock meanwhile. In the process's own turn.
#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order.hpp>
#include <utility>

#include "base/log_counted.hpp"
#include "base/random.hpp"
#include "runtime/system.hpp"
#include "services/global/name_server.hpp"
#include "services/peers/existing_connection.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

// How long a lock is held for a node that does not answer. After that this node leaves it to others for as
// long.
constexpr base::nanos lock_patience = 5 * base::nanos_per_second;

// OTP's waits: a single node tries first; a larger partition waits longer.
base::nanos lock_delay(std::size_t known) {
  if (known == 0) return 200 * base::nanos_per_ms;
  const auto ms = std::min<std::int64_t>(1000 + 100 * static_cast<std::int64_t>(known), 3000);
  return (ms + static_cast<std::int64_t>(base::random_below(200))) * base::nanos_per_ms;
}

message lock_request(std::string_view what, const message& lock) {
  message_writer out;
  out.tuple(2);
  out.atom(what);
  out.raw(lock.bytes());
  return out.take();
}

} // namespace

void global_name_server::make_lock(process& self, partner& p) const {
  message_writer ours;
  message_writer his;
  runtime::write(ours, self.self(), self.host().nodes());
  runtime::write(his, p.his_locker, self.host().nodes());
  const bool first = etf::compare(ours.view(), his.view()) < 0;
  message_writer lock;
  lock.tuple(2);
  lock.atom("global");
  lock.list(2);
  lock.raw(first ? ours.view() : his.view());
  lock.raw(first ? his.view() : ours.view());
  lock.nil();
  p.lock = lock.take();
}

void global_name_server::try_later(process& self, const std::string& node, partner& p, bool rests) {
  message_writer out;
  out.tuple(2);
  out.atom("$coppice_lock");
  out.atom(node);
  auto& timer = timers_[node];
  if (timer != 0) self.cancel_timer(timer);
  const auto wait = rests                  ? 2 * lock_patience
                    : p.locked || p.asking ? lock_patience
                                           : lock_delay(known_.size());
  timer = self.remind(std::max(self.now() + wait, rests_until_), out.take());
}

void global_name_server::try_lock(process& self, const std::string& node) {
  timers_.erase(node);
  const auto found = partners_.find(node);
  if (found == partners_.end() || synced_.contains(node)) return;
  auto& p = found->second;
  if (p.locked) {
    // The peer was told, and did not continue.
    if (!p.names_sent) give_up_lock(self, p);
    return try_later(self, node, p);
  }
  if (p.asking) {
    base::log::counted(base::log::level::warning, "services", "global: lock",
                       "global: {} does not answer; the names of this partition and of {} are not joined yet",
                       self.host().nodes().name(p.lock_at[p.locked_at]), node);
    give_up_lock(self, p); // the node gets set_lock and del_lock, in this order, when it goes on
    rests_until_ = self.now() + lock_patience;
    return try_later(self, node, p, true);
  }
  if (self.now() < rests_until_) return try_later(self, node, p);
  if (!p.his_tag || !p.lock_at.empty() || !set_lock(self, p.lock.bytes(), self.self())) {
    return try_later(self, node, p);
  }
  p.lock_at.push_back(p.node);
  for (const auto& other : known_) {
    const auto at = partners_.find(other);
    if (other != node && at != partners_.end()) p.lock_at.push_back(at->second.node);
  }
  p.locked_at = 0;
  ask_next(self, node, p);
}

void global_name_server::ask_next(process& self, const std::string& node, partner& p) {
  const auto to = runtime::destination::remote(registered_name, p.lock_at[p.locked_at]);
  p.asking = self.monitor(to, {.how = over_existing_connection, .alias = runtime::alias_until::reply});
  if (!p.asking) {
    give_up_lock(self, p);
    return try_later(self, node, p);
  }
  const auto body = lock_request("set_lock", p.lock);
  send_over_existing_connection(self.host(), self.self(), to,
                                behaviours::gen::call_message(self, p.asking, body.bytes()));
  try_later(self, node, p);
}

// {[alias|Ref], Answer} to a set_lock or del_lock of this node.
bool global_name_server::is_answer(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t length = 0;
  bool yes = false;
  if (!at.read_tuple_of(2) || !at.read_list(length) || length != 1 || !at.read_atom_is("alias")) return false;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  if (!ref) return false;
  if (at.read_bool(yes)) on_lock_answer(self, ref->whole(self.self()), yes);
  return true;
}

void global_name_server::on_lock_answer(process& self, const runtime::reference& ref, bool yes) {
  const auto found = std::find_if(partners_.begin(), partners_.end(),
                                  [&](const auto& entry) { return entry.second.asking == ref; });
  if (found == partners_.end()) return;
  auto& [node, p] = *found;
  p.asking = {};
  if (!yes) {
    give_up_lock(self, p);
    return try_later(self, node, p);
  }
  if (++p.locked_at < p.lock_at.size()) return ask_next(self, node, p);
  if (p.locked) return; // the peer's lock_set came meanwhile and was answered
  p.locked = true;
  send_lock_set(self, p, true);
  try_later(self, node, p);
}

// Also if the lock is only being taken, or not taken at all.
void global_name_server::give_up_lock(process& self, partner& p) {
  if (p.lock) del_lock(self, p.lock.bytes(), self.self());
  const std::size_t asked = std::min(p.locked_at + (p.asking ? 1 : 0), p.lock_at.size());
  if (p.asking) self.demonitor(std::exchange(p.asking, {}), true);
  for (std::size_t i = 0; i < asked; ++i) {
    message_writer out;
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    runtime::write(out, self.self(), self.host().nodes());
    runtime::write(out, self.make_reference(), self.host().nodes());
    out.raw(lock_request("del_lock", p.lock).bytes());
    tell(self, p.lock_at[i], out.take());
  }
  p.lock_at.clear();
  p.locked_at = 0;
  p.locked = false;
}

void global_name_server::send_names(process& self, partner& p) {
  p.names_sent = true;
  message_writer out;
  out.tuple(5);
  out.atom("exchange");
  out.raw(own_node(self).bytes());
  write_names(self, out);
  out.nil();
  out.raw(p.his_tag.bytes());
  cast(self, p.node, out.view());
}

} // namespace coppice::services
