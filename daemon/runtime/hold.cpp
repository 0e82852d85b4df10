// SPDX-License-Identifier: MIT
// The workers' side of a freezer (freeze_group.hpp). A member that an order concerns is halted: its turn is
// hold(), where it carries the order out, or first handles messages that others wait for. A worker that gets
// an order goes through its members, those before all else that are to stand still, and gives each that is at
// rest its turn; one that is in a callback comes to it by itself.
#include <algorithm>

#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

constexpr std::size_t made_at_once = 256;   // members, before others have a go
constexpr std::size_t looked_at_once = 512; // messages a turn looks at

// A share of the group in the name of one worker, whose count only that one touches.
std::shared_ptr<freeze_group> share_of(const std::shared_ptr<freeze_group>& group, freeze_group::cell& of) {
  std::shared_ptr<freeze_group> mine = of.group.lock();
  if (mine != nullptr) return mine;
  mine = std::shared_ptr<freeze_group>(std::make_shared<std::shared_ptr<freeze_group>>(group), group.get());
  of.group = mine;
  return mine;
}

// Into the processor's cache, for a turn that is soon.
void prefetch(const void* object, std::size_t bytes) {
  if (object == nullptr) return;
  for (std::size_t at = 0; at < bytes; at += 64)
    __builtin_prefetch(static_cast<const std::uint8_t*>(object) + at);
}

} // namespace

void freeze_group::did(cell& here, member& one) {
  one.round.store(here.now->round, std::memory_order_release);
  if (--here.behind == 0) one_less();
}

bool freeze_group::thaws(cell& here, member& one) {
  if (!one.frozen) return true;
  if (one.round == here.now->round) {
    if (here.behind == 0 && !one_more()) return false;
    ++here.behind;
    one.round = 0;
  }
  one.frozen = false;
  return true;
}

void freeze_group::lost(cell& here, member& one) {
  if (one.gone.exchange(true)) return;
  --here.alive;
  if (here.now != nullptr && one.round != here.now->round && --here.behind == 0) one_less();
}

void freeze_group::note_end_of_callback() {
  const base::nanos now = base::mono_now();
  base::nanos seen = last_callback.load(std::memory_order_relaxed);
  while (seen < now && !last_callback.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

std::shared_ptr<freeze_group> engine::new_group(system& host) {
  return std::make_shared<freeze_group>(host.parts_->freezers, host.workers());
}

// On the workers they live on, where they are in no turn; one that has moved meanwhile is followed.
void engine::make_members(system& host, const std::shared_ptr<freeze_group>& group,
                          std::span<freeze_group::member* const> who) {
  using members = std::vector<freeze_group::member*>;
  std::vector<members> portions(host.workers());
  const auto hand_over = [&](unsigned index) {
    members some = std::exchange(portions[index], {});
    if (some.empty()) return;
    (void)host.parts_->workers[index]->post([&host, group, some = std::move(some)] {
      members elsewhere;
      for (freeze_group::member* one : some) {
        process* p = find(host, one->who);
        const bool here = p != nullptr && p->home_.load(std::memory_order_acquire) == worker::current();
        const bool being_spawned = here && p->announced_ && !p->started_;
        if (here && !being_spawned && !p->arriving_)
          join(*p, group, *one);
        else
          elsewhere.push_back(one);
      }
      if (!elsewhere.empty()) make_members(host, group, elsewhere);
    });
  };
  for (freeze_group::member* one : who) {
    std::optional<unsigned> index;
    {
      const reading valid(host);
      const process* p = find(host, one->who);
      if (p != nullptr) index = p->home_.load(std::memory_order_acquire)->index();
    }
    if (!index) {
      one->gone = true;
      group->one_less();
      continue;
    }
    portions[*index].push_back(one);
    if (portions[*index].size() == made_at_once) hand_over(*index);
  }
  for (unsigned index = 0; index < host.workers(); ++index) hand_over(index);
}

void engine::join(process& p, const std::shared_ptr<freeze_group>& group, freeze_group::member& as) {
  if (p.exiting_ || group->over) {
    as.gone = true;
    return group->one_less();
  }
  relations& mine = p.needs_relations();
  if (mine.ice != nullptr) leave(p);
  freeze_group::cell& here = group->cells[p.home().index()];
  mine.ice = std::make_unique<frost>(share_of(group, here), here, as);
  p.cold_ = true;
  as.is = &p;
  as.ice = mine.ice.get();
  here.members.push_back(&as);
  ++here.alive;
  if (here.now != nullptr) {
    if (here.behind++ == 0) (void)group->one_more();
    p.home().attend(group);
  }
  group->one_less();
}

// No longer a member.
void engine::leave(process& p) {
  frost& ice = *ice_of(p);
  leave_callback(ice);
  ice.group->lost(ice.here, ice.me);
  p.cold_ = false;
  p.relations_.load(std::memory_order_relaxed)->ice.reset();
}

void engine::give_order(system& host, const std::shared_ptr<freeze_group>& group) {
  const freeze_group::order& what = group->orders.back();
  std::uint64_t seen = group->open;
  while (!group->open.compare_exchange_weak(seen, (seen & ~freeze_group::sealed) + host.workers())) {
  }
  for (const auto& one : host.parts_->workers) {
    worker& at = *one;
    const bool busy = at.look().who != nullptr;
    if (!at.post([&at, group, &what, busy] { at.obey(group, what, busy); })) group->one_less();
  }
}

void worker::obey(const std::shared_ptr<freeze_group>& group, const freeze_group::order& what,
                  bool was_busy) {
  if (group->over) return;
  freeze_group::cell& here = group->cells[index_];
  const bool was_behind = here.behind != 0;
  here.now = &what;
  here.next = 0;
  here.behind = here.alive;
  if (what.let_go) {
    for (const freeze_group::member* one : std::exchange(here.mail, {}))
      if (!one->gone) schedule(*one->is);
    if (--group->keeping == 0) group->free_at = base::mono_now();
  } else {
    if (was_busy) group->note_end_of_callback();
    queue_.hurry([&](const process& p) { return engine::is_member(p, *group); });
  }
  attend(group);
  if (was_behind) group->one_less();
  if (here.behind == 0) group->one_less();
}

void worker::attend(const std::shared_ptr<freeze_group>& group) {
  if (std::ranges::find(attending_, group) == attending_.end()) attending_.push_back(group);
}

// While there is a freezer. Those that are let go share with the others.
process* worker::next_turn() {
  const freeze_group::order* due = attending_.empty() ? nullptr : attending_.front()->cells[index_].now;
  if ((due != nullptr && !due->let_go) || turns_.load(std::memory_order_relaxed) % 2 == 0)
    if (process* member = next_member()) return member;
  process* const other = queue_.pop();
  return other != nullptr ? other : next_member();
}

// The next member at rest that is behind with its order, scheduled; null: none.
process* worker::next_member() {
  while (!attending_.empty()) {
    freeze_group& group = *attending_.front();
    freeze_group::cell& here = group.cells[index_];
    if (here.now == nullptr || here.next == here.members.size()) {
      attending_.erase(attending_.begin());
      continue;
    }
    freeze_group::member& one = *here.members[here.next++];
    if (one.gone || one.round == here.now->round) continue;
    process* const p = one.is;
    engine::prepare_turn(here);
    if (engine::parked_on(*p) != nullptr && !here.now->let_go) {
      one.was_in_callback = true;
      engine::enter_callback(*p, *engine::ice_of(*p));
    }
    if (engine::parked_on(*p) != nullptr || p->scheduled_) continue; // it comes by itself
    p->scheduled_ = true;
    return p;
  }
  return nullptr;
}

// Of the members to come: what a turn begins with lies in as many places as there are members.
void engine::prepare_turn(const freeze_group::cell& here) {
  if (here.next + 2 < here.members.size()) {
    const freeze_group::member& soon = *here.members[here.next + 2];
    prefetch(soon.is, sizeof(process));
    prefetch(soon.ice, sizeof(frost));
  }
  if (here.next >= here.members.size() || here.members[here.next]->gone) return;
  const process& next = *here.members[here.next]->is;
  prefetch(&next.relations_.load(std::memory_order_relaxed)->ice, sizeof(void*));
  prefetch(next.behaviour_.get(), 256);
}

void engine::disband(system& host, const std::shared_ptr<freeze_group>& group) {
  for (const auto& one : host.parts_->workers)
    (void)one->post([group, &at = *one] {
      freeze_group::cell& here = group->cells[at.index()];
      for (const freeze_group::member* member : here.members) {
        if (member->gone) continue;
        process& p = *member->is;
        leave(p);
        at.schedule(p);
      }
      here.now = nullptr;
    });
}

bool engine::is_member(const process& p, const freeze_group& of) {
  const frost* ice = p.cold_ ? ice_of(p) : nullptr;
  return ice != nullptr && ice->group.get() == &of;
}

// It may wait for others before it freezes: from now on frozen members look who has sent to them.
void engine::enter_callback(process& p, frost& ice) {
  if (ice.me.in_callback.exchange(true)) return;
  if (ice.group->in_callbacks.fetch_add(1) == 0) look_everywhere(p.host(), ice.group);
}

void engine::leave_callback(frost& ice) {
  if (ice.me.in_callback && ice.me.in_callback.exchange(false)) ice.group->in_callbacks.fetch_sub(1);
}

// Among the messages not looked at yet; a call by name looks like any other message. False: there are more
// than fit into one turn.
bool engine::look_for_calls(process& p, frost& ice) {
  const freeze_group& group = *ice.group;
  if (group.in_callbacks.load() == 0) return true;
  if (crowd* line = p.crowd_.load(std::memory_order_acquire)) {
    const std::lock_guard guard(line->lock);
    const auto waits = [&](const crowd::sender& one) { return one.who && group.holds_up(one.who); };
    if (std::ranges::any_of(line->waiting, waits)) ice.answers = p.last_;
  }
  std::size_t left = looked_at_once;
  for (const signal* at = ice.seen == nullptr ? p.first_ : ice.seen->next; at != nullptr; at = at->next) {
    if (left-- == 0) return false;
    ice.seen = at;
    if (group.holds_up(at->from)) ice.answers = at;
  }
  return true;
}

// The messages looked at are not the same any more.
void engine::look_again(process& p) {
  if (!p.cold_) return;
  frost& ice = *ice_of(p);
  ice.seen = ice.answers = nullptr;
}

void engine::look_everywhere(system& host, const std::shared_ptr<freeze_group>& group) {
  for (const auto& one : host.parts_->workers)
    (void)one->post([group, &at = *one] {
      for (const freeze_group::member* member : group->cells[at.index()].mail) {
        if (member->gone) continue;
        look_again(*member->is);
        at.schedule(*member->is);
      }
    });
}

void engine::follow_calls(system& host, const std::shared_ptr<freeze_group>& group, std::vector<pid> of) {
  {
    const std::lock_guard guard(group->lock);
    of.insert(of.end(), group->between.begin(), group->between.end());
  }
  for (const pid& one : of) {
    const reading valid(host);
    const process* p = find(host, one);
    if (p == nullptr) continue;
    (void)p->home_.load(std::memory_order_acquire)->post([&host, group, one] {
      process* const here = find(host, one);
      if (here != nullptr && here->home_.load(std::memory_order_acquire) == worker::current())
        follow(*here, group);
    });
  }
}

// On its worker: whom it waits for, if it does.
void engine::follow(process& p, const std::shared_ptr<freeze_group>& group) {
  if (engine::parked_on(p) == nullptr || group->over) return;
  std::vector<pid> next;
  bool fresh = false;
  const auto through = [&](const pid& whom) {
    if (!whom && whom.node == 0) return;
    if (!group->goes_through(whom)) return;
    fresh = true;
    if (whom.here()) next.push_back(whom);
  };
  const auto through_call = [&](const call_state& call) {
    if (call.answered) return;
    if (call.target)
      through(call.target);
    else if (call.by_name != nullptr && !call.by_name->here())
      through(pid{call.by_name->node()});
  };
  through(p.waiting_->at);
  if (p.direct_ != nullptr) through_call(*p.direct_);
  if (relations* mine = p.relations_.load(std::memory_order_relaxed))
    mine->calls.for_each([&](std::uint64_t, const call_state& call) { through_call(call); });
  if (!fresh) return;
  look_everywhere(p.host(), group);
  if (!next.empty()) follow_calls(p.host(), group, std::move(next));
}

// The turn of a process that a freezer has halted.
void worker::hold(process& p) {
  // Lets it run `messages` more callbacks; false: it is dead, or nobody's member any more.
  const auto run = [&p](std::uint32_t messages) {
    engine::enter_callback(p, *engine::ice_of(p));
    engine::ice_of(p)->running = true;
    run_callbacks(p, messages);
    if (p.exiting_ || !p.cold_) return false;
    engine::leave_callback(*engine::ice_of(p));
    engine::ice_of(p)->running = false;
    return true;
  };
  if (!p.started_ && !run(0)) return;
  while (!engine::ice_of(p)->here.now->let_go) {
    frost& mine = *engine::ice_of(p);
    mine.looking = !engine::look_for_calls(p, mine);
    if (mine.looking) return;
    if (mine.answers == nullptr || !mine.group->thaws(mine.here, mine.me)) break;
    if (p.first_ == mine.answers) mine.answers = nullptr;
    if (p.first_ == mine.seen) mine.seen = nullptr;
    if (!run(1)) return;
    if (p.home().turn_is_long()) return;
  }
  // The work may run plugin code, and meanwhile the process be killed, or let go.
  while (frost* mine = p.exiting_ || !p.cold_ ? nullptr : engine::ice_of(p)) {
    freeze_group::cell& here = mine->here;
    freeze_group::member& me = mine->me;
    const freeze_group::order& due = *here.now;
    if (me.round == due.round) return;
    engine::leave_callback(*mine);
    if (!me.frozen.exchange(true) && me.was_in_callback) mine->group->note_end_of_callback();
    const auto group = mine->group;
    due.what(p, me.number);
    if (p.exiting_ || !engine::is_member(p, *group)) return;
    if (here.now != &due)
      me.round = due.round; // another order came meanwhile
    else if (due.let_go)
      return engine::leave(p);
    else
      group->did(here, me);
  }
}

// Whether a halted process needs another turn; `more`: it would if it were not halted.
bool worker::wants_turn(process& p, bool more) {
  if (p.exiting_) return more;
  engine::set_status(p, engine::parked_on(p) != nullptr ? p.waiting_->shows : process_status::waiting);
  if (engine::parked_on(p) != nullptr || !p.cold_) return more;
  frost& mine = *engine::ice_of(p);
  if (!mine.me.frozen || mine.looking || mine.me.round != mine.here.now->round) return true;
  if (p.first_ != nullptr && !std::exchange(mine.has_mail, true)) mine.here.mail.push_back(&mine.me);
  return false;
}

} // namespace coppice::runtime
