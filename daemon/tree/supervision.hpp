// SPDX-License-Identifier: MIT
// Values of OTP's child specifications, supervisor flags and applications: what the YAML reader fills in and
// the supervisors run. Times are in nanoseconds. Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "tree/words.hpp"

namespace coppice::tree {

// Which children are restarted with one that ends.
enum class strategy : std::uint8_t { one_for_one, one_for_all, rest_for_one, simple_one_for_one };
template <>
inline constexpr std::array<std::string_view, 4> words<strategy>{"one_for_one", "one_for_all", "rest_for_one",
                                                                 "simple_one_for_one"};

// After which ends a child is restarted: all; abnormal ones; none.
enum class restart_type : std::uint8_t { permanent, transient, temporary };
template <>
inline constexpr std::array<std::string_view, 3> words<restart_type>{"permanent", "transient", "temporary"};

// What a supervisor does when children were restarted too often: it ends, or it goes on without the child
// that fails.
enum class on_exceeded : std::uint8_t { escalate, give_up };
template <>
inline constexpr std::array<std::string_view, 2> words<on_exceeded>{"escalate", "park"};

// Whether the end of significant children ends their supervisor.
enum class auto_shutdown : std::uint8_t { never, any_significant, all_significant };
template <>
inline constexpr std::array<std::string_view, 3> words<auto_shutdown>{"never", "any_significant",
                                                                      "all_significant"};

// What an application's end does to the node.
enum class application_type : std::uint8_t {
  permanent, // any end stops the node
  transient, // any end but `normal` stops the node
  temporary, // it is logged
};
template <>
inline constexpr std::array<std::string_view, 3> words<application_type>{"permanent", "transient",
                                                                         "temporary"};

// The longest time that a child can be given, in milliseconds: some 35 years. As nanoseconds it can be added
// to any time of the clocks without an overflow.
inline constexpr std::uint64_t longest_time_ms = std::uint64_t{1} << 40;

// How long a child may take to stop when told to.
struct shutdown_limit {
  enum class kind : std::uint8_t { after, brutal_kill, infinity };
  kind how = kind::after;
  base::nanos time = 5 * base::nanos_per_second; // for `after`; 0 for the others

  static constexpr shutdown_limit brutal_kill() { return {kind::brutal_kill, 0}; }
  static constexpr shutdown_limit infinity() { return {kind::infinity, 0}; }
  static constexpr shutdown_limit after(base::nanos time) { return {kind::after, time}; }
  friend bool operator==(const shutdown_limit&, const shutdown_limit&) = default;
};

// Waits between restarts, beyond OTP: `first`, then each twice the one before, from 100 ms if `first` is 0.
// A child that ran for `max` begins at `first` again.
struct backoff_options {
  base::nanos first = 0;
  base::nanos max = 30 * base::nanos_per_second; // no wait is longer
  double jitter = 0.2;                           // 0 to 1: the share of a wait that is random
  friend bool operator==(const backoff_options&, const backoff_options&) = default;
};

} // namespace coppice::tree
