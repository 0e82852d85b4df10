// SPDX-License-Identifier: MIT
// See liveness_exchange.hpp.
#include "behaviours/raft/liveness_exchange.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "behaviours/raft/liveness_carrier.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using consensus::node_liveness;
using runtime::message;
using runtime::process;

namespace {

void look(process& self) {
  self.notify(runtime::destination::named(std::string(liveness_carrier::registered_name)),
              message::atom(liveness_carrier::look_word));
}

} // namespace

liveness_exchange::liveness_exchange() : all_(std::max<std::uint64_t>(base::random_u64(), 1)) {}

void liveness_exchange::keep_carrier(process& self, beat_exchange& of, metrics::board* board) {
  if (self.host().whereis(liveness_carrier::registered_name)) return;
  const std::scoped_lock held(starting_);
  if (self.host().whereis(liveness_carrier::registered_name)) return;
  runtime::spawn_options how;
  how.name = liveness_carrier::registered_name;
  how.label = "raft/liveness";
  how.of_node = true; // it serves all groups, and waits for no node
  auto made = self.host().spawn(std::move(how), std::make_unique<liveness_carrier>(*this, of, board));
  if (!made) base::log::warning("raft", "groups at rest stay awake: {}", made.error().text);
}

runtime::reference liveness_exchange::watch(process& self) {
  const auto carrier = self.host().whereis(liveness_carrier::registered_name);
  return carrier ? self.monitor(*carrier) : runtime::reference{};
}

bool liveness_exchange::offer(process& self, const consensus::quiescence& what,
                              std::span<const node_liveness::place> followers, node_liveness::pace of) {
  bool is_made = false;
  bool is_sooner = false;
  {
    const std::scoped_lock held(lock_);
    const base::nanos before = all_.due();
    is_made = all_.offer(self.now(), what, followers, of);
    is_sooner = all_.due() < before;
  }
  if (is_sooner) look(self);
  return is_made;
}

bool liveness_exchange::follow(process& self, const consensus::member_id& follower, std::string_view node,
                               const consensus::quiescence& what, base::nanos election) {
  bool is_made = false;
  bool is_sooner = false;
  {
    const std::scoped_lock held(lock_);
    const base::nanos before = all_.due();
    is_made = all_.follow(self.now(), follower, node, what, election);
    is_sooner = all_.due() < before;
  }
  if (is_sooner) look(self);
  return is_made;
}

void liveness_exchange::wake(const consensus::member_id& one) {
  const std::scoped_lock held(lock_);
  all_.wake(one);
}

base::nanos liveness_exchange::heard(std::string_view node) const {
  const std::scoped_lock held(lock_);
  return all_.heard(node);
}

bool liveness_exchange::knows(std::string_view node) const {
  const std::scoped_lock held(lock_);
  return all_.knows(node);
}

void liveness_exchange::receive(base::nanos now, std::string_view node, const consensus::liveness_message& in,
                                node_liveness::outcome& out) {
  const std::scoped_lock held(lock_);
  all_.receive(now, node, in, out);
}

void liveness_exchange::advance(base::nanos now, node_liveness::outcome& out) {
  const std::scoped_lock held(lock_);
  all_.advance(now, out);
}

void liveness_exchange::lost(std::string_view node, node_liveness::outcome& out) {
  const std::scoped_lock held(lock_);
  all_.lost(node, out);
}

base::nanos liveness_exchange::due() const {
  const std::scoped_lock held(lock_);
  return all_.due();
}

} // namespace coppice::behaviours::raft
