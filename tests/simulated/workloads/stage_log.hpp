// SPDX-License-Identifier: MIT
// Records what the stages of a run emitted, asked for and were given, and checks the invariants. A stage is
// named by its pid and a subscription by its tag, which are the same on every node. One for a run; used by
// the thread that holds the baton, so it needs no locks.
// rooms: node
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "behaviours/stage/counters.hpp"
#include "behaviours/stage/options.hpp"

namespace coppice::simulated {

using dispatch_kind = behaviours::dispatcher_options::kind;

// One subscription.
struct stage_link {
  std::string producer;             // empty: no event has come from it yet
  bool to_plugin = false;           // the producer is a plugin's: `asked` counts what was sent to it
  std::uint64_t asked = 0;          // events that were asked for, as its producer was told
  std::uint64_t came = 0;           // events that came to the consumer's process
  std::uint64_t missed = 0;         // events that were skipped between the given ones
  std::optional<std::int64_t> last; // the event that the consumer was given last
};

// The events that a producer of the workload has emitted: 1, 2, 3, …
struct stage_source {
  dispatch_kind kind{};
  std::int64_t emitted = 0;
  std::uint64_t dropped = 0; // events dropped for lack of room
};

// The state of a stage at the end of the run.
struct stage_end {
  struct row {
    bool upstream = false;
    std::uint64_t passed = 0;
    std::uint64_t backlog = 0;
  };
  std::string name; // for people
  behaviours::stage_role role{};
  behaviours::stage_counters counters;
  std::map<std::string, row> rows; // by tag
  std::uint64_t unasked = 0;       // the demand of its consumers for which the producer was not asked
};

class stage_log {
 public:
  stage_source& begin(const std::string& producer, dispatch_kind kind);
  // The consumer has subscribed to a plugin's stage.
  void begin_link_to_plugin(const std::string& tag) { links_[tag].to_plugin = true; }
  // The producer has received a message of the subscription, which asks for `count` events.
  void asked(const std::string& tag, std::uint64_t count);
  // The consumer has sent a message that asks for `count` events.
  void asks(const std::string& tag, std::uint64_t count);
  // `count` events came from the producer to the consumer, which has not handled them yet.
  void came(const std::string& tag, const std::string& producer, std::uint64_t count);
  // The consumer is given this event.
  void given(const std::string& tag, std::int64_t event);
  // Checks the number of events that a producer's engine counts for a subscription.
  void passed(const std::string& tag, std::uint64_t count);
  // Checks the counters of a producer's engine. `demand`: the number of events that its consumers can take.
  void counted(const std::string& producer, const behaviours::stage_counters& counters,
               std::uint64_t demand = 0);

  // Stages work as before, but begin and end no subscription.
  bool settled = false;
  // Each producer emits some more events when this number changes.
  unsigned round = 0;
  // Stages report their state at the end.
  bool ends = false;
  void ended(const std::string& stage, stage_end how) { ends_[stage] = std::move(how); }
  // Checks the reports, after all living stages have made theirs. If they do not agree, the run is broken.
  void check_ends() const;

 private:
  void check_link(const std::string& tag, const stage_end& at, const stage_end::row& row) const;

  std::map<std::string, stage_source> sources_;
  std::map<std::string, stage_link> links_;
  std::map<std::string, std::set<std::int64_t>> given_; // where each event goes to one consumer
  std::map<std::string, stage_end> ends_;
};

} // namespace coppice::simulated
