// SPDX-License-Identifier: MIT
// See noted_effects.hpp. A destination is checked by its form alone: whether this node knows the
// destination's node may differ between members.
#include "host/interfaces/noted_effects.hpp"

#include "base/log.hpp"
#include "behaviours/raft/group_effects.hpp"
#include "host/boundary/flags.hpp"
#include "host/boundary/host.hpp"
#include "host/boundary/sized.hpp"

namespace coppice::host {

using behaviours::raft::group_effects;
using consensus::payload;
using runtime::message;

namespace {

group_effects& noting(coppice_actor& self) {
  return *self.extra->noting;
}

std::int32_t status_of(group_effects::noted what) {
  switch (what) {
    case group_effects::noted::full:
      return COPPICE_E_MEMORY;
    case group_effects::noted::unknown:
      return COPPICE_E_NOT_FOUND;
    case group_effects::noted::done:
      break;
  }
  return COPPICE_OK;
}

// A pid, Name, {Name, Node}, or an alias.
bool is_destination(etf::bytes term) {
  etf::cursor at(term);
  std::string_view name;
  std::string_view node;
  switch (at.peek()) {
    case etf::kind::pid:
    case etf::kind::reference:
      return true;
    case etf::kind::atom:
      return at.read_atom(name) && !name.empty();
    case etf::kind::tuple:
      return at.read_tuple_of(2) && at.read_atom(name) && at.read_atom(node) && !name.empty() &&
             node.find('@') != node.npos;
    default:
      return false;
  }
}

std::optional<etf::bytes> destination_term(coppice_bytes given) {
  const auto term = term_of(given);
  return term && is_destination(*term) ? term : std::nullopt;
}

std::int32_t note_message(coppice_actor* self, coppice_bytes destination, coppice_message* term,
                          std::uint32_t flags, bool cast) {
  const message m = take(term);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto how = sending_of(flags, flags_of_messages);
  if (!how) return COPPICE_E_UNSUPPORTED;
  const auto to = destination_term(destination);
  if (!m || !to) return m ? COPPICE_E_INVALID : COPPICE_E_TERM;
  return status_of(noting(*self).send({payload(*to), payload(m.bytes()), *how, cast}));
}

} // namespace

std::int32_t note_send(coppice_actor* self, coppice_bytes destination, coppice_message* term,
                       std::uint32_t flags) {
  return note_message(self, destination, term, flags, false);
}

std::int32_t note_cast(coppice_actor* self, coppice_bytes destination, coppice_message* term,
                       std::uint32_t flags) {
  return note_message(self, destination, term, flags, true);
}

std::int32_t note_monitor(coppice_actor* self, coppice_bytes destination, std::uint32_t flags,
                          const coppice_monitor_options* options, coppice_message* out_reference) {
  if (out_reference == nullptr) return COPPICE_E_INVALID;
  *out_reference = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (flags != 0) return COPPICE_E_UNSUPPORTED;
  message tag = message::atom("DOWN");
  if (options != nullptr) {
    const auto given = sized(options, COPPICE_MONITOR_OPTIONS_LEAST);
    if (!given) return COPPICE_E_INVALID;
    if (given->alias != COPPICE_ALIAS_NONE) return COPPICE_E_UNSUPPORTED;
    if (given->tag.size != 0) {
      const auto written = term_of(given->tag);
      if (!written) return COPPICE_E_TERM;
      tag = message::copy_of(*written);
    }
  }
  const auto to = destination_term(destination);
  if (!to || etf::cursor(*to).peek() == etf::kind::reference) return COPPICE_E_INVALID;
  group_effects::key made = 0;
  const std::int32_t status = status_of(noting(*self).watch(*to, tag.bytes(), made));
  if (status != COPPICE_OK) return status;
  runtime::message_writer out(64);
  noting(*self).write_reference(out, made);
  *out_reference = give(out.take());
  return COPPICE_OK;
}

// The outcome of a monitor that has ended is never applied, so there is nothing to flush.
std::int32_t note_demonitor(coppice_actor* self, coppice_bytes reference, std::int32_t /*flush*/) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto term = term_of(reference);
  if (!term || etf::cursor(*term).peek() != etf::kind::reference) return COPPICE_E_INVALID;
  return status_of(noting(*self).end(noting(*self).monitor_of(*term)));
}

std::int32_t note_timer(coppice_actor* self, const coppice_timer_options* options, coppice_message* term,
                        std::uint64_t* out_id) {
  const message m = take(term);
  if (out_id != nullptr) *out_id = 0;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!m) return COPPICE_E_TERM;
  const auto given = sized(options, COPPICE_TIMER_OPTIONS_LEAST);
  if (!given || (given->period != 0 && given->period < group_effects::shortest_period))
    return COPPICE_E_INVALID;
  if (given->deadline < group_effects::earliest_deadline) {
    // Every member would have another deadline.
    if (const auto left_out = self->is->refusals.next_line(base::mono_now()))
      base::log::warning(
          self->is->plugin,
          "{} of actor {} started a timer with a deadline of a monotonic clock: in a replicated "
          "state machine it counts from 1970, as the entry's time does{}",
          name_of(self->looking), self->is->actor, left_out_text(*left_out));
    return COPPICE_E_CONTEXT;
  }
  group_effects::timer made;
  made.due = given->deadline;
  made.period = given->period;
  made.term = payload(m.bytes());
  if (given->destination.size != 0) {
    const auto to = destination_term(given->destination);
    if (!to) return COPPICE_E_INVALID;
    made.to = payload(*to);
  }
  group_effects::key key = 0;
  const std::int32_t status = status_of(noting(*self).start(std::move(made), key));
  if (status == COPPICE_OK && out_id != nullptr) *out_id = key;
  return status;
}

std::int32_t note_cancel(coppice_actor* self, std::uint64_t id) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  return group_effects::is_timer(id) ? status_of(noting(*self).end(id)) : COPPICE_E_NOT_FOUND;
}

} // namespace coppice::host
