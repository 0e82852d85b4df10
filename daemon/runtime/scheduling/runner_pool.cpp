// SPDX-License-Identifier: MIT
// See runner_pool.hpp.
#include "runtime/scheduling/runner_pool.hpp"

#include <atomic>
#include <cstdint>

#include "base/log.hpp"
#include "runtime/system_core.hpp"

namespace coppice::runtime {
namespace {

constexpr unsigned kept = 64; // in the pool of a worker that sleeps

} // namespace

bool runner_pool::needs_one() {
  if (idle_ != nullptr) return true;
  if (!make()) return false;
  host_.core().stacks.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool runner_pool::add(bool of_reserve) {
  std::atomic<std::uint32_t>& all = host_.core().stacks;
  const system_options& options = host_.options();
  const std::uint32_t limit =
      options.parked_stacks + options.workers + (of_reserve ? options.reserved_stacks : 0);
  if (all.fetch_add(1, std::memory_order_relaxed) >= limit && stacks_.size() >= 2) {
    all.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  if (make()) return true;
  all.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool runner_pool::make() {
  auto made = fiber::make(host_.options().stack_bytes, entry_, nullptr);
  if (!made) {
    if (!std::exchange(no_stack_, true)) // logged once, not for each process that gets none
      base::log::warning("runtime", "worker {} gets no stack for another parked process: {}", index_,
                         made.error().text);
    return false;
  }
  no_stack_ = false;
  idle_ = made->get();
  take_in(*made->release());
  return true;
}

void runner_pool::take_in(fiber& stack) {
  stack.place = stacks_.size();
  stacks_.emplace_back(&stack);
}

void runner_pool::let_go(fiber& stack) {
  stacks_.back()->place = stack.place;
  std::swap(stacks_[stack.place], stacks_.back());
  [[maybe_unused]] const fiber* released = stacks_.back().release();
  stacks_.pop_back();
}

void runner_pool::give_back_reserve() {
  const std::uint32_t most = host_.options().parked_stacks + host_.options().workers;
  const bool is_beyond = host_.core().stacks.load(std::memory_order_relaxed) > most;
  if (is_beyond && idle_ != nullptr && stacks_.size() > 2) free_idle(&idle_);
}

void runner_pool::free_idle(fiber** link) {
  fiber* const spare = std::exchange(*link, (*link)->next);
  let_go(*spare);
  host_.core().stacks.fetch_sub(1, std::memory_order_relaxed);
  std::unique_ptr<fiber>(spare).reset();
}

void runner_pool::free_spare() {
  unsigned seen = 0;
  for (fiber** link = &idle_; *link != nullptr;) {
    if (++seen <= kept)
      link = &(*link)->next;
    else
      free_idle(link);
  }
}

} // namespace coppice::runtime
