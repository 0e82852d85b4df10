// SPDX-License-Identifier: MIT
// What a loaded file has for one of its actor types: the tables of callbacks, found and read once, so that an
// actor reaches each callback by one load. It belongs to its image and never changes. Any thread while the
// image is pinned.
#pragma once

#include <coppice/lifecycle.h>
#include <coppice/plugin.h>
#include <coppice/pool.h>
#include <coppice/stream.h>
#include <coppice/udp.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behaviours/programs/program_counts.hpp"
#include "behaviours/streams/connect_counts.hpp"
#include "host/boundary/log_limit.hpp"
#include "host/boundary/router_counts.hpp"
#include "host/boundary/stage_counts.hpp"
#include "host/boundary/statem_counts.hpp"
#include "runtime/actor_factory.hpp"

namespace coppice::host {

struct hosted_behaviour;

// Names of an actor, for those who look from other threads: they outlive every image, and an actor never
// changes them.
struct actor_identity {
  actor_identity(std::string plugin_, std::string actor_, std::string behaviour_)
      : plugin(std::move(plugin_)), actor(std::move(actor_)), behaviour(std::move(behaviour_)) {}

  const std::string plugin;
  const std::string actor; // its type
  const std::string behaviour;
  mutable log_limit refusals;  // of calls that such an actor may not make
  mutable log_limit unhandled; // of what such an actor does not take
  // Of state machines.
  mutable std::atomic<std::uint64_t> machines{0};          // that run
  mutable std::atomic<std::uint64_t> dropped_postponed{0}; // events, since as many waited as may
  mutable stage_totals stages;                             // of stages
  mutable router_totals routers;                           // of routers
  mutable behaviours::program_totals programs;             // that such actors have had
  mutable behaviours::connect_totals connects;             // of those that are to be connected all the time
};

// Whether a behaviour of this name is a stage.
bool is_stage(std::string_view behaviour);

// Every identity there has been. Any thread.
class identity_book {
 public:
  // As long as the book.
  const actor_identity& of(const std::string& plugin, const std::string& actor, const std::string& behaviour);
  // In the order of their types.
  std::vector<statem_counts> state_machines() const;
  std::vector<stage_counts> stages() const;
  std::vector<router_counts> routers() const;
  // Of types that have had one.
  std::vector<behaviours::program_counts> programs() const;
  std::vector<behaviours::connect_counts> connects() const;

 private:
  mutable std::mutex lock_;
  std::map<std::string, actor_identity, std::less<>> all_; // by PLUGIN:ACTOR:BEHAVIOUR; never erased
};

// A behaviour with tables of its own derives from it and adds them. Each revision of a table is a struct of
// its own: where an actor type may have several, the highest that is there is read, and turned into what the
// host calls.
struct actor_code {
  explicit actor_code(const coppice_actor_type& type);
  virtual ~actor_code() = default;
  actor_code(const actor_code&) = delete;
  actor_code& operator=(const actor_code&) = delete;

  const std::uint32_t state_version;
  const coppice_stream_callbacks streams;     // its size is 0 where it has none
  const coppice_datagram_callbacks datagrams; // likewise
  const coppice_pool pool;                    // likewise
  const coppice_lifecycle lifecycle; // an entry that the plugin left out, or knows nothing of, is null
  // Set by read_code().
  const hosted_behaviour* runs = nullptr;
  const actor_identity* is = nullptr;
  // Set by read_all(): what its class chose; none: nothing.
  std::optional<runtime::unhandled> unhandled;
};

} // namespace coppice::host
