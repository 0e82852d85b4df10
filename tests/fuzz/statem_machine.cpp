// SPDX-License-Identifier: MIT
// A state machine under arbitrary events, transitions and actions, with a bound on postponed events: no event
// is lost or handled twice, no more are postponed than allowed, a timer fires or is disarmed once, and a
// fault ends the machine. Two bytes choose the bound, each further byte what happens.
// rooms: behaviours
#include <coppice/detail/statem_machine.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace {

using namespace coppice;

void check(bool holds) {
  if (!holds) std::abort();
}

// As much of a term as the machine needs: bytes; empty: no term.
class term {
 public:
  term() = default;
  explicit term(std::string text) : text_(std::move(text)) {}
  explicit operator bool() const { return !text_.empty(); }
  bool operator==(const term&) const = default;
  std::span<const std::uint8_t> bytes() const {
    return {reinterpret_cast<const std::uint8_t*>(text_.data()), text_.size()};
  }

 private:
  std::string text_;
};

using machine = statem_machine<term>;
using action = machine::action;

struct timer {
  std::uint32_t type = 0;
  term about;
  std::uint64_t serial = 0;
};

class world final : public machine::effects {
 public:
  bool reply(const term& from, term) override { return static_cast<bool>(from); }
  std::uint64_t arm(const action& timeout, std::uint64_t serial) override {
    check(serial != 0);
    timers.emplace(++last_, timer{timeout.type, timeout.about, serial});
    return last_;
  }
  void disarm(std::uint32_t, std::uint64_t handle) override { check(timers.erase(handle) == 1); }

  std::map<std::uint64_t, timer> timers; // running timers

 private:
  std::uint64_t last_ = 0;
};

class run {
 public:
  explicit run(std::span<const std::uint8_t> script) : script_(script) {
    limit_ = next() % 5;
    machine_.bound(limit_, static_cast<statem_overflow>(next() % 3));
  }

  void go() {
    machine_.next_state(state());
    if (!settle(machine_.start(world_) == machine::step::failed ? machine::step::failed
                                                                : machine_.go_on(world_, enters())))
      return;
    while (at_ < script_.size()) {
      const std::uint8_t what = next();
      machine::step then = machine::step::idle;
      if (what % 3 == 0 && !world_.timers.empty()) {
        auto fires = world_.timers.begin();
        for (int skip = what / 3 % 4; skip > 0 && std::next(fires) != world_.timers.end(); --skip) ++fires;
        const timer one = fires->second;
        world_.timers.erase(fires);
        auto event = machine_.fire(one.type, one.about, one.serial);
        check(event.has_value()); // the timer is running, so the machine expects it
        check(!machine_.fire(one.type, one.about, one.serial));
        then = machine_.begin(std::move(*event));
      } else {
        then = machine_.begin({1 + what % 3u, term("from"), term("content")});
      }
      if (!settle(then)) return;
    }
  }

 private:
  std::uint8_t next() { return at_ < script_.size() ? script_[at_++] : 0; }
  bool enters() const { return (limit_ & 1) != 0; }
  term state() { return term(std::string(1, static_cast<char>('a' + next() % 3))); }

  // The transition and the actions of a callback. Returns how many events they insert.
  std::uint64_t say() {
    std::uint64_t inserted = 0;
    const std::uint8_t choice = next();
    if (choice % 4 == 1 && (!machine_.entering() || choice > 250)) machine_.next_state(state());
    if (choice % 4 == 2) machine_.repeat_state();
    for (int more = choice / 4 % 4; more > 0; --more) {
      const std::uint8_t what = next();
      action one;
      one.what = static_cast<action::kind>(what % 6);
      const bool inserts = one.what == action::kind::next_event;
      if (machine_.entering() && what < 250 && (inserts || one.what == action::kind::postpone)) continue;
      const std::uint32_t choices = inserts ? 7 : 3; // rarely an event type that does not exist
      one.type = what > 250 ? what % 12
                            : (inserts ? COPPICE_STATEM_EVENT_CALL : COPPICE_STATEM_EVENT_TIMEOUT) +
                                  what / 6 % choices;
      one.about = what == 252 ? term() : term(std::string(1, static_cast<char>('x' + what % 2)));
      one.content = term("inserted");
      const std::uint8_t time = next();
      one.time = time < 100 ? 0 : time == 255 ? COPPICE_STATEM_LONGEST + 1 : time == 254 ? -1 : time;
      one.absolute = time % 16 == 3;
      if (inserts) ++inserted;
      machine_.add(std::move(one));
    }
    return inserted;
  }

  // Runs callbacks until the machine waits. False: it has ended.
  bool settle(machine::step step) {
    for (int turns = 0; step == machine::step::handle || step == machine::step::enter; ++turns) {
      if (turns > 10'000) return false; // it may insert events for ever
      const bool enter = step == machine::step::enter;
      const std::size_t queued = machine_.queued();
      const std::size_t postponed = machine_.postponed_count();
      const std::uint64_t dropped = machine_.dropped();
      const std::uint64_t changes = machine_.changes();
      const bool from_script = at_ < script_.size();
      const std::uint64_t inserted = from_script ? say() : 0;
      step = machine_.finish(world_, enters());
      if (step == machine::step::failed) return check(machine_.fault() != statem_fault::none), false;
      check(machine_.postponed_count() <= limit_);
      if (step == machine::step::enter) continue;
      if (!enter) check_kept(queued + postponed, inserted, dropped, step);
      if (machine_.changes() != changes) check(machine_.postponed_count() == 0);
      if (!from_script && step == machine::step::idle) break;
    }
    std::size_t armed = 0;
    machine_.each_timeout([&](std::uint32_t, const machine::timeout& one) { armed += one.serial != 0; });
    check(step != machine::step::idle || armed == world_.timers.size());
    return step == machine::step::idle;
  }

  // Waiting events still wait, together with inserted ones and perhaps the handled event itself, without the
  // one that comes next.
  void check_kept(std::size_t before, std::uint64_t inserted, std::uint64_t dropped, machine::step then) {
    const std::size_t now = machine_.queued() + machine_.postponed_count();
    const std::size_t taken = then == machine::step::handle ? 1 : 0;
    const std::uint64_t lost = machine_.dropped() - dropped;
    check(lost <= 1);
    check(now + taken + lost >= before + inserted);
    check(now <= before + inserted + 1);
  }

  std::span<const std::uint8_t> script_;
  std::size_t at_ = 0;
  std::size_t limit_ = 0;
  machine machine_;
  world world_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  run({data, size}).go();
  return 0;
}
