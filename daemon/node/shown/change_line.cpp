// SPDX-License-Identifier: MIT
// See change_line.hpp. A turn is given without the lock, by the thread that left.
#include "node/shown/change_line.hpp"

#include <algorithm>

namespace coppice::node {

base::result<change_line::place> change_line::enter(change_row who, std::function<void()> turn,
                                                    std::string_view kind) {
  const std::scoped_lock held(lock_);
  const auto same = [kind](const entry& one) { return !kind.empty() && one.kind == kind; };
  if (!line_.empty() && std::any_of(line_.begin() + 1, line_.end(), same))
    return base::fail(base::errc::exists, "the same change waits already");
  if (line_.size() > most_waiting)
    return base::fail(base::errc::limit,
                      "an apply or a reload is under way, and as many wait as may: try again later");
  const std::uint64_t number = ++last_;
  who.asked_at = base::mono_now();
  line_.push_back({number, std::move(who), std::string(kind), std::move(turn)});
  if (line_.size() == 1 && changed_) changed_(true);
  return place(*this, number);
}

bool change_line::has_turn(std::uint64_t number) const {
  const std::scoped_lock held(lock_);
  return !line_.empty() && line_.front().number == number;
}

void change_line::leave(std::uint64_t number) {
  std::function<void()> next;
  {
    const std::scoped_lock held(lock_);
    const auto found = std::ranges::find(line_, number, &entry::number);
    if (found == line_.end()) return;
    const bool ran = found == line_.begin();
    line_.erase(found);
    if (ran && !line_.empty()) next = line_.front().turn;
    if (line_.empty() && changed_) changed_(false);
  }
  if (next) next();
}

std::vector<change_row> change_line::rows() const {
  const std::scoped_lock held(lock_);
  std::vector<change_row> out;
  for (const entry& one : line_) out.push_back(one.who);
  return out;
}

} // namespace coppice::node
