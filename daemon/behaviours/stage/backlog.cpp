// SPDX-License-Identifier: MIT
// Keeps the queues of waiting messages and the accounts of their bytes equal: every message goes in by put()
// and out by subtract().
#include "behaviours/stage/backlog.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace coppice::behaviours {

std::size_t stage_backlog::destination_hash::operator()(const destination& of) const noexcept {
  if (of.what() == destination::kind::process) return runtime::pid_hash()(of.process());
  return std::hash<std::string>()(of.name()) + of.node();
}

std::uint64_t stage_backlog::bytes(const runtime::pid& to, subscriber_id of) const {
  const auto whole = accounts_.find(holder(to));
  if (whole == accounts_.end()) return 0;
  const auto mine = whole->second.subscriptions.find(of);
  return mine == whole->second.subscriptions.end() ? 0 : mine->second.bytes;
}

bool stage_backlog::has_room_for_refusal(const destination& to) const {
  const auto whole = accounts_.find(holder(to));
  return whole == accounts_.end() || whole->second.others < most_refusals;
}

void stage_backlog::put(const destination& to, waiting one) {
  account& whole = accounts_[holder(to)];
  line& all = lines_[to];
  all.push_back(std::move(one));
  const waiting& added = all.back();
  const std::uint64_t size = weight(added);
  if (added.of == 0) {
    whole.others += size;
    return;
  }
  share& mine = whole.subscriptions[added.of];
  mine.to = to.process();
  mine.bytes += size;
  mine.events += added.events;
  mine.places.push_back(std::prev(all.end()));
  whole.bytes += size;
  ++whole.messages;
}

void stage_backlog::subtract(const destination& to, const waiting& one) {
  const auto whole = accounts_.find(holder(to));
  const std::uint64_t size = weight(one);
  if (one.of == 0) {
    whole->second.others -= size;
  } else {
    const auto mine = whole->second.subscriptions.find(one.of);
    mine->second.bytes -= size;
    mine->second.events -= one.events;
    mine->second.places.pop_front();
    if (mine->second.places.empty()) whole->second.subscriptions.erase(mine);
    whole->second.bytes -= size;
    --whole->second.messages;
  }
  if (whole->second.empty()) accounts_.erase(whole);
}

bool stage_backlog::add(const destination& to, message m) {
  put(to, {std::move(m)});
  return accounts_.find(holder(to))->second.others <= most_others;
}

std::vector<stage_overload> stage_backlog::add_events(const runtime::pid& to, subscriber_id of,
                                                      std::uint64_t events, message m, std::uint64_t most) {
  put(to, {std::move(m), of, events});
  std::vector<stage_overload> out;
  for (;;) {
    const auto found = accounts_.find(holder(to));
    if (found == accounts_.end() || found->second.bytes <= most || found->second.messages == 1) return out;
    account& whole = found->second;
    // A subscription with a single message has taken no more than any subscription may. If all are like
    // that, the subscription whose message came last loses it.
    subscriber_id worst = of;
    std::uint64_t largest = 0;
    for (const auto& [id, one] : whole.subscriptions)
      if (one.messages() > 1 && one.bytes > largest) {
        worst = id;
        largest = one.bytes;
      }
    if (!whole.subscriptions.contains(worst)) worst = whole.subscriptions.begin()->first;
    out.push_back(drop(whole, worst));
  }
}

stage_overload stage_backlog::drop(account& from, subscriber_id of) {
  const auto found = from.subscriptions.find(of);
  const share gone = std::move(found->second);
  from.subscriptions.erase(found);
  from.bytes -= gone.bytes;
  from.messages -= gone.messages();
  const auto its = lines_.find(gone.to);
  for (const line::iterator& one : gone.places) its->second.erase(one);
  if (its->second.empty()) lines_.erase(its);
  if (from.empty()) accounts_.erase(holder(gone.to));
  return {of, gone.events, gone.bytes};
}

std::vector<runtime::message> stage_backlog::take_line(const destination& to) {
  std::vector<message> out;
  const auto its = lines_.find(to);
  if (its == lines_.end()) return out;
  for (waiting& each : its->second) {
    subtract(to, each);
    out.push_back(std::move(each.what));
  }
  lines_.erase(its);
  return out;
}

void stage_backlog::clear() noexcept {
  lines_.clear();
  accounts_.clear();
}

} // namespace coppice::behaviours
