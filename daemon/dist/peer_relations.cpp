// SPDX-License-Identifier: MIT
// The tables of links, monitors and calls, and the signals that their loss causes. One thread.
#include "dist/peer_relations.hpp"

#include <utility>

#include "runtime/messages/exit_reason.hpp"

namespace coppice::dist {
namespace {

// Empty: the reference does not have the form that calls' references have.
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
  if (!unlinks_of_peer_.contains({local, remote})) links_.insert({local, remote});
  if (!unlinks_.empty()) unlinks_.erase({local, remote});
}

void peer_relations::add_link_of_peer(const runtime::pid& local, const runtime::pid& remote) {
  if (!unlinks_.contains({local, remote})) links_.insert({local, remote});
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

void peer_relations::begin_unlink_of_peer(const runtime::pid& local, const runtime::pid& remote,
                                          std::uint64_t id) {
  links_.erase({local, remote});
  unlinks_of_peer_[{local, remote}] = id;
}

void peer_relations::end_unlink_of_peer(const runtime::pid& local, const runtime::pid& remote,
                                        std::uint64_t id) {
  const auto at = unlinks_of_peer_.find({local, remote});
  if (at != unlinks_of_peer_.end() && at->second == id) unlinks_of_peer_.erase(at);
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

// Every entry is removed as it is told, so that destroying the tables costs nothing either. The signals count
// as the peer's own (signal::remote), so that they come after what its processes have sent before, also where
// this still waits outside a full mailbox. Only the end of a call or spawn request goes ahead of it, since
// the process that asked may be parked until it comes, and makes no room before.
bool peer_relations::tell_of_loss(const deliver_fn& deliver, std::size_t most) {
  using runtime::make_signal;
  using runtime::signal_kind;
  const auto reason = runtime::reasons::noconnection();
  std::size_t left = most;
  const auto deliver_in_order = [&](const runtime::destination& to, runtime::signal_ptr what) {
    what->flags |= runtime::signal::remote;
    deliver(to, std::move(what));
  };
  const auto tell_each = [&](auto& table, auto tell) {
    for (; !table.empty() && left > 0; --left) {
      const auto one = table.extract(table.begin());
      tell(one);
    }
  };
  tell_each(links_, [&](const auto& one) {
    deliver_in_order(one.value().local, make_signal(signal_kind::exit, one.value().remote, reason));
  });
  tell_each(unlinks_, [&](const auto& one) {
    auto ack = make_signal(signal_kind::unlink_ack, one.key().remote);
    ack->number = one.mapped();
    deliver_in_order(one.key().local, std::move(ack));
  });
  tell_each(unlinks_of_peer_, [](const auto&) {}); // the process has the unlink already
  tell_each(monitors_out_, [&](const auto& one) {
    const runtime::destination& of = one.mapped().target;
    const bool by_pid = of.what() == runtime::destination::kind::process;
    const runtime::pid from = by_pid ? of.process() : runtime::pid{of.node(), 0, 0, 0};
    auto down = make_signal(signal_kind::down, from, one.key(), reason);
    down->flags = one.mapped().flags & runtime::signal::by_name;
    deliver_in_order(one.mapped().watcher, std::move(down));
  });
  tell_each(monitors_in_, [&](const auto& one) {
    const incoming_monitor& what = one.mapped();
    if (what.target)
      deliver_in_order(what.target, make_signal(signal_kind::demonitor, what.watcher, one.key()));
  });
  tell_each(spawns_, [&](const auto& one) {
    deliver(one.mapped(), make_signal(signal_kind::down, {}, one.key(), reason));
  });
  left -= calls_out_.take_some(left, [&](const runtime::call_id& call, const outgoing_call&) {
    const auto ref = runtime::reference::made_by(call.who, call.number);
    deliver(call.who, make_signal(signal_kind::down, {}, ref, reason));
  });
  left -= calls_in_.take_some(left, [&](const runtime::call_id& call, const runtime::pid& target) {
    const auto ref = runtime::reference::made_by(call.who, call.number);
    deliver_in_order(target, make_signal(signal_kind::demonitor, call.who, ref));
  });
  return links() + monitors() + unlinks_.size() + unlinks_of_peer_.size() + spawns_.size() == 0;
}

} // namespace coppice::dist
