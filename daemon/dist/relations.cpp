// SPDX-License-Identifier: MIT
// Bookkeeping of links and monitors, and the signals their loss makes. One thread.
#include "dist/relations.hpp"

#include <utility>

#include "runtime/exit_reason.hpp"

namespace coppice::dist {
namespace {

// Nothing when the reference has another form than calls' have.
std::optional<runtime::call_id> call_of(const runtime::reference& ref) {
  const runtime::call_id made{ref.owner(), ref.number()};
  if (ref != runtime::reference::made_by(made.who, made.number)) return std::nullopt;
  return made;
}

} // namespace

void relations::linked(const runtime::pid& local, const runtime::pid& remote) {
  links_.insert({local, remote});
}

void relations::unlinked(const runtime::pid& local, const runtime::pid& remote) {
  links_.erase({local, remote});
}

void relations::unlinking(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id) {
  links_.erase({local, remote});
  unlinking_[{local, remote}] = id;
}

void relations::unlink_acknowledged(const runtime::pid& local, const runtime::pid& remote) {
  unlinking_.erase({local, remote});
}

void relations::watching(const runtime::reference& ref, watched_there what) {
  watching_[ref] = std::move(what);
}

std::optional<watched_there> relations::stop_watching(const runtime::reference& ref) {
  const auto at = watching_.find(ref);
  if (at == watching_.end()) return std::nullopt;
  auto what = std::move(at->second);
  watching_.erase(at);
  return what;
}

void relations::calling(const runtime::reference& ref, call_there what) {
  if (const auto call = call_of(ref)) calling_[*call] = std::move(what);
}

std::optional<call_there> relations::stop_calling(const runtime::reference& ref) {
  const auto call = call_of(ref);
  return call ? calling_.take(*call) : std::nullopt;
}

std::optional<runtime::pid> relations::stop_asking(const runtime::reference& ref) {
  const auto at = asking_.find(ref);
  if (at == asking_.end()) return std::nullopt;
  const auto who = at->second;
  asking_.erase(at);
  return who;
}

bool relations::called(const runtime::reference& ref, const runtime::pid& target) {
  const auto call = call_of(ref);
  if (!call || called_.find(*call) != nullptr) return false;
  called_[*call] = target;
  return true;
}

std::optional<runtime::pid> relations::stop_called(const runtime::reference& ref) {
  const auto call = call_of(ref);
  return call ? called_.take(*call) : std::nullopt;
}

bool relations::watched(const runtime::reference& ref, watched_here who) {
  return watched_.try_emplace(ref, std::move(who)).second;
}

std::optional<watched_here> relations::stop_watched(const runtime::reference& ref) {
  const auto at = watched_.find(ref);
  if (at == watched_.end()) return std::nullopt;
  auto who = std::move(at->second);
  watched_.erase(at);
  return who;
}

void relations::lost(const deliver_fn& deliver) {
  using runtime::make_signal;
  using runtime::signal_kind;
  // Taken out first: what is delivered may come back here as new signals.
  const auto links = std::exchange(links_, {});
  const auto unlinking = std::exchange(unlinking_, {});
  const auto watching = std::exchange(watching_, {});
  const auto watched = std::exchange(watched_, {});
  const auto asking = std::exchange(asking_, {});
  auto calling = std::exchange(calling_, {});
  auto called = std::exchange(called_, {});
  const auto reason = runtime::reasons::noconnection();
  for (const auto& [local, remote] : links) deliver(local, make_signal(signal_kind::exit, remote, reason));
  for (const auto& [ends, id] : unlinking) {
    auto ack = make_signal(signal_kind::unlink_ack, ends.remote);
    ack->number = id;
    deliver(ends.local, std::move(ack));
  }
  for (const auto& [ref, what] : watching) {
    auto down = make_signal(signal_kind::down, {}, ref, reason);
    down->flags = what.flags & runtime::signal::by_name;
    deliver(what.watcher, std::move(down));
  }
  for (const auto& [ref, who] : watched) {
    if (who.target) deliver(who.target, make_signal(signal_kind::demonitor, who.watcher, ref));
  }
  for (const auto& [ref, who] : asking) deliver(who, make_signal(signal_kind::down, {}, ref, reason));
  calling.for_each([&](const runtime::call_id& call, const call_there&) {
    const auto ref = runtime::reference::made_by(call.who, call.number);
    deliver(call.who, make_signal(signal_kind::down, {}, ref, reason));
  });
  called.for_each([&](const runtime::call_id& call, const runtime::pid& target) {
    const auto ref = runtime::reference::made_by(call.who, call.number);
    deliver(target, make_signal(signal_kind::demonitor, call.who, ref));
  });
}

} // namespace coppice::dist
