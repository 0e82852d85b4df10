// SPDX-License-Identifier: MIT
// Delivers signals: finds the process of a destination, pushes into its inbox, and answers for processes that
// do not exist. See delivery.hpp. Any thread.
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime::delivery {

delivery::reading::reading(const system& host) {
  worker* here = worker::current();
  if (here != nullptr && &here->host() == &host)
    here->needs_online();
  else
    guard_.emplace(host.core().readers);
}

process_record* find(const system& host, const destination& to) {
  switch (to.what()) {
    case destination::kind::process:
      return find(host, to.process());
    case destination::kind::alias:
      if (to.alias_ref().count == 5) return find(host, to.alias_ref().owner());
      return to.alias_ref().is_cut() ? find_maker(host, to.alias_ref()) : nullptr;
    case destination::kind::name: {
      const auto found = host.core().registered.find(to.name());
      return found ? find(host, *found) : nullptr;
    }
    case destination::kind::remote_name:
    case destination::kind::node:
    case destination::kind::none:
      break;
  }
  return nullptr;
}

process_record* find_maker(const system& host, const reference& cut) {
  if (!cut.here() || cut.creation != host.creation()) return nullptr;
  return host.core().table.find(cut.slot());
}

void push(process_record& to, signal_ptr what) {
  worker* const here = worker::current();
  if (to.lives_on(here))
    here->receive_here(to, std::move(what));
  else
    push_from(here, to, std::move(what));
}

void push_from(worker* here, process_record& to, signal_ptr what) {
  if (to.mailbox.policy() == on_full::drop_old && to.mailbox.others_wait()) [[unlikely]]
    return push_newest(here, to, std::move(what));
  if (to.mailbox.push(std::move(what))) worker::notify(to, here);
}

bool may_go(const system& host, const destination& to, const sending& how) {
  if (how.connects || to.here()) return true;
  return host.router() != nullptr && host.router()->connected(to.node());
}

bool goes_bare(const system& host, std::uint32_t node, std::size_t bytes) {
  return bytes <= longest_bare && host.router() != nullptr && host.router()->takes_bare_calls(node);
}

send_status deliver(system& host, const destination& to, signal_ptr what, process_record* sender) {
  const reading valid(host);
  process_record* target = find(host, to);
  if (target == nullptr) {
    const pid missing = to.what() == destination::kind::process ? to.process() : pid{};
    answer_for_missing(host, missing, std::move(what), reasons::noproc());
    return send_status::ok;
  }
  if (to.what() == destination::kind::alias) {
    what->ref = to.alias_ref().whole(target->id());
    if ((what->flags & signal::left_out) == 0) what->flags |= signal::unbounded;
  }
  if (to.what() == destination::kind::name && what->kind == signal_kind::monitor)
    what->flags |= signal::by_name;
  if (what->kind == signal_kind::message && (what->flags & signal::unbounded) == 0)
    return send_bounded(*target, std::move(what), sender);
  if ((what->flags & signal::remote) != 0 && follow_overflow(worker::current(), *target, what))
    return send_status::ok;
  push(*target, std::move(what));
  return send_status::ok;
}

send_status dispatch(system& host, const destination& to, signal_ptr what, process_record* sender) {
  if (to.here()) return deliver(host, to, std::move(what), sender);
  const bool is_message = what->kind == signal_kind::message;
  const bool sound = what->payload().size() == 0 || is_sound(host, what, sender);
  if (!sound && is_message) return send_status::malformed;
  if (is_message && sender != nullptr && sender->dead) return send_status::ok; // it yielded, and was killed
  const send_status sent = dispatch_sound(host, to, std::move(what), sender);
  return sound ? sent : send_status::malformed;
}

send_status dispatch_sound(system& host, const destination& to, signal_ptr what, process_record* sender) {
  if (sender != nullptr) sender->choose_compression(*what);
  if (host.router() != nullptr) {
    if (sender != nullptr && what->kind == signal_kind::message)
      return send_away(host, to, std::move(what), *sender);
    host.router()->route(to, std::move(what));
  } else {
    const pid missing = to.what() == destination::kind::process ? to.process() : pid{};
    answer_for_missing(host, missing, std::move(what), reasons::noconnection());
  }
  return send_status::ok;
}

void answer_for_missing(system& host, const pid& missing, signal_ptr what, message reason) {
  const pid asker = what->from;
  switch (what->kind) {
    case signal_kind::message:
      host.core().dead_letters.fetch_add(1, std::memory_order_relaxed);
      if ((what->flags & signal::of_call) == 0) return;
      dispatch(host, asker, make_signal(signal_kind::down, missing, what->ref, std::move(reason)), nullptr);
      return;
    case signal_kind::link:
      dispatch(host, asker, make_signal(signal_kind::exit, missing, std::move(reason)), nullptr);
      return;
    case signal_kind::monitor:
    case signal_kind::spawn_request:
      dispatch(host, asker, make_signal(signal_kind::down, missing, what->ref, std::move(reason)), nullptr);
      return;
    case signal_kind::unlink: {
      signal_ptr ack = make_signal(signal_kind::unlink_ack, missing);
      ack->number = what->number;
      dispatch(host, asker, std::move(ack), nullptr);
      return;
    }
    case signal_kind::spawn_reply: // `asker` was started for a process that has ended since
      if ((what->flags & signal::linked) != 0)
        dispatch(host, asker, make_signal(signal_kind::exit, missing, std::move(reason)), nullptr);
      if ((what->flags & signal::monitored) != 0)
        dispatch(host, asker, make_signal(signal_kind::demonitor, missing, what->ref), nullptr);
      return;
    case signal_kind::parcel: {
      if ((what->flags & signal::returned) != 0) return;
      signal_ptr back = make_signal(missing, what->take_parcel());
      back->flags = signal::unbounded | signal::bare | signal::returned;
      deliver(host, destination(asker), std::move(back), nullptr);
      return;
    }
    default:
      return;
  }
}

} // namespace coppice::runtime::delivery
