// SPDX-License-Identifier: MIT
// The code of an actor type, and the book of identities. Any thread.
#include "host/boundary/actor_code.hpp"

#include "host/boundary/sized.hpp"

namespace coppice::host {

bool is_stage(std::string_view behaviour) {
  return behaviour == "producer" || behaviour == "producer_consumer" || behaviour == "consumer";
}

const actor_identity& identity_book::of(const std::string& plugin, const std::string& actor,
                                        const std::string& behaviour) {
  const std::lock_guard guard(lock_);
  return all_.try_emplace(plugin + ":" + actor + ":" + behaviour, plugin, actor, behaviour).first->second;
}

std::vector<statem_counts> identity_book::state_machines() const {
  std::vector<statem_counts> out;
  const std::lock_guard guard(lock_);
  for (const auto& [key, one] : all_)
    if (one.behaviour == "statem")
      out.push_back({one.plugin + ":" + one.actor, one.machines.load(std::memory_order_relaxed),
                     one.dropped_postponed.load(std::memory_order_relaxed)});
  return out;
}

std::vector<stage_counts> identity_book::stages() const {
  std::vector<stage_counts> out;
  const std::lock_guard guard(lock_);
  for (const auto& [key, one] : all_)
    if (is_stage(one.behaviour)) out.push_back(one.stages.read(one.plugin + ":" + one.actor, one.behaviour));
  return out;
}

std::vector<router_counts> identity_book::routers() const {
  std::vector<router_counts> out;
  const std::lock_guard guard(lock_);
  for (const auto& [key, one] : all_)
    if (one.behaviour == "router") out.push_back(one.routers.read(one.plugin + ":" + one.actor));
  return out;
}

std::vector<behaviours::program_counts> identity_book::programs() const {
  std::vector<behaviours::program_counts> out;
  const std::lock_guard guard(lock_);
  for (const auto& [key, one] : all_) {
    behaviours::program_counts counts = one.programs.read(one.plugin + ":" + one.actor);
    if (counts.started + counts.not_started != 0) out.push_back(std::move(counts));
  }
  return out;
}

std::vector<behaviours::connect_counts> identity_book::connects() const {
  std::vector<behaviours::connect_counts> out;
  const std::lock_guard guard(lock_);
  for (const auto& [key, one] : all_) {
    behaviours::connect_counts counts = one.connects.read(one.plugin + ":" + one.actor);
    if (counts.tries != 0) out.push_back(std::move(counts));
  }
  return out;
}

actor_code::actor_code(const coppice_actor_type& type)
    : state_version(type.state_version),
      streams(callbacks_of<coppice_stream_callbacks>(type, COPPICE_STREAM_DRAFT_1,
                                                     COPPICE_STREAM_CALLBACKS_LEAST)),
      datagrams(callbacks_of<coppice_datagram_callbacks>(type, COPPICE_UDP_DRAFT_1,
                                                         COPPICE_DATAGRAM_CALLBACKS_LEAST)),
      pool(callbacks_of<coppice_pool>(type, COPPICE_POOL_DRAFT_1, COPPICE_POOL_LEAST)),
      lifecycle(callbacks_of<coppice_lifecycle>(type, COPPICE_LIFECYCLE_1, COPPICE_LIFECYCLE_LEAST)) {}

} // namespace coppice::host
