// SPDX-License-Identifier: MIT
// See network.hpp.
#include "network.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "hosts.hpp"

namespace coppice::simulated {
namespace {

struct direction {
  bool cut = false;
  nanos least = 0;
  nanos more = 0;
  std::vector<std::weak_ptr<wire>> held;
};

using directions = std::array<std::array<direction, most_hosts>, most_hosts>;

directions& all_directions() {
  static auto* const one = new directions; // NOLINT: lives as long as the process
  return *one;
}

direction& between(unsigned from, unsigned to) {
  return all_directions()[from][to];
}

} // namespace

nanos way_between(unsigned from, unsigned to) {
  const direction& one = between(from, to);
  return draw_between(one.least, one.least + one.more);
}

void prepare_network() {
  for (unsigned from = 0; from < most_hosts; ++from)
    for (unsigned to = 0; to < most_hosts; ++to) {
      direction& one = between(from, to);
      const bool near = from == to;
      one.least = near ? 5 * microsecond : (30 * microsecond) << draw_below(8);
      one.more = near ? 10 * microsecond : (10 * microsecond) << draw_below(9);
    }
}

void wire::send(std::function<void()> arrives) {
  last_due_ = std::max(last_due_, now() + way_between(from_, to_));
  waiting_.push_back({last_due_, std::move(arrives)});
  plan();
}

void wire::plan() {
  if (planned_ || waiting_.empty()) return;
  planned_ = true;
  at(waiting_.front().due, [self = shared_from_this()] {
    self->planned_ = false;
    self->deliver();
  });
}

void wire::deliver() {
  if (is_cut(from_, to_)) return between(from_, to_).held.push_back(weak_from_this());
  while (!waiting_.empty() && waiting_.front().due <= now()) {
    const auto arrives = std::move(waiting_.front().arrives);
    waiting_.pop_front();
    arrives();
  }
  plan();
}

void wire::go_on() {
  plan();
}

void cut(unsigned from, unsigned to) {
  note("cut", from, to);
  between(from, to).cut = true;
}

void heal(unsigned from, unsigned to) {
  direction& one = between(from, to);
  if (!one.cut) return;
  note("heal", from, to);
  one.cut = false;
  for (const auto& weak : std::exchange(one.held, {}))
    if (const auto held = weak.lock()) held->go_on();
}

bool is_cut(unsigned from, unsigned to) {
  return between(from, to).cut;
}

void heal_all() {
  for (unsigned from = 0; from < most_hosts; ++from)
    for (unsigned to = 0; to < most_hosts; ++to) heal(from, to);
}

} // namespace coppice::simulated
