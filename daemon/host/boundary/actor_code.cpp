// SPDX-License-Identifier: MIT
// The code of an actor type, and the book of identities. Any thread.
#include "host/boundary/actor_code.hpp"

#include "host/boundary/sized.hpp"
#include "metrics/board.hpp"

namespace coppice::host {

bool is_stage(std::string_view behaviour) {
  return behaviour == "producer" || behaviour == "producer_consumer" || behaviour == "consumer";
}

namespace {

// Actors of the same type count in the same totals, whatever generation their code is of.
template <class Totals>
std::shared_ptr<Totals> totals_on(metrics::board* board, metrics::board::labels of) {
  return board != nullptr ? board->total<Totals>(std::move(of)) : std::make_shared<Totals>();
}

} // namespace

actor_identity::actor_identity(std::string plugin_, std::string actor_, std::string behaviour_,
                               metrics::board* board)
    : plugin(std::move(plugin_)),
      actor(std::move(actor_)),
      behaviour(std::move(behaviour_)),
      charged(base::heap::owner_of(plugin)),
      machines(behaviour == "statem" ? totals_on<statem_totals>(board, {{"type", plugin + ":" + actor}})
                                     : nullptr),
      stages(is_stage(behaviour)
                 ? totals_on<stage_totals>(board, {{"type", plugin + ":" + actor}, {"role", behaviour}})
                 : nullptr),
      routers(behaviour == "router" ? totals_on<router_totals>(board, {{"type", plugin + ":" + actor}})
                                    : nullptr),
      sagas(behaviour == "saga" ? totals_on<saga_totals>(board, {{"type", plugin + ":" + actor}}) : nullptr),
      programs(totals_on<behaviours::program_totals>(board, {{"type", plugin + ":" + actor}})),
      connects(totals_on<behaviours::connect_totals>(board, {{"type", plugin + ":" + actor}})) {}

const actor_identity& identity_book::of(const std::string& plugin, const std::string& actor,
                                        const std::string& behaviour) {
  const std::lock_guard guard(lock_);
  return all_.try_emplace(plugin + ":" + actor + ":" + behaviour, plugin, actor, behaviour, board_)
      .first->second;
}

actor_code::actor_code(const coppice_actor_type& type)
    : state_version(type.state_version),
      streams(callbacks_of<coppice_stream>(type, COPPICE_STREAM_DRAFT_2, COPPICE_STREAM_LEAST)),
      datagrams(callbacks_of<coppice_udp>(type, COPPICE_UDP_DRAFT_2, COPPICE_UDP_LEAST)),
      pool(callbacks_of<coppice_pool>(type, COPPICE_POOL_DRAFT_1, COPPICE_POOL_LEAST)),
      lifecycle(callbacks_of<coppice_lifecycle>(type, COPPICE_LIFECYCLE_1, COPPICE_LIFECYCLE_LEAST)) {}

} // namespace coppice::host
