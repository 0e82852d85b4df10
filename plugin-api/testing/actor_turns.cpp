// SPDX-License-Identifier: MIT
// Which callback of an actor under test runs next, and what its status means: timers, messages, answers and
// other engines in the order of a node, one callback at a time. In the test's thread.
#include <coppice/testing.hpp>

#include <algorithm>
#include <utility>

#include <coppice/testing/calls.hpp>

#include "behaviours.hpp"

namespace coppice::testing {

namespace {

// Sets a flag while it exists.
class raised {
 public:
  explicit raised(bool& flag) : flag_(flag) { flag_ = true; }
  raised(const raised&) = delete;
  raised& operator=(const raised&) = delete;
  ~raised() { flag_ = false; }

 private:
  bool& flag_;
};

} // namespace

void actor::advance(nanoseconds time) {
  if (world_.around != nullptr) return world_.around->advance(time);
  const nanoseconds end = world_.now + time;
  while (!is_busy()) {
    settle();
    const auto next = next_event();
    if (!next || *next > end) break;
    world_.now = std::max(world_.now, *next);
  }
  world_.now = std::max(world_.now, end);
  settle();
  detail::name_unanswered(world_);
}

bool actor::await_post(std::chrono::milliseconds patience) {
  {
    std::unique_lock held(world_.letters->lock);
    const auto came = [this] { return !world_.letters->letters.empty(); };
    if (!world_.letters->came.wait_for(held, patience, came)) return false;
  }
  settle();
  return true;
}

void actor::deliver(detail::letter what) {
  world_.mailbox.push_back(std::move(what));
  settle();
}

void actor::settle() {
  constexpr int most = 1'000'000;
  detail::hear(world_);
  if (world_.around != nullptr) return world_.around->go_on();
  if (is_busy()) return;
  const raised now_settling(settling_);
  for (int steps = 0; !world_.dead; ++steps) {
    if (steps == most) throw failure("the actor does not come to rest: it keeps sending itself messages");
    if (!step()) return;
  }
}

bool actor::has_work() const {
  if (world_.dead || is_busy()) return false;
  if (!world_.mailbox.empty() || !world_.ended.empty()) return true;
  const auto due = next_event();
  const auto unasked = [](const auto& each) { return !each.second.asked_already; };
  if ((due && *due <= world_.now) || std::ranges::any_of(world_.requests, unasked)) return true;
  const std::scoped_lock held(world_.letters->lock);
  return !world_.letters->letters.empty();
}

bool actor::step_once() {
  const raised now_settling(settling_);
  return !world_.dead && step();
}

bool actor::step() {
  detail::fire_timers(world_);
  take_posts();
  if (detail::take_from(world_, *plays_)) return true;
  if (!world_.mailbox.empty()) {
    const detail::letter next = std::move(world_.mailbox.front());
    world_.mailbox.pop_front();
    dispatch(next);
    return true;
  }
  if (!world_.ended.empty()) {
    const detail::ended_request next = std::move(world_.ended.front());
    world_.ended.pop_front();
    if (const auto due = plays_->answered(next)) detail::carry_out(world_, *due);
    return true;
  }
  for (const auto& [name, each] : world_.beside)
    if (detail::take_from(world_, *each)) return true;
  return ask_callees();
}

void actor::take_posts() {
  const std::scoped_lock held(world_.letters->lock);
  for (value& each : world_.letters->letters)
    world_.mailbox.push_back({detail::delivery::info, std::move(each)});
  world_.letters->letters.clear();
}

bool actor::ask_callees() {
  const auto next = std::ranges::find_if(world_.requests, [this](const auto& each) {
    return each.second.due <= world_.now || !each.second.asked_already;
  });
  if (next == world_.requests.end()) return false;
  const std::uint64_t id = next->first;
  if (next->second.due <= world_.now) return end_request(id, silence());
  next->second.asked_already = true;
  const made_call asked = next->second.asked;
  if (world_.around != nullptr && world_.around->asks(world_, id)) return true;
  response got = world_.others.ask(asked.to, asked.request);
  if (got.status != COPPICE_E_TIMEOUT) end_request(id, std::move(got));
  return true;
}

bool actor::end_request(std::uint64_t id, response what) {
  const auto found = world_.requests.find(id);
  if (found == world_.requests.end()) return false;
  world_.ended.push_back({id, found->second.tag, std::move(what), std::move(found->second.context)});
  world_.requests.erase(found);
  return true;
}

std::optional<nanoseconds> actor::next_event() const {
  std::optional<nanoseconds> first;
  const auto at = [&first](nanoseconds due) { first = std::min(first.value_or(due), due); };
  for (const timer& each : world_.timers) at(each.due);
  for (const auto& [id, open] : world_.requests) at(open.due);
  const auto of_engine = [&](const detail::engine& each) {
    const nanoseconds due = each.is_of(world_) ? each.due() : nanoseconds::max();
    if (due != nanoseconds::max()) at(due);
  };
  of_engine(*plays_);
  for (const auto& [name, each] : world_.beside) of_engine(*each);
  return world_.dead ? std::nullopt : first;
}

void actor::dispatch(const detail::letter& what) {
  const bool is_offered = !world_.beside.empty() && !detail::parents_exit(world_, what);
  const auto takes = [&](const auto& one) { return detail::take_from(world_, *one.second, &what); };
  if (!is_offered || !std::ranges::any_of(world_.beside, takes)) detail::take_from(world_, *plays_, &what);
}

void actor::follow(std::int32_t status) {
  while (status == COPPICE_CONTINUE && !world_.dead) {
    status = lifecycle_.handle_continue == nullptr
                 ? COPPICE_OK
                 : run("handle_continue", [&] { return lifecycle_.handle_continue(self(), state_); });
    if (status == COPPICE_UNHANDLED) status = COPPICE_OK;
  }
  if (world_.dead || status == COPPICE_OK || status == COPPICE_HIBERNATE) return detail::forget_error(world_);
  if (!plays_->follows(status)) stop(detail::stop_reason(world_, status));
}

void actor::stop(const value& reason) {
  plays_->stops(reason);
  if (lifecycle_.terminate != nullptr) {
    const detail::lent why(reason);
    detail::forget_error(world_);
    run("terminate", [&] { return lifecycle_.terminate(self(), state_, why.get()), COPPICE_OK; });
    if (world_.error_reason)
      did.complaints.push_back("its terminate failed: " + detail::show(world_.error_reason.bytes()));
    detail::forget_error(world_);
  }
  detail::end(world_, reason);
}

coppice_actor* actor::self() {
  return world_.handle();
}

std::int32_t actor::run(const char* name, const std::function<std::int32_t()>& callback) {
  const detail::turn entered(world_, name, false);
  return callback();
}

std::int32_t actor::compute(const char* name, const std::function<std::int32_t()>& callback) {
  const detail::turn entered(world_, name, true);
  world_.refused.clear();
  return callback();
}

bool actor::is_busy() const {
  return settling_ || world_.callback.load() != nullptr;
}

} // namespace coppice::testing
