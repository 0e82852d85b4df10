// SPDX-License-Identifier: MIT
// The owner's side of a freezer. While the owner waits, it looks now and then, and less and less often, for
// the processes that members still in a handler wait for.
#include "runtime/freezing/freezer.hpp"

#include <algorithm>
#include <chrono>

#include "runtime/freezing/freeze_group.hpp"
#include "runtime/system.hpp"

namespace coppice::runtime {
namespace {

// The first look at the processes that members wait for. The time between looks doubles up to last_look.
constexpr base::nanos first_look = base::nanos_per_ms;
constexpr base::nanos last_look = 50 * base::nanos_per_ms;

using clock = std::chrono::steady_clock;

bool is_settled(const freeze_group& group) {
  return (group.open.load(std::memory_order_acquire) & ~freeze_group::sealed) == 0;
}

// True: the group is settled.
bool wait_until(freeze_group& group, base::nanos deadline, const std::stop_token& quit) {
  const auto done = [&] { return is_settled(group); };
  std::unique_lock guard(group.lock);
  if (deadline == no_deadline) return group.changed.wait(guard, quit, done);
  const clock::time_point end = clock::now() + std::chrono::nanoseconds(deadline - base::mono_now());
  return group.changed.wait_until(guard, quit, end, done);
}

template <class Wanted>
std::vector<pid> those(const freeze_group& group, Wanted wanted) {
  std::vector<pid> out;
  for (const freeze_group::member& one : group.members)
    if (!one.gone.load(std::memory_order_acquire) && wanted(one)) out.push_back(one.who);
  return out;
}

} // namespace

freezer::freezer(system& host, std::stop_token quit)
    : host_(host), quit_(std::move(quit)), group_(std::make_shared<freeze_group>(host)) {}

freezer::~freezer() {
  group_->over = true;
  group_->disband();
}

void freezer::add(std::span<const pid> who) {
  freeze_group& group = *group_;
  std::vector<freeze_group::member*> fresh;
  fresh.reserve(who.size());
  {
    const std::lock_guard guard(group.lock);
    for (const pid& one : who) {
      freeze_group::member& made = group.members.emplace_back();
      made.who = one;
      made.number = group.members.size() - 1;
      group.by_pid.emplace(one, &made);
      fresh.push_back(&made);
    }
  }
  group.open.fetch_and(~freeze_group::sealed);
  group.open.fetch_add(fresh.size());
  group.make_members(fresh);
}

void freezer::hold(work what) {
  group_->still = true;
  group_->asked_at = base::mono_now();
  group_->orders.push_back({1, std::move(what), false});
  group_->give_order();
}

bool freezer::wait(base::nanos deadline) {
  base::nanos patience = first_look;
  for (;;) {
    const base::nanos look_at = base::mono_now() + patience;
    if (wait_until(*group_, std::min(deadline, look_at), quit_)) return true;
    if (quit_.stop_requested() || base::mono_now() >= deadline) return false;
    if (group_->in_callbacks != 0)
      group_->follow_calls(those(*group_, [](const auto& one) { return one.in_callback.load(); }));
    patience = std::min(patience * 2, last_look);
  }
}

bool freezer::release(work what, base::nanos deadline) {
  group_->still = false;
  group_->keeping = host_.workers();
  const auto round = static_cast<std::uint32_t>(group_->orders.size() + 1);
  group_->orders.push_back({round, std::move(what), true});
  group_->give_order();
  return wait(deadline);
}

std::vector<pid> freezer::not_frozen() const {
  return those(*group_, [](const auto& one) { return !one.frozen; });
}

std::vector<pid> freezer::at_work() const {
  const std::size_t round = group_->orders.size();
  return those(*group_, [round](const auto& one) { return one.frozen && one.round != round; });
}

std::vector<pid> freezer::members() const {
  return those(*group_, [](const auto&) { return true; });
}

base::nanos freezer::stood_still() const {
  return group_->free_at - group_->asked_at;
}

base::nanos freezer::longest_handler() const {
  const base::nanos ended = group_->last_callback;
  return ended == 0 ? 0 : ended - group_->asked_at;
}

bool freezer::visit(system& host, std::span<const pid> who, work what, base::nanos deadline,
                    std::vector<pid>& late, std::stop_token quit) {
  freezer once(host, std::move(quit));
  once.add(who);
  const bool all = once.release(std::move(what), deadline);
  if (!all) late = once.members();
  return all;
}

} // namespace coppice::runtime
