// SPDX-License-Identifier: MIT
// The code of one actor type in a loaded file: its tables of callbacks, found and read once, so that an actor
// reaches each callback by one load. It belongs to its image and never changes. Any thread while the image is
// pinned.
#pragma once

#include <coppice/draft/pool.h>
#include <coppice/draft/stream.h>
#include <coppice/draft/udp.h>
#include <coppice/lifecycle.h>
#include <coppice/plugin.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <typeinfo>
#include <utility>

#include "base/heap_account.hpp"
#include "behaviours/programs/program_totals.hpp"
#include "behaviours/streams/connect_totals.hpp"
#include "host/boundary/log_limit.hpp"
#include "metrics/counters.hpp"
#include "runtime/actor_factory.hpp"

namespace coppice::metrics {
class board;
}

namespace coppice::host {

struct hosted_behaviour;

// Makes the totals in which the actors of `type`, PLUGIN:ACTOR, count. `board`, which shows the totals,
// outlives them; null: they are not shown.
using totals_maker = std::shared_ptr<metrics::counters> (*)(metrics::board* board, const std::string& type,
                                                            const std::string& behaviour);

// The names of an actor, for readers on other threads: they outlive every image, and an actor never changes
// them.
struct actor_identity {
  // `board`: see totals_maker; `make_totals`: of its behaviour.
  actor_identity(std::string plugin, std::string actor, std::string behaviour, metrics::board* board,
                 totals_maker make_totals);

  const std::string plugin;
  const std::string actor; // the actor type's name
  const std::string behaviour;
  const base::heap::owner charged; // the plugin, which its callbacks' allocations count for
  mutable log_limit refusals;      // limits log lines about calls that such an actor may not make
  mutable log_limit unhandled;     // limits log lines about messages that such an actor does not handle
  // The sums over all actors of the type:
  const std::shared_ptr<metrics::counters> counted; // of its behaviour; null: it counts nothing of its own
  const std::shared_ptr<behaviours::program_totals> programs;
  const std::shared_ptr<behaviours::connect_totals> connects; // connections that such actors keep

  // `counted`, which the behaviour's totals_maker has made as Totals.
  template <class Totals>
  Totals& totals() const {
    return static_cast<Totals&>(*counted);
  }
  // As totals(). Null: its behaviour has other totals, or none.
  template <class Totals>
  Totals* find_totals() const {
    const metrics::counters* const known = counted.get();
    return known != nullptr && typeid(*known) == typeid(Totals) ? &totals<Totals>() : nullptr;
  }
};

// Every identity that has ever existed. Any thread.
class identity_book {
 public:
  // `board`: see totals_maker.
  explicit identity_book(metrics::board* board = nullptr) : board_(board) {}

  // The reference is valid as long as the book.
  const actor_identity& of(const std::string& plugin, const std::string& actor, const std::string& behaviour,
                           totals_maker make_totals = nullptr);

 private:
  metrics::board* const board_;
  std::mutex lock_;
  std::map<std::string, actor_identity, std::less<>> all_; // by PLUGIN:ACTOR:BEHAVIOUR; never erased
};

// The base of the code of behaviours with tables of their own. Each revision of a table is a separate
// struct: if an actor type may have several, the highest one present is read and converted into the
// callbacks that the host calls.
struct actor_code {
  explicit actor_code(const coppice_actor_type& type);
  virtual ~actor_code() = default;
  actor_code(const actor_code&) = delete;
  actor_code& operator=(const actor_code&) = delete;

  const std::uint32_t state_version;
  const coppice_stream streams;      // size 0: none
  const coppice_udp datagrams;       // size 0: none
  const coppice_pool pool;           // size 0: none
  const coppice_lifecycle lifecycle; // null for callbacks that the plugin does not have or does not know
  // Set by read_code().
  const hosted_behaviour* runs = nullptr;
  const actor_identity* is = nullptr;
  // Set by read_all(): the choice of the class; empty: none.
  std::optional<runtime::unhandled> unhandled;
};

} // namespace coppice::host
