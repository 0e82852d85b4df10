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
  if (!watched_.emplace(std::pair(owner, key), watch::open).second)
    broken(fmt::format("a reference is given once: client {} has {} again", owner, key));
}

void ledger::watches_no_more(std::uint64_t owner, const std::string& key) {
  const auto found = watched_.find({owner, key});
  if (found != watched_.end() && found->second == watch::open) found->second = watch::left;
}

void ledger::end_told(std::uint64_t owner, const std::string& key) {
  ++seen_.ends;
  tell("client {} is told of the end of {}", owner, key);
  const auto found = watched_.find({owner, key});
  if (found == watched_.end())
    broken(fmt::format("client {} hears of {}, which it never watched", owner, key));
  if (found->second == watch::left) broken(fmt::format("client {} hears of {} after it left it", owner, key));
  if (found->second == watch::ended)
    broken(fmt::format("a link or monitor fires once: client {} hears of {} again", owner, key));
  found->second = watch::ended;
}

void ledger::forget(std::uint64_t owner) {
  for (auto at = watched_.lower_bound({owner, {}}); at != watched_.end() && at->first.first == owner;)
    at = watched_.erase(at);
}

void ledger::check_all_told() {
  for (const auto& [who, state] : watched_)
    if (state == watch::open)
      broken(fmt::format("a link or monitor fires once: client {} never heard of {}", who.first, who.second));
}

} // namespace coppice::simulated
