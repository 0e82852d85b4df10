// SPDX-License-Identifier: MIT
// Links, by Erlang's link protocol (ERTS User's Guide, "Distribution Protocol", link protocol). An unlink
// carries an id and is pending until it is acknowledged. Until then exits and links from the other side are
// ignored, so a late one cannot bring the link back.
#include "runtime/messages/delivery.hpp"

namespace coppice::runtime {

send_status process::link(const pid& to, sending how) {
  process_record& me = record_of(*this);
  if (to == me.id() || me.dead) return send_status::ok;
  if (!delivery::may_go(host(), to, how)) return send_status::nodedown;
  relations& mine = me.needs_relations();
  const bool priority = how.urgency == urgency::priority;
  {
    const std::lock_guard guard(mine.lock);
    if (link_state* there = mine.links.find(to)) {
      there->priority = priority;
      if (there->unlinking == 0) return send_status::ok;
      there->unlinking = 0;
    } else {
      mine.links[to].priority = priority;
    }
  }
  signal_ptr what = make_signal(signal_kind::link, me.id());
  if (!how.connects) what->flags = signal::no_connect;
  return delivery::dispatch(host(), to, std::move(what), &me);
}

void process::unlink(const pid& to) {
  process_record& me = record_of(*this);
  relations* mine = me.related();
  link_state* there = mine == nullptr || me.dead ? nullptr : mine->links.find(to);
  if (there == nullptr || there->unlinking != 0) return;
  {
    const std::lock_guard guard(mine->lock);
    there->unlinking = ++mine->next_unlink;
  }
  signal_ptr what = make_signal(signal_kind::unlink, me.id());
  what->number = there->unlinking;
  delivery::dispatch(host(), to, std::move(what), &me);
}

void process_record::handle_link(const signal& what) {
  relations& mine = needs_relations();
  const std::lock_guard guard(mine.lock);
  if (mine.links.find(what.from) == nullptr) mine.links[what.from] = {};
}

void process_record::handle_unlink(const signal& what) {
  if (relations* mine = related()) {
    const std::lock_guard guard(mine->lock);
    const link_state* there = mine->links.find(what.from);
    if (there != nullptr && there->unlinking == 0) mine->links.erase(what.from);
  }
  signal_ptr ack = make_signal(signal_kind::unlink_ack, id());
  ack->number = what.number;
  delivery::dispatch(host(), what.from, std::move(ack), nullptr);
}

void process_record::handle_unlink_ack(const signal& what) {
  relations* mine = related();
  if (mine == nullptr) return;
  const std::lock_guard guard(mine->lock);
  const link_state* there = mine->links.find(what.from);
  if (there != nullptr && there->unlinking == what.number) mine->links.erase(what.from);
}

} // namespace coppice::runtime
