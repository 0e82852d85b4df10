// SPDX-License-Identifier: MIT
// The hash table of a process's timers: chains through the timers. See started_timers.hpp.
#include "runtime/processes/started_timers.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace coppice::runtime {

template <class See>
void started_timers::for_each(See see) const {
  const std::span all(chains_ == nullptr ? &only_ : chains_.get(), chains());
  for (started_timer* one : all)
    while (one != nullptr) see(*std::exchange(one, one->next_in_chain));
}

started_timers::~started_timers() {
  for_each([](started_timer& one) { std::unique_ptr<started_timer>(&one).reset(); });
}

started_timer* started_timers::find(std::uint64_t id) const {
  started_timer* one = chain_of(id);
  while (one != nullptr && one->id != id) one = one->next_in_chain;
  return one;
}

void started_timers::add(std::unique_ptr<started_timer> fresh) {
  if (size_ >= std::max(few, chains())) grow();
  started_timer*& chain = chain_of(fresh->id);
  fresh->next_in_chain = chain;
  chain = fresh.release();
  ++size_;
}

std::unique_ptr<started_timer> started_timers::take(std::uint64_t id) {
  started_timer** link = &chain_of(id);
  while (*link != nullptr && (*link)->id != id) link = &(*link)->next_in_chain;
  if (*link == nullptr) return nullptr;
  --size_;
  return std::unique_ptr<started_timer>(std::exchange(*link, (*link)->next_in_chain));
}

void started_timers::grow() {
  std::vector<started_timer*> all;
  all.reserve(size_);
  for_each([&](started_timer& one) { all.push_back(&one); });
  const std::size_t wanted = chains_ == nullptr ? 2 * std::size_t{few} : 2 * std::size_t{chains()};
  chains_ = std::make_unique<started_timer*[]>(wanted);
  only_ = nullptr;
  shift_ = 64;
  for (std::size_t bits = wanted; bits > 1; bits /= 2) --shift_;
  for (started_timer* one : all) one->next_in_chain = std::exchange(chain_of(one->id), one);
}

void started_timers::cancel(timer_wheel& wheel) const {
  for_each([&](started_timer& one) { wheel.cancel(one); });
}

std::uint64_t started_timers::start(timer_wheel& wheel) const {
  if (size_ == 1 && chains_ == nullptr) return wheel.start(*only_, only_->deadline), only_->id;
  std::vector<started_timer*> all;
  all.reserve(size_);
  for_each([&](started_timer& one) { all.push_back(&one); });
  std::ranges::sort(all, {}, &started_timer::id);
  for (started_timer* one : all) wheel.start(*one, one->deadline);
  return all.empty() ? 0 : all.back()->id;
}

} // namespace coppice::runtime
