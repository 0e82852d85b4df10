// SPDX-License-Identifier: MIT
// See history.hpp. The search appends one operation after the other: the next is one that was invoked before
// any remaining operation returned. It remembers which set of operations led to which value, and never looks
// at such a pair twice. Of two additions of the same amount with unknown outcomes the earlier one is taken
// first, because it makes no difference which of them has happened.
#include "history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

namespace coppice::simulated {
namespace {

constexpr std::size_t accounts_at_once = 3;
constexpr std::size_t left_for_the_end = 8; // operations of an account
constexpr std::uint64_t most_steps = 3'000'000;

using operation = history::operation;

class order_search {
 public:
  explicit order_search(const std::vector<operation>& all) : all_(all) {}

  // True: there is an order, or the search was given up.
  bool go() {
    for (std::size_t at = 0; at < all_.size(); ++at)
      if (all_[at].returned != never) known_ |= bit(at);
    return place(0, 0);
  }
  std::uint64_t most_placed() const { return most_placed_; }

 private:
  static std::uint64_t bit(std::size_t at) { return std::uint64_t{1} << at; }

  bool place(std::uint64_t placed, std::int64_t value) {
    if ((placed & known_) == known_ || ++steps_ > most_steps) return true;
    if (!seen_.emplace(placed, value).second) return false;
    if (std::popcount(placed) > std::popcount(most_placed_)) most_placed_ = placed;
    nanos first_return = never;
    for (std::size_t at = 0; at < all_.size(); ++at)
      if ((placed & bit(at)) == 0) first_return = std::min(first_return, all_[at].returned);
    for (std::size_t at = 0; at < all_.size(); ++at) {
      const operation& one = all_[at];
      if ((placed & bit(at)) != 0 || one.invoked > first_return || is_later_twin(placed, at)) continue;
      const std::int64_t after = value + one.adds;
      if (one.returned != never && one.answer != after) continue;
      if (place(placed | bit(at), after)) return true;
    }
    return false;
  }
  bool is_later_twin(std::uint64_t placed, std::size_t at) const {
    if (all_[at].returned != never) return false;
    for (std::size_t before = 0; before < at; ++before)
      if ((placed & bit(before)) == 0 && all_[before].returned == never && all_[before].adds == all_[at].adds)
        return true;
    return false;
  }

  const std::vector<operation>& all_;
  std::uint64_t known_ = 0;
  std::uint64_t most_placed_ = 0;
  std::uint64_t steps_ = 0;
  std::set<std::pair<std::uint64_t, std::int64_t>> seen_;
};

std::string shown(const operation& one) {
  return fmt::format("  {}..{} {} -> {}\n", one.invoked,
                     one.returned == never ? "" : fmt::to_string(one.returned),
                     one.adds == 0 ? "read" : fmt::format("add {}", one.adds),
                     one.returned == never ? "unknown" : fmt::to_string(one.answer));
}

} // namespace

std::string find_order(const std::vector<operation>& all) {
  std::vector<operation> sorted;
  // A read of unknown outcome shows nothing, so it is left out.
  for (const operation& one : all)
    if (one.returned != never || one.adds != 0) sorted.push_back(one);
  std::ranges::stable_sort(sorted, {}, &operation::invoked);
  order_search search(sorted);
  if (search.go()) return {};
  std::string out = fmt::format("no order of {} operations is possible; these are left of the longest one\n",
                                sorted.size());
  for (std::size_t at = 0; at < sorted.size(); ++at)
    if ((search.most_placed() & (std::uint64_t{1} << at)) == 0) out += shown(sorted[at]);
  return out;
}

std::string history::any_account() {
  const std::string account = fmt::format("{}-{}", epoch_, draw_below(accounts_at_once));
  if (of_[account].size() + left_for_the_end < most_of_account) return account;
  ++epoch_;
  return any_account();
}

history::handle history::invoke(const std::string& account, std::int64_t adds) {
  std::vector<operation>& all = of_[account];
  if (all.size() >= most_of_account) give_up("an account of the history has too many operations");
  all.push_back({adds, now(), never, 0, 0});
  return {account, all.size() - 1};
}

void history::returned(const handle& which, std::int64_t answer, std::uint64_t serial) {
  operation& one = of_[which.account][which.at];
  one.returned = now();
  one.answer = answer;
  one.serial = serial;
}

// Changes it to a read of unknown outcome instead of removing it, because handles are indexes.
void history::refused(const handle& which) {
  of_[which.account][which.at].adds = 0;
}

std::string history::objection() const {
  for (const auto& [account, all] : of_)
    if (const std::string why = find_order(all); !why.empty()) return account + ": " + why;
  return {};
}

std::string history::objection_to_serials() const {
  std::vector<operation> answered;
  for (const auto& [account, all] : of_)
    for (const operation& one : all)
      if (one.serial != 0) answered.push_back(one);
  std::ranges::sort(answered, {}, &operation::serial);
  nanos latest_invoked = 0;
  for (std::size_t at = 0; at < answered.size(); ++at) {
    if (at > 0 && answered[at].serial == answered[at - 1].serial)
      return fmt::format("serial {} is given twice", answered[at].serial);
    if (answered[at].returned < latest_invoked)
      return fmt::format("serial {} was answered before one with an earlier serial was asked for",
                         answered[at].serial);
    latest_invoked = std::max(latest_invoked, answered[at].invoked);
  }
  return {};
}

} // namespace coppice::simulated
