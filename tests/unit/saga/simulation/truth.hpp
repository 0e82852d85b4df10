// SPDX-License-Identifier: MIT
// What is true of all simulated nodes together, and the checks of it: one outcome of each transaction, money
// that neither comes nor goes, undo in reverse order and of what was done alone and runs no more, attempts
// that rise, answers that are kept,
// actors that are asked once, deadlines that only come nearer, nothing told after the end. A check that fails
// throws `violation`. One thread at a time.
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

// What a step's value says.
struct order {
  std::int32_t amount = 0; // that the step's account gets
  std::uint32_t salt = 0;  // what the step does, apart from chance
  std::uint8_t depth = 0;  // levels of steps that it may bring
  bool leads_on = false;   // its result brings the further step of its salt

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
  // A callback begins or comes to its end at a node.
  void performs(const step_key& key, const address& at, std::uint32_t attempt, commit_kind kind);
  // Nothing of it runs any more.
  void performed(const step_key& key);
  bool has_effect(const step_key& key) const;
  void took_effect(const step_key& key, std::int32_t amount);
  void reverses(const step_key& key);
  void is_reversed(const step_key& key);
  void confirms(const step_key& key);
  void is_confirmed(const step_key& key);
  void asks_about(callback what, const step_key& key);

  // A record is on a node's disk.
  void stored(const step_key& of_unit, const change& what);

  void begins(const std::string& tx, base::nanos deadline);
  void sends(const request& what, base::nanos now);
  void comes(const request& what, base::nanos now);
  void interim_at(const step_key& of_coordinator) const;
  // What comes of the decision has been told.
  void decided(const step_key& of_coordinator) { decided_[of_coordinator] = true; }
  void ends(const std::string& tx, outcome_kind how);

  void check_at_rest() const;

  std::uint64_t committed_count = 0, reversed_count = 0, undo_count = 0, repeat_count = 0, loop_count = 0;

 private:
  struct effect {
    bool begun = false, ran = false, kept = false, undone = false, prepared = false, taken = false;
    bool runs = false; // now
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
  std::unordered_map<step_key, base::nanos, key_hash> bound_; // by step: the latest end that was asked for
  std::unordered_map<step_key, bool, key_hash> decided_;
  std::unordered_map<step_key, bool, key_hash> logged_; // decisions on the disk: whether to commit
  std::unordered_map<std::string, transaction_truth> transactions_;
};

} // namespace coppice::saga::simulation
