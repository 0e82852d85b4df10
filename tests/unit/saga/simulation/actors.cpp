// SPDX-License-Identifier: MIT
// The actors of a simulated node. A plan depends on the salt alone, so that an actor that is asked again
// after a crash gives the same answer. Whether a step fails is chance.
#include "world.hpp"

namespace coppice::saga::simulation {

namespace {

std::int32_t further_amount(std::uint32_t salt) {
  return static_cast<std::int32_t>(mix(salt, 9) % 100) - 50;
}

} // namespace

step_spec world::some_step(std::size_t from, const order& what) {
  step_spec made;
  std::size_t to = mix(what.salt, 5) % nodes_.size();
  if (to == from && mix(what.salt, 4) % 8 != 0) to = (to + 1) % nodes_.size();
  made.to = nodes_[to].how.self;
  made.value = what.encode();
  made.beside = mix(what.salt, 6) % 3 == 0;
  return made;
}

// Steps whose amounts add up to `total`, including the amount of a further step.
std::vector<step_spec> world::plan(std::size_t of, std::uint32_t salt, std::int32_t total,
                                   std::uint8_t depth) {
  std::vector<step_spec> made;
  const std::size_t count = 1 + mix(salt, 1) % 3;
  for (std::size_t i = 0; i < count; ++i) {
    order one;
    one.salt = static_cast<std::uint32_t>(mix(salt, 10 + i));
    one.depth = depth;
    one.leads_on = i == 0 && mix(salt, 2) % 2 == 0;
    if (one.leads_on) total -= further_amount(one.salt);
    one.amount = i + 1 == count ? total : static_cast<std::int32_t>(mix(salt, 20 + i) % 200) - 100;
    total -= one.amount;
    made.push_back(some_step(of, one));
  }
  return made;
}

// A callback begins.
void world::called(std::size_t of, call&& one) {
  node& at = nodes_[of];
  if (trace_)
    std::printf("%10.1f %s: callback %d of %s\n", static_cast<double>(now_) / 1e6, at.how.self.node().c_str(),
                static_cast<int>(one.what), shown(one.key).c_str());
  switch (one.what) {
    case callback::start:
    case callback::result:
    case callback::failed:
      truth_.asks_about(one.what, one.key);
      break;
    case callback::interim:
      ++result_.interims;
      return truth_.interim_at(above(one.key));
    case callback::perform:
      truth_.performs(one.key, at.how.self, one.attempt, one.kind);
      at.performing[one.token] = one.key;
      if (chance_.chance(200))
        schedule(chance_.between(0, 2 * call_delay_), happening::interim, of, calls_.put(call(one)));
      break;
    case callback::reverse:
      truth_.reverses(one.key);
      break;
    case callback::confirm:
      truth_.confirms(one.key);
      break;
  }
  schedule(chance_.between(0, chance_.chance(30) ? 30 * call_delay_ : call_delay_), happening::call, of,
           calls_.put(std::move(one)));
}

// The callback ends. If its worker ended without an answer, its work may be done all the same.
void world::answer(std::size_t of, const call& one) {
  node& at = nodes_[of];
  const bool ends = worker_ends(at, one);
  if (at.performing.erase(one.token) > 0) truth_.performed(one.key);
  at.stopped.erase(one.token);
  if (!ends) return at.machine->answered(now_, one.token, decide(of, one), effects_);
  ++result_.worker_ends;
  if (chance_.chance(500)) static_cast<void>(decide(of, one));
  at.machine->call_ended(now_, one.token, effects_);
}

bool world::worker_ends(node& at, const call& one) {
  const bool in_worker =
      one.what == callback::perform || one.what == callback::reverse || one.what == callback::confirm;
  if (!at.has_workers || !in_worker) return false;
  return at.stopped.contains(one.token) || (!calm_ && chance_.chance(errors_ / 2));
}

verdict world::decide(std::size_t of, const call& one) {
  using kind = verdict::kind;
  switch (one.what) {
    case callback::start: {
      const order what = order::decode(one.value);
      return {kind::steps, {}, plan(of, what.salt, 0, what.depth)};
    }
    case callback::result: {
      if (!calm_ && chance_.chance(errors_ / 4)) return {kind::cancel, reason("no"), {}};
      const order what = orders_[one.key];
      if (!what.leads_on) return {kind::steps, {}, {}};
      order further;
      further.amount = further_amount(what.salt);
      further.salt = static_cast<std::uint32_t>(mix(what.salt, 30));
      return {kind::steps, {}, {some_step(of, further)}};
    }
    case callback::failed: {
      const std::uint64_t what = chance_.below(10);
      if (calm_ || what < 3) return {kind::cancel, one.value, {}};
      if (what < 6 && one.value != reason("loop")) return {kind::retry, {}, {}};
      const order before = orders_[one.key];
      order instead = before;
      instead.salt = static_cast<std::uint32_t>(mix(before.salt, 40));
      // With another salt, the further step has another amount.
      if (before.leads_on) instead.amount += further_amount(before.salt) - further_amount(instead.salt);
      return {kind::steps, {}, {some_step(of, instead)}};
    }
    case callback::perform:
      return performed(of, one);
    case callback::reverse:
      if (!calm_ && chance_.chance(errors_)) return {kind::error, {}, {}};
      truth_.is_reversed(one.key);
      return {kind::ok, {}, {}};
    case callback::confirm:
      if (!calm_ && chance_.chance(errors_)) return {kind::error, {}, {}};
      truth_.is_confirmed(one.key);
      return {kind::ok, {}, {}};
    case callback::interim:
      break;
  }
  return {};
}

verdict world::performed(std::size_t of, const call& one) {
  using kind = verdict::kind;
  const order what = order::decode(one.value);
  if (what.depth > 0 && mix(what.salt, 7) % 3 == 0) {
    const auto depth = static_cast<std::uint8_t>(what.depth - 1);
    return {kind::steps, {}, plan(of, static_cast<std::uint32_t>(mix(what.salt, 8)), what.amount, depth)};
  }
  if (!truth_.has_effect(one.key) && chance_.chance(errors_)) return {kind::error, reason("no"), {}};
  truth_.took_effect(one.key, what.amount);
  return {kind::ok, one.value, {}};
}

} // namespace coppice::saga::simulation
