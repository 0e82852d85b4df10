// SPDX-License-Identifier: MIT
// Callbacks of a saga that wait until they can run, first come first served. A saga may have a hundred
// thousand of them, and a call that is cancelled is taken out by its token, so the cost of neither grows
// with the number of calls that wait. In the turn of the process that owns the queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>

#include "saga/effects.hpp"

namespace coppice::behaviours {

class saga_call_queue {
 public:
  void push(saga::call one);
  // The call that came first. The queue must not be empty.
  saga::call pop();
  const saga::call& front() const { return calls_.begin()->second; }
  // Takes out the call with this token. False: none waits. A call with the token 0 stays until pop().
  bool remove(std::uint64_t token);
  void clear();

  bool has(std::uint64_t token) const { return arrivals_.contains(token); }
  bool empty() const { return calls_.empty(); }
  std::size_t size() const { return calls_.size(); }
  std::size_t bytes() const { return bytes_; } // of the calls' values

 private:
  std::map<std::uint64_t, saga::call> calls_;                 // by arrival
  std::unordered_map<std::uint64_t, std::uint64_t> arrivals_; // by token, without calls whose token is 0
  std::uint64_t last_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace coppice::behaviours
