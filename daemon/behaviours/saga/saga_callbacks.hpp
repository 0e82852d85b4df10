// SPDX-License-Identifier: MIT
// The callbacks of a saga's actor that have no answer yet, and what answers they may have. Each process that
// runs callbacks has such an object: the saga's own process, or a worker's. In that process's own turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "saga/effects.hpp"

namespace coppice::behaviours {

class saga_callbacks {
 public:
  // `used`: the callback was answered before; `invalid`: it has no such answer.
  enum class given : std::uint8_t { taken, used, invalid };
  enum class reply : std::uint8_t { done, failed, never, retry, steps };

  // `max_steps`: how many steps one answer may have.
  explicit saga_callbacks(std::size_t max_steps) : max_steps_(max_steps) {}

  void open(std::uint64_t token, saga::callback what) { open_[token] = {what, false, 0, {}}; }
  // taken: `out` is the answer, for saga::core::answered(), and the callback is open no more.
  given answer(std::uint64_t token, reply what, saga::term value, saga::verdict& out);
  // The answer of a callback that the actor does not have.
  given answer_by_default(const saga::call& what, saga::verdict& out);
  // Adds to the steps that reply::steps gives.
  given add_step(std::uint64_t token, saga::step_spec&& one);

 private:
  struct open_callback {
    saga::callback what = saga::callback::start;
    bool too_large = false; // the steps together are above a bound
    std::size_t bytes = 0;
    std::vector<saga::step_spec> steps;
  };

  const std::size_t max_steps_;
  std::unordered_map<std::uint64_t, open_callback> open_; // by token
};

} // namespace coppice::behaviours
