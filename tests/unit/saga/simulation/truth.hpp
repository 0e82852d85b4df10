// SPDX-License-Identifier: MIT
// The facts about all simulated nodes together, and their checks: a transaction has one outcome, no money is
// made or lost, only steps that were done and run no more are undone, in reverse order, attempts rise,
// answers are kept, an actor is asked once, deadlines only come nearer, and nothing is told after the end. A
// check that fails throws `violation`. One thread at a time.
#pragma once

#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "saga/core.hpp"
#include "seeded_dice.hpp"

namespace coppice::saga::simulation {

using coppice::test::mix;
using dice = coppice::test::seeded_dice;

struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] void fail(const std::string& what);

// The content of a step's value.
struct order {
  std::int32_t amount = 0; // added to the account of the step
  std::uint32_t salt = 0;  // decides what the step does, apart from chance
  std::uint8_t depth = 0;  // levels of steps below it
  bool leads_on = false;   // its result brings a further step, which depends on the salt

  term encode() const;
  static order decode(const term& from);
};

struct key_hash {
  std::size_t operator()(const step_key& of) const;
};
std::string shown(const step_key& of);
step_key above(step_key of);

class truth {
 public:
  // A callback begins at a node, or ends there.
  void performs(const step_key& key, const address& at, std::uint32_t attempt, commit_kind kind);
  // No callback of the step runs any more.
  void performed(const step_key& key);
  bool has_effect(const step_key& key) const;
  void took_effect(const step_key& key, std::int32_t amount);
  void reverses(const step_key& key);
  void is_reversed(const step_key& key);
  void confirms(const step_key& key);
  void is_confirmed(const step_key& key);
  void asks_about(callback what, const step_key& key);

  // A record has reached a node's disk.
  void stored(const step_key& of_unit, const change& what);

  void begins(const std::string& tx, base::nanos deadline);
  void sends(const request& what, base::nanos now);
  void comes(const request& what, base::nanos now);
  void interim_at(const step_key& of_coordinator) const;
  // The effects of the decision have been told.
  void decided(const step_key& of_coordinator) { decided_[of_coordinator] = true; }
  void ends(const std::string& tx, outcome_kind how);

  void check_at_rest() const;

  std::uint64_t committed_count = 0, reversed_count = 0, undo_count = 0, repeat_count = 0, loop_count = 0;

 private:
  struct effect {
    bool begun = false, ran = false, kept = false, undone = false, prepared = false, taken = false;
    bool runs = false; // a callback runs now
    std::uint32_t attempt = 0;
    commit_kind kind = commit_kind::compensate;
    std::int32_t amount = 0;
    bool reversing = false;
  };
  struct transaction_truth {
    base::nanos deadline = 0;
    outcome_kind how = outcome_kind::open;
  };
  using steps = std::vector<std::uint32_t>;

  std::unordered_map<step_key, effect, key_hash> effects_;
  std::unordered_map<step_key, steps, key_hash> done_; // by coordinator: in the order in which they were done
  std::unordered_map<step_key, steps, key_hash> answered_;    // by coordinator: plans on the disk
  std::unordered_map<step_key, base::nanos, key_hash> bound_; // by step: the latest end that was requested
  std::unordered_map<step_key, bool, key_hash> decided_;
  std::unordered_map<step_key, bool, key_hash> logged_; // decisions on the disk: whether to commit
  std::unordered_map<std::string, transaction_truth> transactions_;
};

} // namespace coppice::saga::simulation
