// SPDX-License-Identifier: MIT
// The functions of "coppice.actor/1", "coppice.call/1" and "coppice.timer/1" that a replicated state machine
// may call in its apply and apply_info. There they only note what the group is to do: see
// behaviours/raft/group_effects.hpp. Their results depend on the arguments and on the group's state, so they
// are the same in all members. Each replaces the usual function of its interface, with the same arguments
// and ownership: see entry.hpp. In the process's own turn.
#pragma once

#include <coppice/actor.h>
#include <coppice/timer.h>

#include <cstdint>

namespace coppice::host {

std::int32_t note_send(coppice_actor* self, coppice_bytes destination, coppice_message* term,
                       std::uint32_t flags);
std::int32_t note_cast(coppice_actor* self, coppice_bytes destination, coppice_message* term,
                       std::uint32_t flags);
std::int32_t note_monitor(coppice_actor* self, coppice_bytes destination, std::uint32_t flags,
                          const coppice_monitor_options* options, coppice_message* out_reference);
std::int32_t note_demonitor(coppice_actor* self, coppice_bytes reference, std::int32_t flush);
std::int32_t note_timer(coppice_actor* self, const coppice_timer_options* options, coppice_message* term,
                        std::uint64_t* out_id);
std::int32_t note_cancel(coppice_actor* self, std::uint64_t id);

} // namespace coppice::host
