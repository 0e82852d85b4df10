// SPDX-License-Identifier: MIT
// Routes events to partitions, and keeps held_ within its bounds after each change.
#include "behaviours/stage/partition_dispatcher.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order.hpp>
#include <numeric>

#include "behaviours/stage/wire.hpp"

namespace coppice::behaviours {

partition_dispatcher::partition_dispatcher(std::vector<runtime::message> names, std::uint64_t most_ahead)
    : fixed_(!names.empty()), most_ahead_(most_ahead) {
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&names](std::size_t a, std::size_t b) {
    return etf::compare(names[a].bytes(), names[b].bytes()) < 0;
  });
  by_number_.resize(names.size());
  for (std::size_t at = 0; at < order.size(); ++at) {
    partitions_[at].name = std::move(names[order[at]]);
    by_number_[order[at]] = at;
  }
}

partition_dispatcher::partition* partition_dispatcher::of(subscriber_id who) {
  const auto found = subscribers_.find(who);
  return found == subscribers_.end() ? nullptr : &partitions_.find(found->second)->second;
}

partition_dispatcher::partition* partition_dispatcher::at_number(std::uint64_t number) {
  if (fixed_ && number >= by_number_.size()) return nullptr;
  const auto found = partitions_.find(fixed_ ? by_number_[number] : number);
  return found == partitions_.end() ? nullptr : &found->second;
}

expected<void, runtime::message> partition_dispatcher::subscribe(subscriber_id who, const runtime::pid&,
                                                                 etf::bytes options) {
  const auto wanted = option_of(options, "partition");
  if (!wanted) return unexpected(bad_options("it has to name its partition"));
  place at = 0;
  if (!fixed_) {
    if (!etf::cursor(*wanted).read_unsigned(at))
      return unexpected(bad_options("its partition has to be a number"));
    partitions_.try_emplace(at);
  }
  const auto found =
      fixed_ ? std::ranges::find_if(
                   partitions_,
                   [&wanted](const auto& one) { return etf::equal_exact(one.second.name.bytes(), *wanted); })
             : partitions_.find(at);
  if (found == partitions_.end()) return unexpected(bad_options("there is no such partition"));
  if (found->second.who != 0) return unexpected(bad_options("the partition has a consumer already"));
  found->second.who = who;
  subscribers_[who] = found->first;
  return {};
}

// held_ exceeds neither the demand nor the queued events, and covers all queued events beyond the bound.
void partition_dispatcher::settle() {
  const std::uint64_t most = std::min(queued_, demand_);
  const std::uint64_t surplus = queued_ - std::min(queued_, most_ahead_);
  held_ = std::min(std::max(held_, surplus), most);
}

void partition_dispatcher::came_out(info_id which, outlet& out) {
  const auto found = infos_.find(which);
  if (found == infos_.end() || --found->second.partitions != 0) return;
  out.inform(std::move(found->second.what));
  infos_.erase(found);
}

void partition_dispatcher::cancel(subscriber_id who, outlet& out) {
  const auto found = subscribers_.find(who);
  if (found == subscribers_.end()) return;
  const place at = found->second;
  subscribers_.erase(found);
  partition left = std::exchange(partitions_[at], {});
  if (fixed_) {
    partitions_[at].name = left.name;
  } else {
    partitions_.erase(at);
  }
  // The events that waited for this partition are dropped; messages may still wait at other partitions.
  std::uint64_t lost = 0;
  for (auto& each : left.queue) {
    if (const auto* events = std::get_if<event_list>(&each)) {
      lost += events->count();
    } else {
      came_out(std::get<info_id>(each), out);
    }
  }
  demand_ -= left.demand;
  queued_ -= lost;
  settle();
  if (lost != 0) out.discarded(lost, "their partition's consumer has left");
}

void partition_dispatcher::send_queued(partition& from, std::uint64_t count, outlet& out) {
  event_list ready;
  const auto send = [&] {
    if (!ready.empty()) out.deliver(from.who, std::exchange(ready, {}));
  };
  while (count != 0 && !from.queue.empty()) {
    waiting& first = from.queue.front();
    if (auto* events = std::get_if<event_list>(&first)) {
      event_list some = events->take(count);
      count -= some.count();
      queued_ -= some.count();
      ready.append(std::move(some));
      if (!events->empty()) break;
    } else {
      send();
      came_out(std::get<info_id>(first), out);
    }
    from.queue.pop_front();
  }
  send();
  if (count == 0) return; // it stays backed up, even if its queue is empty
  from.backed_up = false;
  from.demand = count;
  demand_ += count;
}

void partition_dispatcher::ask(subscriber_id who, std::uint64_t count, outlet& out) {
  partition* const asks = of(who);
  if (asks == nullptr) return;
  count = std::min({count, most_demand - asks->demand, most_demand_of_all - demand_});
  if (asks->backed_up) {
    send_queued(*asks, count, out);
  } else {
    asks->demand += count;
    demand_ += count;
  }
  settle();
}

void partition_dispatcher::dispatch(event_list& events, std::uint64_t ahead, outlet& out) {
  const std::uint64_t kept = queued_ - held_;
  std::uint64_t room = wanted() + std::min({ahead, most_demand, most_ahead_ - std::min(most_ahead_, kept)});
  std::uint64_t unknown = 0;
  while (room != 0 && !events.empty()) {
    event_list one = events.take(1);
    runtime::message event;
    one.each([&event](runtime::message m) { event = std::move(m); });
    std::uint64_t number = 0;
    switch (out.choose(event, number)) {
      case outlet::choice::none:
        continue; // the demand stays
      case outlet::choice::by_default:
        if (fixed_) number = etf::phash2(event.bytes(), static_cast<std::uint32_t>(partitions_.size()));
        break;
      case outlet::choice::index:
        break;
    }
    partition* const to = at_number(number);
    if (to == nullptr) {
      ++unknown;
      continue;
    }
    --room;
    to->arriving.append(std::move(one));
  }
  if (unknown != 0) out.discarded(unknown, "there is no partition with such a number");
  for (auto& [at, each] : partitions_) {
    event_list arrived = std::exchange(each.arriving, {});
    if (arrived.empty()) continue;
    if (!each.backed_up) {
      event_list now = arrived.take(each.demand);
      each.demand -= now.count();
      demand_ -= now.count();
      if (!now.empty()) out.deliver(each.who, std::move(now));
      if (each.demand != 0) continue;
      each.backed_up = true;
    }
    if (arrived.empty()) continue;
    queued_ += arrived.count();
    held_ += arrived.count();
    each.queue.emplace_back(arrived.compact());
  }
  settle();
}

void partition_dispatcher::inform(runtime::message m, outlet& out) {
  const info_id made = ++last_info_;
  std::uint32_t waits = 0;
  for (auto& [at, each] : partitions_) {
    if (!each.backed_up) continue;
    each.queue.emplace_back(made);
    ++waits;
  }
  if (waits == 0) {
    out.inform(std::move(m));
  } else {
    infos_[made] = {std::move(m), waits};
  }
}

std::uint64_t partition_dispatcher::queued(subscriber_id who) const {
  const auto found = subscribers_.find(who);
  if (found == subscribers_.end()) return 0;
  std::uint64_t count = 0;
  for (const auto& each : partitions_.find(found->second)->second.queue)
    if (const auto* events = std::get_if<event_list>(&each)) count += events->count();
  return count;
}

} // namespace coppice::behaviours
