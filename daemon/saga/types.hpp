// SPDX-License-Identifier: MIT
// The plain values of the saga room: who takes part, what names a step in the tree of a transaction, what a
// plan consists of and how a transaction ends. Any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace coppice::saga {

// Longer names, ids and paths are refused in messages and records.
inline constexpr std::size_t longest_name = 255; // bytes, of a transaction's id as well
inline constexpr std::size_t deepest_path = 255; // levels of a tree

// An Erlang term, encoded, without the leading 131. Empty: the atom undefined.
struct term {
  std::string encoded;
  bool operator==(const term&) const = default;
};

// The atom `word`, of at most 255 bytes: the reasons that sagas give themselves.
term reason(std::string_view word);

// A registered process.
struct address {
  std::string name, node;
  auto operator<=>(const address&) const = default;
};

// One level of a tree: the saga that gives out the step, and the step's number there, from 1.
struct hop {
  address saga;
  std::uint32_t number = 0;
  auto operator<=>(const hop&) const = default;
};

// Where a step stands in the tree of its transaction, from the root down. It goes along with every message
// about the step, so a participant knows its coordinator, how deep it is, and every saga above it.
struct step_id {
  std::uint32_t hops = 0; // levels that may follow, this step included; 0: the step is refused
  std::vector<hop> path;
  auto operator<=>(const step_id&) const = default;
};

// What an answer is kept by. A step that is tried once more after an error has a key of its own.
struct step_key {
  std::string tx;
  step_id step;
  auto operator<=>(const step_key&) const = default;
};

enum class commit_kind : std::uint8_t {
  compensate, // steps take effect at once, and are undone when the transaction fails
  two_phase,  // steps are prepared, and take effect when all are
};

// A step as an actor asks for it.
struct step_spec {
  address to;
  term value;
  bool beside = false;         // begins together with the step in front of it, not after it
  base::nanos retry_first = 0; // 0: as the options say
  base::nanos retry_max = 0;   // 0: as the options say
  bool operator==(const step_spec&) const = default;
};

enum class outcome_kind : std::uint8_t {
  open,
  committed,
  compensated,
  aborted,
  unknown, // never begun here, or ended longer ago than outcomes are kept
};

struct outcome {
  outcome_kind what = outcome_kind::unknown;
  term value; // of a committed one the final value, else the reason
  bool operator==(const outcome&) const = default;
};

} // namespace coppice::saga
