// SPDX-License-Identifier: MIT
// The code of an actor type, and the book of identities. Any thread.
#include "host/boundary/actor_code.hpp"

#include "host/boundary/sized.hpp"
#include "host/boundary/type_totals.hpp"

namespace coppice::host {

actor_identity::actor_identity(std::string plugin_, std::string actor_, std::string behaviour_,
                               metrics::board* board, totals_maker make_totals)
    : plugin(std::move(plugin_)),
      actor(std::move(actor_)),
      behaviour(std::move(behaviour_)),
      charged(base::heap::owner_of(plugin)),
      counted(make_totals == nullptr ? nullptr : make_totals(board, plugin + ":" + actor, behaviour)),
      programs(totals_on<behaviours::program_totals>(board, {{"type", plugin + ":" + actor}})),
      connects(totals_on<behaviours::connect_totals>(board, {{"type", plugin + ":" + actor}})) {}

const actor_identity& identity_book::of(const std::string& plugin, const std::string& actor,
                                        const std::string& behaviour, totals_maker make_totals) {
  const std::lock_guard guard(lock_);
  return all_
      .try_emplace(plugin + ":" + actor + ":" + behaviour, plugin, actor, behaviour, board_, make_totals)
      .first->second;
}

actor_code::actor_code(const coppice_actor_type& type)
    : state_version(type.state_version),
      streams(callbacks_of<coppice_stream>(type, COPPICE_STREAM_DRAFT_2, COPPICE_STREAM_LEAST)),
      datagrams(callbacks_of<coppice_udp>(type, COPPICE_UDP_DRAFT_2, COPPICE_UDP_LEAST)),
      pool(callbacks_of<coppice_pool>(type, COPPICE_POOL_DRAFT_1, COPPICE_POOL_LEAST)),
      lifecycle(callbacks_of<coppice_lifecycle>(type, COPPICE_LIFECYCLE_1, COPPICE_LIFECYCLE_LEAST)) {}

} // namespace coppice::host
