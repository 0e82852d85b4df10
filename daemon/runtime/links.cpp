// SPDX-License-Identifier: MIT
// Links, by Erlang's link protocol (ERTS User's Guide, "Distribution Protocol", link protocol): an unlink
// carries an id and stays pending until it is acknowledged; meanwhile exits and links from the other side
// are ignored, so a late one cannot bring the link back.
#include "runtime/engine.hpp"

namespace coppice::runtime {

void process::link(const pid& to, urgency how) {
  if (to == self_ || exiting_) return;
  relations& mine = needs_relations();
  const bool priority = how == urgency::priority;
  {
    const std::lock_guard guard(mine.lock);
    if (link_state* there = mine.links.find(to)) {
      there->priority = priority;
      if (there->unlinking == 0) return;
      there->unlinking = 0;
    } else {
      mine.links[to].priority = priority;
    }
  }
  engine::dispatch(host(), to, make_signal(signal_kind::link, self_), this);
}

void process::unlink(const pid& to) {
  relations* mine = relations_.load(std::memory_order_relaxed);
  link_state* there = mine == nullptr || exiting_ ? nullptr : mine->links.find(to);
  if (there == nullptr || there->unlinking != 0) return;
  {
    const std::lock_guard guard(mine->lock);
    there->unlinking = ++mine->next_unlink;
  }
  signal_ptr what = make_signal(signal_kind::unlink, self_);
  what->number = there->unlinking;
  engine::dispatch(host(), to, std::move(what), this);
}

void engine::handle_link(process& p, const signal& what) {
  relations& mine = p.needs_relations();
  const std::lock_guard guard(mine.lock);
  if (mine.links.find(what.from) == nullptr) mine.links[what.from] = {};
}

void engine::handle_unlink(process& p, const signal& what) {
  if (relations* mine = p.relations_.load(std::memory_order_relaxed)) {
    const std::lock_guard guard(mine->lock);
    const link_state* there = mine->links.find(what.from);
    if (there != nullptr && there->unlinking == 0) mine->links.erase(what.from);
  }
  signal_ptr ack = make_signal(signal_kind::unlink_ack, p.self_);
  ack->number = what.number;
  dispatch(p.host(), what.from, std::move(ack), nullptr);
}

void engine::handle_unlink_ack(process& p, const signal& what) {
  relations* mine = p.relations_.load(std::memory_order_relaxed);
  if (mine == nullptr) return;
  const std::lock_guard guard(mine->lock);
  const link_state* there = mine->links.find(what.from);
  if (there != nullptr && there->unlinking == what.number) mine->links.erase(what.from);
}

} // namespace coppice::runtime
