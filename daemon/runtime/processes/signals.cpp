// SPDX-License-Identifier: MIT
// Taking signals. All signals except ordinary messages are handled when they are taken, so replies and exits
// never wait behind messages. Messages go to the mailbox's ready list in the order of arrival.
#include <coppice/etf/cursor.hpp>
#include <cstring>

#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime {
namespace {

// The signal of a wait that was given up also comes.
void note_done(const process_record& me, std::uint64_t number) {
  if (me.waiting != nullptr && me.waiting->number == number) {
    me.waiting->done = true;
    me.waiting->ready = true;
  } else if (const relations* mine = me.related(); mine != nullptr && mine->slow != nullptr) {
    mine->slow->end(number);
  }
}

} // namespace

void process_record::take_pushed() {
  mailbox.take_pushed();
  if (mailbox.policy() == on_full::drop_old) [[unlikely]]
    drop_excess();
}

bool process_record::accept(signal_ptr& what) {
  if (what->kind != signal_kind::message || dead || mailbox.has_pending()) return false;
  if ((what->flags & signal::of_call) != 0) return enqueue_call(std::move(what)), true;
  if (what->ref) {
    const std::uint64_t number = what->ref.number();
    const call_state* call = find_call(number);
    if (call == nullptr) return take_answer(what, false);
    if (call->answered || call->watched || what->weight != 0) return false;
    // An answer from the callee, or the ack of a spawn: no process has to be told that the call's monitor has
    // ended.
    const bool ends =
        (what->flags & signal::ends_monitor) != 0 ||
        (call->by_name == nullptr && what->from.here() && (call->target == what->from || !call->target));
    if (!ends) return false;
    const bool bare = (what->flags & signal::bare) != 0;
    settle(number, false, consume(std::move(what)), bare);
    return true;
  }
  if (expects_answers()) return false; // perhaps this is an answer
  mailbox.enqueue(std::move(what));
  return true;
}

void process_record::take_signals() {
  take_pushed();
  while (signal_ptr what = mailbox.next_signal()) {
    if (what->kind == signal_kind::stop_waiting) {
      if (what->number != 0)
        note_done(*this, what->number);
      else if (dead)
        send_away_those_outside();
      continue; // 0 and alive: end_turn_with_more() looks outside
    }
    if (dead) {
      delivery::answer_for_missing(host(), id(), std::move(what), reasons::noproc());
      continue;
    }
    switch (what->kind) {
      case signal_kind::message:
        if ((what->flags & signal::of_call) != 0)
          enqueue_call(std::move(what));
        else if (what->ref)
          handle_alias(std::move(what));
        else if (!handle_reply(what))
          mailbox.enqueue(std::move(what));
        break;
      case signal_kind::exit:
      case signal_kind::exit2:
      case signal_kind::overflow:
        handle_exit(std::move(what));
        break;
      case signal_kind::link:
        handle_link(*what);
        break;
      case signal_kind::unlink:
        handle_unlink(*what);
        break;
      case signal_kind::unlink_ack:
        handle_unlink_ack(*what);
        break;
      case signal_kind::monitor:
        handle_monitor(*what);
        break;
      case signal_kind::demonitor:
        handle_demonitor(*what);
        break;
      case signal_kind::down:
        if (!take_answer(what, true)) handle_down(*what);
        break;
      case signal_kind::group_leader:
        set_group_leader(what->from);
        break;
      case signal_kind::spawn_reply:
        handle_spawn_reply(*what);
        break;
      case signal_kind::whom_waits:
        what->ref ? tell_what_it_waits_for(*what) : tell_whom_it_waits_for(*what);
        break;
      case signal_kind::io:
      case signal_kind::parcel:
        mailbox.enqueue(std::move(what));
        break;
      case signal_kind::spawn_request: // for nodes
      case signal_kind::answered:      // in mailboxes only
      case signal_kind::unanswered:
      case signal_kind::stop_waiting:
        break;
    }
  }
}

bool process_record::flush_down(const reference& ref) {
  take_signals();
  message_writer out;
  write(out, ref, host().nodes());
  const etf::bytes wanted = out.view();
  const auto is_end = [wanted](const message& m) { // matches {_, Ref, _, _, _}
    etf::cursor at(m.bytes());
    if (!at.read_tuple_of(5) || !at.skip()) return false;
    const etf::bytes rest = at.rest();
    return rest.size() > wanted.size() && std::memcmp(rest.data(), wanted.data(), wanted.size()) == 0;
  };
  if (behaviour->take_held([&](const message& m, message_origin) { return is_end(m); })) return true;
  const signal_ptr flushed = mailbox.take_message([&](const signal& one) {
    return (one.flags & signal::bare) == 0 && is_end(one.payload()); // bare: the request of a call
  });
  return flushed != nullptr;
}

} // namespace coppice::runtime
