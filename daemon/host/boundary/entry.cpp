// SPDX-License-Identifier: MIT
// Logs calls that may not be made. A thread that does not run the actor's turn reads only members that never
// change. Any thread.
#include "host/boundary/entry.hpp"

#include <fmt/format.h>

#include <new>

#include "base/border.hpp"
#include "base/log.hpp"

namespace coppice::host {
namespace {

std::string full_name(const host_function& what) {
  return fmt::format("{}'s {}", interface_of(what.entry), what.name);
}

// The code of the plugin that made the call, as far as this thread can tell.
std::string caller_of(const coppice_actor& self, bool its_turn) {
  if (its_turn) return name_of(self.looking);
  const runtime::process* const other = runtime::system::current_process();
  if (other == nullptr) return "a thread that runs no callback";
  const runtime::foreign_code* const code = other->border().outside();
  return fmt::format("{} of {}", code == nullptr ? "code" : code->callback(),
                     runtime::to_text(other->self(), other->host().nodes()));
}

void tell(const coppice_actor& self, const std::string& text) {
  if (const auto left_out = self.is->refusals.next_line(base::mono_now()))
    base::log::warning(self.is->plugin, "{}{}", text, left_out_text(*left_out));
}

constexpr std::uint64_t calls_of_an_orderly_end = 1000;

} // namespace

std::int32_t refuse_dead(coppice_actor& self) {
  extra_state& extra = self.needs_extra();
  const base::nanos now = base::mono_now();
  if (extra.refused_dead++ == 0) extra.refused_dead_since = now;
  runtime::process& process = *self.process;
  if (extra.refused_dead < calls_of_an_orderly_end ||
      now - extra.refused_dead_since < process.host().options().linger)
    return COPPICE_E_EXITING;
  base::log::error(self.is->plugin,
                   "{} has ended, but its handler goes on since {} ms, and {} calls have said so: perhaps a "
                   "catch (...) swallowed it; it is left where it is",
                   to_text(process.self(), process.host().nodes()),
                   (now - extra.refused_dead_since) / base::nanos_per_ms, extra.refused_dead);
  extra.step.reset(); // nothing of the step runs any more
  if (extra.stays != nullptr) extra.stays->leave();
  process.give_up_stack();
  return COPPICE_E_EXITING;
}

const char* name_of(looking callback) {
  switch (callback) {
    case looking::create:
      return "create";
    case looking::save_state:
      return "save_state";
    case looking::restore_state:
      return "restore_state";
    case looking::format_status:
      return "format_status";
    case looking::validate:
      return "validate";
    case looking::apply:
      return "apply";
    case looking::apply_info:
      return "apply_info";
    case looking::save:
      return "save";
    case looking::handle_query:
      return "handle_query";
    case looking::no:
      break;
  }
  return "";
}

void note_refused(coppice_actor& self, bool its_turn, const host_function& what) {
  const std::string function = full_name(what);
  tell(self, fmt::format("{} was called for actor {} {} by {}: {}", function, self.is->actor,
                         runtime::to_text(self.process->self(), self.process->host().nodes()),
                         caller_of(self, its_turn),
                         its_turn ? "that callback may only look" : "it does not have that actor's turn"));
  if (!its_turn || !self.needs_extra().refused.empty()) return;
  self.extra->refused = function;
}

std::int32_t note_thrown(const host_function& what) noexcept {
  std::int32_t status = COPPICE_E_INTERNAL;
  try {
    throw;
  } catch (const std::bad_alloc&) {
    status = COPPICE_E_MEMORY;
  } catch (...) {
  }
  try {
    base::note_escaped(full_name(what));
  } catch (...) { // no memory
    base::note_escaped(what.name);
  }
  return status;
}

std::string take_refusal(coppice_actor& self, looking callback) {
  if (self.extra == nullptr || self.extra->refused.empty()) return {};
  const std::string function = std::exchange(self.extra->refused, {});
  const std::string did = fmt::format("its {} called {}", name_of(callback), function);
  if (callback == looking::create)
    return did +
           ", which is not allowed before init: use init, and after_restore for a state that is restored";
  if (callback == looking::format_status) return did + ", which is not allowed while a state is shown";
  return did + ", which is allowed only after the switch: use after_restore";
}

} // namespace coppice::host
