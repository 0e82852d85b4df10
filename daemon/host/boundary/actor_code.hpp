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

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "behaviours/programs/program_totals.hpp"
#include "behaviours/streams/connect_totals.hpp"
#include "host/boundary/log_limit.hpp"
#include "host/boundary/router_totals.hpp"
#include "host/boundary/stage_totals.hpp"
#include "host/boundary/statem_totals.hpp"
#include "runtime/actor_factory.hpp"

namespace coppice::metrics {
class board;
}

namespace coppice::host {

struct hosted_behaviour;

// Names of an actor, for those who look from other threads: they outlive every image, and an actor never
// changes them.
struct actor_identity {
  // `board`, where its totals are shown, outlives it; null: they are not shown.
  actor_identity(std::string plugin, std::string actor, std::string behaviour,
                 metrics::board* board = nullptr);

  const std::string plugin;
  const std::string actor; // its type
  const std::string behaviour;
  mutable log_limit refusals;  // of calls that such an actor may not make
  mutable log_limit unhandled; // of what such an actor does not take
  // What all actors of the type come to.
  const std::shared_ptr<statem_totals> machines; // null: it is no state machine
  const std::shared_ptr<stage_totals> stages;    // null: it is no stage
  const std::shared_ptr<router_totals> routers;  // null: it is no router
  const std::shared_ptr<behaviours::program_totals> programs;
  const std::shared_ptr<behaviours::connect_totals> connects; // that are to be there all the time
};

// Whether a behaviour of this name is a stage.
bool is_stage(std::string_view behaviour);

// Every identity there has been. Any thread.
class identity_book {
 public:
  // `board` as of actor_identity.
  explicit identity_book(metrics::board* board = nullptr) : board_(board) {}

  // As long as the book.
  const actor_identity& of(const std::string& plugin, const std::string& actor, const std::string& behaviour);

 private:
  metrics::board* const board_;
  std::mutex lock_;
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
