// SPDX-License-Identifier: MIT
// Checks what leaves the node. Terms that plugins build are trusted inside the node. But an Erlang node that
// receives bytes that are no term, or a map with a key twice, closes the connection for all processes that
// use it. So every payload is checked once, here, before it leaves. Any thread.
#include "base/log.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/sound_term.hpp"

namespace coppice::runtime::delivery {
namespace {

// Other nodes have bounds of their own.
constexpr etf::limits boundless{SIZE_MAX, SIZE_MAX, 255};

} // namespace

bool is_sound(system& host, signal_ptr& leaving) {
  if (is_sound_term(leaving->payload().bytes(), boundless)) return true;
  host.core().malformed.fetch_add(1, std::memory_order_relaxed);
  const bool is_message = leaving->kind == signal_kind::message;
  base::log::warning("runtime", "{}: {} for another node is not one well-formed term and is {}",
                     to_text(leaving->from, host.nodes()), is_message ? "a message" : "an exit reason",
                     is_message ? "dropped" : "bad_term instead");
  if (is_message) return false;
  signal_ptr named = make_signal(leaving->kind, leaving->from, leaving->ref, reasons::bad_term());
  named->flags = leaving->flags;
  named->number = leaving->number;
  leaving = std::move(named);
  return false;
}

} // namespace coppice::runtime::delivery
