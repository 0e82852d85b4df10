// SPDX-License-Identifier: MIT
// See gate.hpp. A member that has to stand still may be what a member that has not frozen waits for. Then it
// handles its messages up to the last one that holds up another process, and freezes again.
#include "runtime/freezing/gate.hpp"

#include <algorithm>

#include "base/bound.hpp"
#include "runtime/messages/delivery.hpp"

namespace coppice::runtime {
namespace {

const base::bound<std::size_t> looked_at_once("runtime: messages that a gate looks at in a turn", 512, 16);

// A share of the group with a reference count for one worker, which only that worker touches.
std::shared_ptr<freeze_group> share_of(const std::shared_ptr<freeze_group>& group, freeze_group::cell& of) {
  std::shared_ptr<freeze_group> mine = of.group.lock();
  if (mine != nullptr) return mine;
  mine = std::shared_ptr<freeze_group>(std::make_shared<std::shared_ptr<freeze_group>>(group), group.get());
  of.group = mine;
  return mine;
}

// Into the processor's cache, for a turn that comes soon.
void prefetch(const void* object, std::size_t bytes) {
  if (object == nullptr) return;
  for (std::size_t at = 0; at < bytes; at += 64)
    __builtin_prefetch(static_cast<const std::uint8_t*>(object) + at);
}

// For the next members: each member's data is in another place, which a turn would have to wait for.
void prefetch_turns(const freeze_group::cell& here) {
  if (here.next + 2 < here.members.size()) {
    const freeze_group::member& soon = *here.members[here.next + 2];
    prefetch(soon.is, sizeof(process_record));
    prefetch(soon.part, sizeof(membership));
  }
  if (here.next >= here.members.size() || here.members[here.next]->gone) return;
  const process_record& next = *here.members[here.next]->is;
  prefetch(&next.related()->part, sizeof(void*));
  prefetch(next.behaviour.get(), 256);
}

} // namespace

void membership::enter_callback() {
  if (me.in_callback.exchange(true)) return;
  if (group->in_callbacks.fetch_add(1) == 0) group->look_everywhere();
}

void membership::leave_callback() {
  if (me.in_callback && me.in_callback.exchange(false)) group->in_callbacks.fetch_sub(1);
}

void gate::join(process_record& p, const std::shared_ptr<freeze_group>& group, freeze_group::member& as) {
  if (p.dead || group->over) {
    as.gone = true;
    return group->one_less();
  }
  relations& mine = p.needs_relations();
  if (mine.part != nullptr) leave(p);
  freeze_group::cell& here = group->cells[at_.index()];
  mine.part = std::make_unique<membership>(share_of(group, here), here, as);
  p.schedule.held = true;
  as.is = &p;
  as.part = mine.part.get();
  here.members.push_back(&as);
  ++here.alive;
  if (here.now != nullptr) {
    if (here.behind++ == 0) (void)group->one_more();
    attend(group);
  }
  group->one_less();
}

// Ends the membership.
void gate::leave(process_record& p) {
  membership& part = *part_of(p);
  part.leave_callback();
  part.group->lost(part.here, part.me);
  p.schedule.held = false;
  p.related()->part.reset();
}

void gate::obey(const std::shared_ptr<freeze_group>& group, const freeze_group::order& what, bool was_busy) {
  if (group->over) return;
  freeze_group::cell& here = group->cells[at_.index()];
  const bool was_behind = here.behind != 0;
  here.now = &what;
  here.next = 0;
  here.behind = here.alive;
  if (what.let_go) {
    for (const freeze_group::member* one : std::exchange(here.mail, {}))
      if (!one->gone) at_.schedule(*one->is);
    if (--group->keeping == 0) group->free_at = base::mono_now();
  } else {
    if (was_busy) group->note_end_of_callback();
    at_.hurry([&](const process_record& p) { return is_member(p, *group); });
  }
  attend(group);
  if (was_behind) group->one_less();
  if (here.behind == 0) group->one_less();
}

void gate::attend(const std::shared_ptr<freeze_group>& group) {
  if (std::ranges::find(attending_, group) == attending_.end()) attending_.push_back(group);
}

// Turns for members that are released alternate with turns of other processes.
process_record* gate::next_turn() {
  const freeze_group::order* due = attending_.empty() ? nullptr : attending_.front()->cells[at_.index()].now;
  if ((due != nullptr && !due->let_go) || at_.is_even_turn())
    if (process_record* member = next_member()) return member;
  process_record* const other = at_.next_queued();
  return other != nullptr ? other : next_member();
}

// The next member that has to carry out the order and is not in a callback, scheduled; null: none.
process_record* gate::next_member() {
  while (!attending_.empty()) {
    freeze_group& group = *attending_.front();
    freeze_group::cell& here = group.cells[at_.index()];
    if (here.now == nullptr || here.next == here.members.size()) {
      attending_.erase(attending_.begin());
      continue;
    }
    freeze_group::member& one = *here.members[here.next++];
    if (one.gone || one.round == here.now->round) continue;
    process_record* const p = one.is;
    prefetch_turns(here);
    if (p->parked_on() != nullptr && !here.now->let_go) {
      one.was_in_callback = true;
      part_of(*p)->enter_callback();
    }
    if (p->parked_on() != nullptr || p->schedule.queued) continue; // it gets there by itself
    p->schedule.queued = true;
    return p;
  }
  return nullptr;
}

bool gate::is_member(const process_record& p, const freeze_group& of) {
  const membership* part = p.schedule.held ? part_of(p) : nullptr;
  return part != nullptr && part->group.get() == &of;
}

// Looks through the messages that were not looked at yet. A call to a name looks like any other message.
// False: there are more than one turn may look at.
bool gate::look_for_calls(process_record& p, membership& part) {
  const freeze_group& group = *part.group;
  if (p.mailbox.take_rearranged()) part.look_again();
  if (group.in_callbacks.load() == 0) return true;
  const waiting_line* const line = p.mailbox.line();
  if (line != nullptr && line->any_of([&](const pid& who) { return group.holds_up(who); }))
    part.answers = p.mailbox.ready().last();
  std::size_t left = looked_at_once;
  const signal_list& ready = p.mailbox.ready();
  for (const signal* at = part.seen == nullptr ? ready.first() : ready.after(part.seen); at != nullptr;
       at = ready.after(at)) {
    if (left-- == 0) return false;
    part.seen = at;
    if (group.holds_up(at->from)) part.answers = at;
  }
  return true;
}

void gate::follow(process_record& p, freeze_group& group) {
  relations* const mine = p.related();
  const bool asks = mine != nullptr && !mine->asked.empty();
  if ((p.parked_on() == nullptr && !asks) || group.over) return;
  std::vector<pid> next;
  bool fresh = false;
  const auto through = [&](const pid& whom) {
    if (!whom && whom.node == 0) return;
    if (!group.goes_through(whom)) return;
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
  if (p.parked_on() != nullptr) through(p.waiting->at);
  if (p.direct != nullptr) through_call(*p.direct);
  if (mine != nullptr) {
    mine->calls.for_each([&](std::uint64_t, const call_state& call) { through_call(call); });
    mine->asked.for_each([&](std::uint64_t, const pid& whom) { through(whom); });
  }
  if (!fresh) return;
  group.look_everywhere();
  if (!next.empty()) group.follow_calls(std::move(next));
}

// Runs `messages` more callbacks. False: the process is dead or no longer a member.
bool gate::handle(process_record& p, std::uint32_t messages) {
  part_of(p)->enter_callback();
  part_of(p)->running = true;
  worker::run_callbacks(p, messages);
  if (p.dead || !p.schedule.held) return false;
  part_of(p)->leave_callback();
  part_of(p)->running = false;
  return true;
}

// The callbacks here may take long. Meanwhile the freezer may end, and another one come that has no order for
// the process yet: then it is no longer shut out.
void gate::hold(process_record& p) {
  if (!p.started && !handle(p, 0)) return;
  while (shuts_out(p) && !part_of(p)->here.now->let_go) {
    membership& mine = *part_of(p);
    mine.looking = !look_for_calls(p, mine);
    if (mine.looking) return;
    if (mine.answers == nullptr || !mine.group->thaws(mine.here, mine.me)) break;
    const signal* const next = p.mailbox.ready().first();
    if (next == mine.answers) mine.answers = nullptr;
    if (next == mine.seen) mine.seen = nullptr;
    if (!handle(p, 1)) return;
    if (p.home().turn_is_long()) return;
  }
  // The work may run plugin code, and meanwhile the process may be killed or released.
  while (!p.dead && shuts_out(p)) {
    membership* const mine = part_of(p);
    freeze_group::cell& here = mine->here;
    freeze_group::member& me = mine->me;
    const freeze_group::order& due = *here.now;
    if (me.round == due.round) return;
    mine->leave_callback();
    if (!me.frozen.exchange(true) && me.was_in_callback) mine->group->note_end_of_callback();
    const auto group = mine->group;
    due.what(p, me.number);
    if (p.dead || !is_member(p, *group)) return;
    if (here.now != &due)
      me.round = due.round; // another order came meanwhile
    else if (due.let_go)
      return leave(p);
    else
      group->did(here, me);
  }
}

bool gate::wants_turn(process_record& p, bool more) {
  if (p.dead) return more;
  p.set_status(p.parked_on() != nullptr ? p.waiting->shows : process_status::waiting);
  if (p.parked_on() != nullptr || !p.schedule.held) return more;
  membership& mine = *part_of(p);
  if (!mine.me.frozen || mine.looking || mine.me.round != mine.here.now->round) return true;
  if (p.mailbox.has_messages() && !std::exchange(mine.has_mail, true)) mine.here.mail.push_back(&mine.me);
  return false;
}

} // namespace coppice::runtime
