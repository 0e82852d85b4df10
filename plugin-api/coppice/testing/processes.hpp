// SPDX-License-Identifier: MIT
// "coppice.actor/1" for tests: actions on other processes go into the journal; links, monitors, aliases and
// names are kept in the actor's process. In the actor's callbacks.
#pragma once

#include <coppice/actor.h>
#include <coppice/call.h>

#include <coppice/testing/messages.hpp>
#include <coppice/testing/signals.hpp>

namespace coppice::testing::detail {

constexpr nanoseconds default_patience = 5s;

/// Options of a plugin, by their `size`; members beyond it are zero. Empty: too small.
template <class Options>
std::optional<Options> sized(const Options* given, std::size_t least) {
  if (given == nullptr || given->size < least) return std::nullopt;
  Options known{};
  std::memcpy(&known, given, std::min<std::size_t>(given->size, sizeof known));
  return known;
}
std::int32_t takes(std::uint32_t flags, std::uint32_t known);
/// Whether a message with these flags reaches the node of that process.
bool reaches(const world& w, const value& whom, std::uint32_t flags);
std::int32_t found(bool is);

std::int32_t send_or_cast(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                          std::uint32_t flags, bool is_cast);
std::int32_t send(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                  std::uint32_t flags);

std::int32_t link(coppice_actor* self, coppice_bytes pid, std::uint32_t flags);
std::int32_t unlink(coppice_actor* self, coppice_bytes pid);
std::int32_t exit(coppice_actor* self, coppice_bytes pid_or_alias, coppice_bytes reason, std::uint32_t flags);

value begin_monitor(world& w, monitored what);
std::int32_t monitor(coppice_actor* self, coppice_bytes destination, std::uint32_t flags,
                     const coppice_monitor_options* options, coppice_message* out);

std::int32_t alias(coppice_actor* self, std::uint32_t flags, coppice_message* out);

std::int32_t register_name(coppice_actor* self, coppice_bytes name);

/// Links or monitors a new process for its spawner, and returns its pid.
template <class Child>
std::int32_t born(world& w, Child made, std::vector<Child>& all, coppice_message* out_pid,
                  coppice_message* out_reference) {
  if (made.linked) w.links[made.pid] = 0;
  if (made.linked && w.around != nullptr) w.around->linked(w, made.pid);
  if (made.monitored) {
    const value reference = begin_monitor(w, {made.pid, {}});
    if (w.around != nullptr) w.around->monitors(w, reference);
    *out_reference = give(reference.bytes());
  }
  *out_pid = give(made.pid.bytes());
  all.push_back(std::move(made));
  return COPPICE_OK;
}
std::int32_t spawn(coppice_actor* self, const coppice_spawn_options* options, coppice_message* out_pid,
                   coppice_message* out_reference);

/// How long a call with this deadline waits.
nanoseconds patience_of(const world& w, std::int64_t deadline);
/// Waits for an answer that does not come.
std::int32_t wait_in_vain(world& w, nanoseconds patience, const char* function);
std::int32_t outcome_of(const response& answer, coppice_message* out);

const coppice_actor_api* actor_interface();

} // namespace coppice::testing::detail
