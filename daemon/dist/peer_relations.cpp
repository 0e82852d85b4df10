// SPDX-License-Identifier: MIT
// Bookkeeping of links and monitors, and the signals their loss makes. One thread.
#include "dist/peer_relations.hpp"

#include <utility>

#include "runtime/messages/exit_reason.hpp"

namespace coppice::dist {
namespace {

// Nothing when the reference has another form than calls' have.
std::optional<runtime::call_id> call_of(const runtime::reference& ref) {
  if (!ref.is_whole()) return std::nullopt;
  return runtime::call_id::of(ref);
}

template <class Table>
std::optional<typename Table::mapped_type> take(Table& from, const runtime::reference& ref) {
  const auto at = from.find(ref);
  if (at == from.end()) return std::nullopt;
  auto what = std::move(at->second);
  from.erase(at);
  return what;
}

} // namespace

void peer_relations::add_link(const runtime::pid& local, const runtime::pid& remote) {
  links_.insert({local, remote});
}

void peer_relations::remove_link(const runtime::pid& local, const runtime::pid& remote) {
  links_.erase({local, remote});
}

void peer_relations::begin_unlink(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id) {
  links_.erase({local, remote});
  unlinks_[{local, remote}] = id;
}

void peer_relations::end_unlink(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id) {
  const auto at = unlinks_.find({local, remote});
  if (at != unlinks_.end() && at->second == id) unlinks_.erase(at);
}

void peer_relations::add_monitor(const runtime::reference& ref, outgoing_monitor what) {
  monitors_out_[ref] = std::move(what);
}

std::optional<outgoing_monitor> peer_relations::take_outgoing_monitor(const runtime::reference& ref) {
  return take(monitors_out_, ref);
}

bool peer_relations::add_monitor(const runtime::reference& ref, incoming_monitor what) {
  return monitors_in_.try_emplace(ref, std::move(what)).second;
}

std::optional<incoming_monitor> peer_relations::take_incoming_monitor(const runtime::reference& ref) {
  return take(monitors_in_, ref);
}

void peer_relations::add_call(const runtime::reference& ref, outgoing_call what) {
  if (const auto call = call_of(ref)) calls_out_[*call] = std::move(what);
}

std::optional<outgoing_call> peer_relations::take_outgoing_call(const runtime::reference& ref) {
  const auto call = call_of(ref);
  return call ? calls_out_.take(*call) : std::nullopt;
}

bool peer_relations::add_call(const runtime::call_id& call, const runtime::pid& target) {
  const auto [at, is_new] = calls_in_.insert(call);
  if (is_new) at = target;
  return is_new;
}

std::optional<runtime::pid> peer_relations::take_incoming_call(const runtime::reference& ref) {
  const auto call = call_of(ref);
  return call ? calls_in_.take(*call) : std::nullopt;
}

std::optional<runtime::pid> peer_relations::take_spawn_request(const runtime::reference& ref) {
  return take(spawns_, ref);
}

void peer_relations::lost(const deliver_fn& deliver) {
  using runtime::make_signal;
  using runtime::signal_kind;
  // Taken out first: what is delivered may come back here as new signals.
  const auto links = std::exchange(links_, {});
  const auto unlinks = std::exchange(unlinks_, {});
  const auto monitors_out = std::exchange(monitors_out_, {});
  const auto monitors_in = std::exchange(monitors_in_, {});
  const auto spawns = std::exchange(spawns_, {});
  auto calls_out = std::exchange(calls_out_, {});
  auto calls_in = std::exchange(calls_in_, {});
  const auto reason = runtime::reasons::noconnection();
  for (const auto& [local, remote] : links) deliver(local, make_signal(signal_kind::exit, remote, reason));
  for (const auto& [ends, id] : unlinks) {
    auto ack = make_signal(signal_kind::unlink_ack, ends.remote);
    ack->number = id;
    deliver(ends.local, std::move(ack));
  }
  for (const auto& [ref, what] : monitors_out) {
    auto down = make_signal(signal_kind::down, {}, ref, reason);
    down->flags = what.flags & runtime::signal::by_name;
    deliver(what.watcher, std::move(down));
  }
  for (const auto& [ref, what] : monitors_in) {
    if (what.target) deliver(what.target, make_signal(signal_kind::demonitor, what.watcher, ref));
  }
  for (const auto& [ref, who] : spawns) deliver(who, make_signal(signal_kind::down, {}, ref, reason));
  calls_out.for_each([&](const runtime::call_id& call, const outgoing_call&) {
    const auto ref = runtime::reference::made_by(call.who, call.number);
    deliver(call.who, make_signal(signal_kind::down, {}, ref, reason));
  });
  calls_in.for_each([&](const runtime::call_id& call, const runtime::pid& target) {
    const auto ref = runtime::reference::made_by(call.who, call.number);
    deliver(target, make_signal(signal_kind::demonitor, call.who, ref));
  });
}

} // namespace coppice::dist
