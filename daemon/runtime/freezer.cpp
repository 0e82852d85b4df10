// SPDX-License-Identifier: MIT
// See freezer.hpp. A process that is asked to freeze is halted (worker::halted), which is one look at a word
// that does not change as long as there is no freezer; the rest happens in hold(), its turn while it is
// halted.
#include "runtime/freezer.hpp"

#include <algorithm>
#include <chrono>

#include "runtime/engine.hpp"
#include "runtime/freeze_group.hpp"

namespace coppice::runtime {
namespace {

constexpr std::size_t asked_at_once = 256;  // processes a worker's task looks up before others have a go
constexpr std::size_t looked_at_once = 512; // messages a turn looks at

using clock = std::chrono::steady_clock;

// True: `done` holds.
template <class Done>
bool wait_until(freeze_group& group, base::nanos deadline, const std::stop_token& quit, Done done) {
  std::unique_lock guard(group.lock);
  if (deadline == no_deadline) {
    group.changed.wait(guard, quit, done);
    return done();
  }
  const clock::time_point end = clock::now() + std::chrono::nanoseconds(deadline - base::mono_now());
  group.changed.wait_until(guard, quit, end, done);
  return done();
}

} // namespace

void freeze_group::froze(const pid& who) {
  const std::lock_guard guard(lock);
  const auto found = members.find(who);
  if (found == members.end() || found->second.frozen) return;
  found->second.frozen = true;
  if (--thawed == 0) changed.notify_all();
}

void freeze_group::thaws(const pid& who) {
  const std::lock_guard guard(lock);
  const auto found = members.find(who);
  if (found == members.end() || !found->second.frozen) return;
  found->second.frozen = false;
  ++thawed;
}

void freeze_group::did(const pid& who, std::uint64_t round) {
  const std::lock_guard guard(lock);
  const auto found = members.find(who);
  if (found == members.end() || found->second.round >= round) return;
  found->second.round = round;
  if (round == now.round && --behind == 0) changed.notify_all();
}

void freeze_group::lost(const pid& who) {
  const std::lock_guard guard(lock);
  const auto found = members.find(who);
  if (found == members.end()) return;
  if (!found->second.frozen) --thawed;
  if (found->second.round != now.round) --behind;
  members.erase(found);
  if (thawed == 0 || behind == 0) changed.notify_all();
}

freeze_group::order freeze_group::newest() const {
  const std::lock_guard guard(lock);
  return now;
}

bool freeze_group::is_thawed(const pid& who) const {
  const std::lock_guard guard(lock);
  const auto found = members.find(who);
  return found != members.end() && !found->second.frozen;
}

std::vector<pid> freeze_group::all() const {
  std::vector<pid> out;
  const std::lock_guard guard(lock);
  out.reserve(members.size());
  for (const auto& [who, stands] : members) out.push_back(who);
  return out;
}

freezer::freezer(system& host, std::stop_token quit)
    : host_(host), quit_(std::move(quit)), group_(engine::new_group(host)) {}

freezer::~freezer() {
  {
    const std::lock_guard guard(group_->lock);
    group_->over = true;
  }
  engine::wake_members(host_, group_, true);
}

void freezer::add(std::span<const pid> who) {
  std::vector<pid> fresh;
  const bool more = !members().empty();
  {
    const std::lock_guard guard(group_->lock);
    ++group_->now.asked;
    for (const pid& one : who) {
      if (!group_->members.try_emplace(one, freeze_group::member{false, group_->now.round}).second) continue;
      ++group_->thawed;
      fresh.push_back(one);
    }
  }
  engine::on_workers(host_, group_, fresh, [group = group_](process& p) { engine::freeze(p, group, false); });
  if (more) engine::wake_members(host_, group_, false);
}

bool freezer::wait(base::nanos deadline) {
  return wait_until(*group_, deadline, quit_, [this] { return group_->thawed == 0; });
}

bool freezer::start(work what, bool let_go, base::nanos deadline) {
  {
    const std::lock_guard guard(group_->lock);
    group_->now = {group_->now.asked, group_->now.round + 1, std::make_shared<const work>(std::move(what)),
                   let_go};
    group_->behind = group_->members.size();
  }
  engine::wake_members(host_, group_, false);
  return wait_until(*group_, deadline, quit_, [this] { return group_->behind == 0; });
}

bool freezer::each(work what, base::nanos deadline) {
  return start(std::move(what), false, deadline);
}

bool freezer::release(work what, base::nanos deadline) {
  return start(std::move(what), true, deadline);
}

std::vector<pid> freezer::late() const {
  std::vector<pid> out;
  const std::lock_guard guard(group_->lock);
  for (const auto& [who, stands] : group_->members)
    if (!stands.frozen || stands.round != group_->now.round) out.push_back(who);
  return out;
}

std::vector<pid> freezer::members() const {
  return group_->all();
}

bool freezer::visit(system& host, std::span<const pid> who, work what, base::nanos deadline,
                    std::vector<pid>& late, std::stop_token quit) {
  freezer once(host, std::move(quit));
  {
    freeze_group& group = *once.group_;
    const std::lock_guard guard(group.lock);
    group.now = {0, 1, std::make_shared<const work>(std::move(what)), true};
    for (const pid& one : who) group.members.try_emplace(one);
    group.thawed = group.behind = group.members.size();
  }
  engine::on_workers(host, once.group_, who,
                     [group = once.group_](process& p) { engine::freeze(p, group, true); });
  const bool all = wait_until(*once.group_, deadline, once.quit_, [&] { return once.group_->behind == 0; });
  if (!all) late = once.late();
  return all;
}

std::shared_ptr<freeze_group> engine::new_group(system& host) {
  return std::make_shared<freeze_group>(host.parts_->freezers);
}

// Runs `on_each` for these processes on the workers they live on, in portions; those that are gone leave the
// group. There a process is in no turn; one that has moved meanwhile is followed.
void engine::on_workers(system& host, const std::shared_ptr<freeze_group>& group, std::span<const pid> who,
                        std::function<void(process&)> on_each) {
  std::vector<std::vector<pid>> portions(host.workers());
  const auto hand_over = [&](unsigned index) {
    std::vector<pid> some = std::exchange(portions[index], {});
    if (some.empty()) return;
    (void)host.parts_->workers[index]->post([&host, group, on_each, some = std::move(some)] {
      std::vector<pid> elsewhere;
      for (const pid& one : some)
        if (!visit_here(host, *group, one, on_each)) elsewhere.push_back(one);
      if (!elsewhere.empty()) on_workers(host, group, elsewhere, on_each);
    });
  };
  for (const pid& one : who) {
    unsigned index = 0;
    {
      const reading valid(host);
      const process* p = find(host, one);
      if (p == nullptr) {
        group->lost(one);
        continue;
      }
      index = p->home_.load(std::memory_order_acquire)->index();
    }
    portions[index].push_back(one);
    if (portions[index].size() == asked_at_once) hand_over(index);
  }
  for (unsigned index = 0; index < host.workers(); ++index) hand_over(index);
}

// False: it is not, or not yet, this worker's.
bool engine::visit_here(system& host, freeze_group& group, const pid& who,
                        const std::function<void(process&)>& on_each) {
  process* p = find(host, who);
  if (p == nullptr) return group.lost(who), true;
  if (p->home_.load(std::memory_order_acquire) != worker::current()) return false;
  if (p->announced_ && !p->started_) return false; // whoever spawned it may still be at it
  on_each(*p);
  return true;
}

void engine::freeze(process& p, const std::shared_ptr<freeze_group>& group, bool at_once) {
  if (p.exiting_) return group->lost(p.self_);
  {
    const std::lock_guard guard(group->lock);
    if (group->over) return;
  }
  relations& mine = p.needs_relations();
  if (mine.ice != nullptr) mine.ice->group->lost(p.self_);
  mine.ice = std::make_unique<frost>();
  mine.ice->group = group;
  mine.ice->at_once = at_once;
  mine.ice->round = at_once ? 0 : group->newest().round;
  p.home().schedule(p);
}

// Gives every member a turn; those it should be `free` of are let go first.
void engine::wake_members(system& host, const std::shared_ptr<freeze_group>& group, bool free) {
  on_workers(host, group, group->all(), [raw = group.get(), free](process& p) {
    if (!is_member(p, *raw)) return;
    if (free) thaw(p);
    p.home().schedule(p);
  });
}

bool engine::is_member(const process& p, const freeze_group& of) {
  const relations* mine = p.relations_.load(std::memory_order_relaxed);
  return mine != nullptr && mine->ice != nullptr && mine->ice->group.get() == &of;
}

// No longer a member; handles its messages in the next turn.
void engine::thaw(process& p) {
  relations& mine = *p.relations_.load(std::memory_order_relaxed);
  mine.ice->group->lost(p.self_);
  mine.ice.reset();
}

// Looks for calls of members that have not frozen, among the messages not looked at yet. False: there are
// more than fit into one turn.
bool engine::look_for_calls(process& p, frost& ice) {
  std::size_t left = looked_at_once;
  for (const signal* at = ice.seen == nullptr ? p.first_ : ice.seen->next; at != nullptr; at = at->next) {
    if (left-- == 0) return false;
    ice.seen = at;
    if ((at->flags & signal::of_call) != 0 && ice.group->is_thawed(at->from)) ice.answers = at;
  }
  return true;
}

// The messages looked at are not the same any more.
void engine::look_again(process& p) {
  relations* mine = p.relations_.load(std::memory_order_relaxed);
  if (mine != nullptr && mine->ice != nullptr) mine->ice->seen = mine->ice->answers = nullptr;
}

// The turn of a process that a freezer has halted.
void worker::hold(process& p) {
  const auto ice = [&p]() -> frost* { return p.relations_.load(std::memory_order_relaxed)->ice.get(); };
  // Lets it run `messages` more callbacks; false: it is dead, or nobody's member any more.
  const auto run = [&](std::uint32_t messages) {
    ice()->running = true;
    run_callbacks(p, messages);
    if (p.exiting_ || ice() == nullptr) return false;
    ice()->running = false;
    return true;
  };
  if (!p.started_ && !run(0)) return;
  for (;;) {
    frost* mine = ice();
    if (const auto asked = mine->group->newest().asked; std::exchange(mine->asked, asked) != asked)
      mine->seen = nullptr;
    mine->looking = !mine->at_once && !engine::look_for_calls(p, *mine);
    if (mine->looking) return;
    if (mine->answers == nullptr) break;
    if (std::exchange(mine->frozen, false)) mine->group->thaws(p.self_);
    if (p.first_ == mine->answers) mine->answers = nullptr;
    if (p.first_ == mine->seen) mine->seen = nullptr;
    if (!run(1)) return;
    if (p.home().turn_is_long()) return;
  }
  // The work may run plugin code, and meanwhile the process be killed, or let go.
  while (frost* mine = p.exiting_ ? nullptr : ice()) {
    if (!std::exchange(mine->frozen, true)) mine->group->froze(p.self_);
    const auto group = mine->group;
    const auto due = group->newest();
    if (due.round == mine->round) return;
    mine->round = due.round;
    (*due.what)(p);
    if (p.exiting_ || !engine::is_member(p, *group)) return;
    if (due.let_go) return engine::thaw(p);
    group->did(p.self_, due.round);
  }
}

// Whether a halted process needs another turn; `more`: it would if it were not halted.
bool worker::wants_turn(process& p, bool more) {
  if (p.exiting_) return more;
  engine::set_status(p, p.fiber_ != nullptr ? process_status::parked : process_status::waiting);
  const relations* mine = p.relations_.load(std::memory_order_relaxed);
  if (p.fiber_ != nullptr || mine->ice == nullptr) return more;
  const auto newest = mine->ice->group->newest();
  return !mine->ice->frozen || mine->ice->looking || newest.round != mine->ice->round ||
         newest.asked != mine->ice->asked;
}

} // namespace coppice::runtime
