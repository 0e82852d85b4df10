// SPDX-License-Identifier: MIT
// Checks what leaves the node. Terms that plugins build are trusted inside the node. But an Erlang node that
// receives bytes that are no term, or a map with a key twice, closes the connection for all processes that
// use it. So every payload is checked once, here, before it leaves, a long one in portions where a process
// sends it. Any thread.
#include "base/log.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/sound_term.hpp"

namespace coppice::runtime::delivery {
namespace {

// Other nodes have bounds of their own.
constexpr etf::limits boundless{SIZE_MAX, SIZE_MAX, 255};

// `self`: yields between two portions. Null: none does.
bool may_leave(const message& m, process* self) {
  if (m.size() <= sound_check::at_once) return is_sound_term(m.bytes(), boundless);
  if (is_known_sound(m)) return true;
  sound_check check(m.bytes(), boundless);
  std::optional<bool> sound;
  while (!(sound = check.go_on()))
    if (self != nullptr) self->yield();
  if (*sound) note_sound(m);
  return *sound;
}

void refuse(system& host, const pid& from, bool is_message) {
  host.core().malformed.fetch_add(1, std::memory_order_relaxed);
  base::log::warning("runtime", "{}: {} for another node is not one well-formed term and is {}",
                     to_text(from, host.nodes()), is_message ? "a message" : "an exit reason",
                     is_message ? "dropped" : "bad_term instead");
}

} // namespace

message sound_reason(system& host, const pid& from, const message& reason) {
  if (may_leave(reason, nullptr)) return reason;
  refuse(host, from, false);
  return reasons::bad_term();
}

bool is_sound(system& host, signal_ptr& leaving, process_record* sender) {
  const bool is_message = leaving->kind == signal_kind::message;
  // A sender with no_wait does not yield either, and only a process in its own turn can.
  const bool yields = is_message && (leaving->flags & signal::no_wait) == 0 && sender != nullptr &&
                      !sender->dead && sender->home().running() == sender;
  if (may_leave(leaving->payload(), yields ? sender : nullptr)) return true;
  refuse(host, leaving->from, is_message);
  if (is_message) return false;
  signal_ptr named = make_signal(leaving->kind, leaving->from, leaving->ref, reasons::bad_term());
  named->flags = leaving->flags;
  named->number = leaving->number;
  leaving = std::move(named);
  return false;
}

} // namespace coppice::runtime::delivery

namespace coppice::runtime {

void check_before_leaving(process& self, const message& m) {
  if (m.size() > sound_check::at_once) static_cast<void>(delivery::may_leave(m, &self));
}

} // namespace coppice::runtime
