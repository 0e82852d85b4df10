// SPDX-License-Identifier: MIT
// The strangers of a share stand in the order in which they last said something whole, or came: the first is
// the one to go. There are few shares or few in each, so that the fullest is looked for and not kept.
#include "net/admission/admission_limit.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "base/log_counted.hpp"

namespace coppice::net {
namespace {

struct stranger {
  base::nanos came = 0;
  bool spoke = false;
  bool held = false;
  std::function<void()> dismissed{}; // empty: not on a loop yet
};

using dismissals = std::vector<std::function<void()>>;

} // namespace

struct admission_limit::state {
  explicit state(admission_options chosen) : options(std::move(chosen)) {}

  using share = std::map<std::uint64_t, stranger>;

  stranger* find(const std::string& name, std::uint64_t turn);
  void dismiss(std::map<std::string, share>::iterator of, share::iterator who, dismissals& out);
  bool make_room(std::uint64_t but, dismissals& out);
  void end_silences(base::nanos now, dismissals& out);
  bool crowded() const { return taken * 2 > options.places; }

  const admission_options options;
  mutable std::mutex lock; // guards what follows
  std::map<std::string, share> shares;
  std::size_t taken = 0;
  std::uint64_t last_turn = 0;
};

stranger* admission_limit::state::find(const std::string& name, std::uint64_t turn) {
  const auto of = shares.find(name);
  if (of == shares.end()) return nullptr;
  const auto who = of->second.find(turn);
  return who == of->second.end() ? nullptr : &who->second;
}

void admission_limit::state::dismiss(std::map<std::string, share>::iterator of, share::iterator who,
                                     dismissals& out) {
  if (who->second.dismissed) out.push_back(std::move(who->second.dismissed));
  of->second.erase(who);
  if (of->second.empty()) shares.erase(of);
  --taken;
}

// The share with the most who are not held; its first. Not `but`, for whom it is made.
bool admission_limit::state::make_room(std::uint64_t but, dismissals& out) {
  const auto may_go = [&](const auto& one) { return !one.second.held && one.first != but; };
  auto fullest = shares.end();
  std::ptrdiff_t most = 0;
  for (auto at = shares.begin(); at != shares.end(); ++at) {
    const auto here = std::ranges::count_if(at->second, may_go);
    if (here <= most) continue;
    most = here;
    fullest = at;
  }
  if (fullest == shares.end()) return false;
  dismiss(fullest, std::ranges::find_if(fullest->second, may_go), out);
  return true;
}

// They stand in the order in which they came, but for those who spoke.
void admission_limit::state::end_silences(base::nanos now, dismissals& out) {
  const base::nanos until = now - std::chrono::nanoseconds(options.crowded_patience).count();
  for (auto next = shares.begin(); next != shares.end();) {
    const auto of = next++;
    std::size_t left = of->second.size();
    for (auto after = of->second.begin(); left > 0; --left) {
      const auto who = after++;
      if (who->second.spoke || who->second.held) continue;
      if (who->second.came >= until) break;
      dismiss(of, who, out);
    }
  }
}

admission_limit::admission_limit(admission_options chosen)
    : state_(std::make_shared<state>(std::move(chosen))) {}

admission_limit::place admission_limit::enter(std::string share) {
  dismissals going;
  place made;
  {
    const std::lock_guard guard(state_->lock);
    const base::nanos now = base::mono_now();
    if (state_->crowded()) state_->end_silences(now, going);
    made.of_ = state_;
    made.turn_ = ++state_->last_turn;
    state_->shares[share].emplace(made.turn_, stranger{now});
    made.share_ = std::move(share);
    ++state_->taken;
    made.patience_ = state_->crowded() ? state_->options.crowded_patience : state_->options.patience;
    if (state_->taken > state_->options.places) static_cast<void>(state_->make_room(made.turn_, going));
  }
  if (!going.empty()) {
    base::log::counted(base::log::level::notice, "net", state_->options.name + " is full",
                       "{}: of those who connect and say nothing the longest silent make room for others",
                       state_->options.name);
  }
  for (const auto& dismissed : going) dismissed();
  return made;
}

bool admission_limit::dismiss_one() {
  dismissals going;
  bool any = false;
  {
    const std::lock_guard guard(state_->lock);
    any = state_->make_room(0, going);
  }
  for (const auto& dismissed : going) dismissed();
  return any;
}

std::size_t admission_limit::taken() const {
  const std::lock_guard guard(state_->lock);
  return state_->taken;
}

// A place ---------------------------------------------------------------------------------------------------

admission_limit::place::place(place&& other) noexcept
    : of_(std::move(other.of_)),
      share_(std::move(other.share_)),
      turn_(other.turn_),
      patience_(other.patience_) {}

admission_limit::place& admission_limit::place::operator=(place&& other) noexcept {
  if (this != &other) {
    settle();
    of_ = std::move(other.of_);
    share_ = std::move(other.share_);
    turn_ = other.turn_;
    patience_ = other.patience_;
  }
  return *this;
}

bool admission_limit::place::on_dismissal(std::function<void()> does) {
  if (!of_) return true;
  const std::lock_guard guard(of_->lock);
  stranger* const who = of_->find(share_, turn_);
  if (who == nullptr) return false;
  who->dismissed = std::move(does);
  return true;
}

void admission_limit::place::spoke() {
  if (!of_) return;
  const std::lock_guard guard(of_->lock);
  stranger* const who = of_->find(share_, turn_);
  if (who == nullptr) return;
  who->spoke = true;
  auto& share = of_->shares.find(share_)->second;
  auto moved = share.extract(turn_);
  moved.key() = turn_ = ++of_->last_turn;
  share.insert(share.end(), std::move(moved));
}

void admission_limit::place::hold(bool held) {
  if (!of_) return;
  dismissals going;
  {
    const std::lock_guard guard(of_->lock);
    stranger* const who = of_->find(share_, turn_);
    if (who == nullptr) return;
    who->held = held;
    // It may be fuller than it should be, of those who were held; this one is just being answered.
    if (!held && of_->taken > of_->options.places) static_cast<void>(of_->make_room(turn_, going));
  }
  for (const auto& dismissed : going) dismissed();
}

void admission_limit::place::settle() {
  if (!of_) return;
  dismissals unused; // destroyed without the lock
  const std::lock_guard guard(of_->lock);
  const auto of = of_->shares.find(share_);
  if (of == of_->shares.end()) return;
  if (const auto who = of->second.find(turn_); who != of->second.end()) of_->dismiss(of, who, unused);
}

} // namespace coppice::net
