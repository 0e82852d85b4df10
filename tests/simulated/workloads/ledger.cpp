// SPDX-License-Identifier: MIT
// See ledger.hpp.
#include "ledger.hpp"

#include <fmt/format.h>

#include "../machine/story.hpp"

namespace coppice::simulated {

ledger& the_ledger() {
  static auto* const one = new ledger; // NOLINT: lives as long as the process
  return *one;
}

void ledger::broken(const std::string& invariant) {
  give_up("invariant: " + invariant);
}

void ledger::cast_came(std::uint64_t sender, unsigned host, std::uint64_t number) {
  ++seen_.casts;
  tell("cast {} of client {} comes", number, sender);
  std::uint64_t& last = last_cast_[{sender, host}];
  if (number <= last)
    broken(fmt::format("no message overtakes another: client {}'s cast {} came to host {} after {}", sender,
                       number, host, last));
  last = number;
}

void ledger::watches(std::uint64_t owner, const std::string& key) {
  if (!watched_.emplace(std::pair(owner, key), watch()).second)
    broken(fmt::format("a reference is given once: client {} has {} again", owner, key));
}

void ledger::watches_no_more(std::uint64_t owner, const std::string& key) {
  const auto found = watched_.find({owner, key});
  if (found != watched_.end() && found->second.told == 0) found->second.least = found->second.most = 0;
}

void ledger::may_be_over(std::uint64_t owner, const std::string& key) {
  watch& one = watched_.find({owner, key})->second;
  one.least = one.told;
}

void ledger::watches_again(std::uint64_t owner, const std::string& key) {
  watch& one = watched_.find({owner, key})->second;
  ++one.most;
  one.least = one.told + 1;
}

void ledger::end_told(std::uint64_t owner, const std::string& key) {
  ++seen_.ends;
  tell("client {} is told of the end of {}", owner, key);
  const auto found = watched_.find({owner, key});
  if (found == watched_.end())
    broken(fmt::format("client {} hears of {}, which it never watched", owner, key));
  watch& one = found->second;
  if (one.most == 0) broken(fmt::format("client {} hears of {} after it left it", owner, key));
  if (++one.told > one.most)
    broken(fmt::format("a link or monitor fires once: client {} hears of {} again", owner, key));
}

void ledger::forget(std::uint64_t owner) {
  for (auto at = watched_.lower_bound({owner, {}}); at != watched_.end() && at->first.first == owner;)
    at = watched_.erase(at);
}

void ledger::check_all_told() {
  for (const auto& [who, state] : watched_)
    if (state.told < state.least)
      broken(fmt::format("a link or monitor fires once: client {} never heard of {}", who.first, who.second));
}

} // namespace coppice::simulated
