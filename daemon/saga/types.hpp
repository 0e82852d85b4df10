// SPDX-License-Identifier: MIT
// The plain values of the saga room: participants, the names of steps in the tree of a transaction, the parts
// of a plan, and the outcomes of a transaction. Any thread.
#pragma once

#include <algorithm>
#include <compare>
#include <coppice/etf/shape.hpp>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace coppice::saga {

// Messages and records with longer names, ids or paths are refused.
inline constexpr std::size_t longest_name = 255; // bytes; also of a transaction's id
inline constexpr std::size_t deepest_path = 255; // levels of a tree

// An Erlang term, encoded, without the leading 131. Empty: the atom undefined.
struct term {
  std::string encoded;
  bool operator==(const term&) const = default;
};

// The atom `word`, of at most 255 bytes. For the reasons that sagas make themselves.
term reason(std::string_view word);

// The name and node of a registered process. It never changes, and copies share it.
class address {
 public:
  address() = default;
  address(std::string name, std::string node)
      : of_(std::make_shared<const parts>(std::move(name), std::move(node))) {}

  const std::string& name() const { return of_ == nullptr ? nothing : of_->first; }
  const std::string& node() const { return of_ == nullptr ? nothing : of_->second; }

  bool operator==(const address& other) const {
    return of_ == other.of_ || (name() == other.name() && node() == other.node());
  }
  std::strong_ordering operator<=>(const address& other) const {
    if (of_ == other.of_) return std::strong_ordering::equal;
    const auto by_name = name() <=> other.name();
    return by_name != 0 ? by_name : node() <=> other.node();
  }

 private:
  using parts = std::pair<std::string, std::string>;
  static inline const std::string nothing;
  std::shared_ptr<const parts> of_; // null: both are empty
};

// One level of a tree: the saga that gives out the step, and the step's number there, from 1.
struct hop {
  static constexpr auto etf_form = etf::form::tuple;
  address saga;
  std::uint32_t number = 0;
  auto operator<=>(const hop&) const = default;
};

// The hops from the root down. It never changes, and copies share it.
class step_path {
 public:
  step_path() = default;
  step_path(std::vector<hop> hops)
      : hops_(hops.empty() ? nullptr : std::make_shared<const std::vector<hop>>(std::move(hops))) {}
  step_path(std::initializer_list<hop> hops) : step_path(std::vector<hop>(hops)) {}

  bool empty() const { return hops_ == nullptr; }
  std::size_t size() const { return hops_ == nullptr ? 0 : hops_->size(); }
  const hop* begin() const { return hops_ == nullptr ? nullptr : hops_->data(); }
  const hop* end() const { return begin() + size(); }
  const hop& back() const { return hops_->back(); } // the path must not be empty
  step_path below(hop next) const {
    std::vector<hop> made(begin(), end());
    made.push_back(std::move(next));
    return made;
  }
  step_path above() const { return std::vector<hop>(begin(), end() - 1); } // the path must not be empty

  bool operator==(const step_path& other) const {
    return hops_ == other.hops_ || std::equal(begin(), end(), other.begin(), other.end());
  }
  auto operator<=>(const step_path& other) const {
    return hops_ == other.hops_
               ? std::strong_ordering::equal
               : std::lexicographical_compare_three_way(begin(), end(), other.begin(), other.end());
  }

 private:
  std::shared_ptr<const std::vector<hop>> hops_; // null: empty
};

// Place of a step in the tree of its transaction, from the root down. It is part of every message about the
// step, so a participant knows its coordinator, its depth, and every saga above it.
struct step_id {
  static constexpr auto etf_form = etf::form::tuple;
  std::uint32_t hops = 0; // levels that may follow, this step included. 0: the step is refused
  step_path path;
  bool operator==(const step_id&) const = default;
  auto operator<=>(const step_id&) const = default;
};

// Key under which an answer is kept. A step that is tried again after an error has a new key.
struct step_key {
  static constexpr auto etf_form = etf::form::tuple;
  std::string tx;
  step_id step;
  bool operator==(const step_key&) const = default;
  auto operator<=>(const step_key&) const = default;
};

// Whether names and numbers are within bounds. The path may be empty: the root's.
inline bool is_sound(const std::string& name) {
  return !name.empty() && name.size() <= longest_name;
}
inline bool is_sound(const address& of) {
  return is_sound(of.name()) && is_sound(of.node());
}
inline bool is_sound(const step_key& of) {
  if (!is_sound(of.tx) || of.step.path.size() > deepest_path) return false;
  for (const hop& one : of.step.path)
    if (!is_sound(one.saga) || one.number == 0) return false;
  return true;
}

// An upper bound of the bytes that a key takes, in memory or encoded.
inline std::size_t weight(const step_key& of) {
  std::size_t sum = 64 + of.tx.size();
  for (const hop& one : of.step.path) sum += 64 + one.saga.name().size() + one.saga.node().size();
  return sum;
}

enum class commit_kind : std::uint8_t {
  compensate, // steps take effect at once, and are undone if the transaction fails
  two_phase,  // steps are prepared, and take effect when all are prepared
};

// A step that an actor wants done.
struct step_spec {
  address to;
  term value;
  bool beside = false;         // begins together with the step before it, not after it
  base::nanos retry_first = 0; // 0: the option's value
  base::nanos retry_max = 0;   // 0: the option's value
  bool operator==(const step_spec&) const = default;
};

enum class outcome_kind : std::uint8_t {
  open,
  committed,
  compensated,
  aborted,
  unknown, // never begun here, or its outcome is no longer kept
};

struct outcome {
  outcome_kind what = outcome_kind::unknown;
  term value; // committed: the final value. Otherwise: the reason
  bool operator==(const outcome&) const = default;
};

} // namespace coppice::saga
