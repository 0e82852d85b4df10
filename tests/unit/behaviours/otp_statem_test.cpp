// SPDX-License-Identifier: MIT
// Compares our state machine with OTP's gen_statem: both play the same random scripts, and their results
// must be equal: every callback with its event and state, every answer, and the last state or the exit
// reason. OTP has no fake clock, so time-outs are zero or never fire; a few scripts wait for real time-outs.
// A failure prints the seed and the script. COPPICE_ROUNDS sets the number of scripts. Skipped without
// Erlang.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "base/sanitizer.hpp"
#include "otp_script.hpp"
#include "otp_side.hpp"
#include "scripted_statem.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

class random_script {
 public:
  explicit random_script(unsigned seed) : random_(seed), real_(pick(250) == 0) {}

  bool takes_time() const { return real_; }

  std::string text() {
    std::string enters = "false";
    if (pick(2) == 0) {
      enters = "[";
      for (int i = pick(8); i > 0; --i) enters += enter_return() + (i == 1 ? "" : ", ");
      enters += "]";
    }
    std::string timers;
    const int kind = real_ ? pick(3) : -1; // which real time-outs it has; -1: none
    if (kind == 0) timers = ", {{timeout, r1}, 60, real1}, {{timeout, r2}, 120, real2}";
    if (kind == 1) timers = ", {state_timeout, 60, real1}";
    if (kind == 2) timers = ", {timeout, 60, real1}";
    std::string returns =
        fmt::format("{{next, {}, [{{reply, w}}{}{}]}}", state(), timers, further(actions(2)));
    for (int i = 3 + pick(20); i > 0; --i) returns += ", " + event_return();
    std::string events;
    for (int i = 2 + pick(7); i > 0; --i) events += event() + (i == 1 ? "" : ", ");
    if (kind == 0) events += ", {sleep, 90}, {cast, between}, {sleep, 90}";
    // The time-out is due before all other events are sent, or these are sent first and may cancel it.
    if (kind > 0)
      events = pick(2) == 0 ? "{sleep, 120}, " + events : events + ", {sleep, 120}, {cast, between}";
    return fmt::format("{{{}, [{}], [{}]}}", enters, returns, events);
  }

 private:
  static std::string further(const std::string& list) { return list.empty() ? list : ", " + list; }
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  std::string word() { return fmt::format("w{}", ++words_); }
  const char* state() {
    static constexpr const char* all[] = {"a", "b", "{c, 1}"};
    return all[pick(3)];
  }
  const char* timeout() {
    static constexpr const char* all[] = {"state_timeout", "state_timeout", "timeout", "{timeout, n1}",
                                          "{timeout, {n, 2}}"};
    return all[pick(5)];
  }

  std::string action(bool entering) {
    switch (pick(entering ? 7 : 12)) {
      case 0:
      case 1:
        return fmt::format("{{{}, 0, {}}}", timeout(), word());
      case 2:
        return fmt::format("{{{}, 3600000, {}}}", timeout(), word());
      case 3:
        return fmt::format("{{{}, update, {}}}", timeout(), word());
      case 4:
        return fmt::format("{{{}, cancel}}", timeout());
      case 5:
        return fmt::format("{{{}, infinity, {}}}", timeout(), word());
      case 6:
        if (pick(30) != 0) return fmt::format("{{reply, {}}}", word());
        return fmt::format("{{{}, -1, {}}}", timeout(), word());
      case 7:
      case 8:
        return "postpone";
      case 9: {
        static constexpr const char* types[] = {"cast", "info", "timeout", "state_timeout", "{timeout, n1}"};
        return fmt::format("{{next_event, {}, {}}}", types[pick(5)], word());
      }
      case 10:
        return fmt::format("{{next_event, internal, {}}}", word());
      default:
        return fmt::format("{{reply, {}}}", word());
    }
  }
  std::string actions(int most, bool entering = false, bool first = true) {
    std::string all;
    for (int i = pick(most + 1); i > 0; --i) {
      std::string one = action(entering);
      // A negative time-out in the first actions: OTP's start returns ok and the process ends then, while
      // our start fails. So scripts do not have that.
      if (first && one.find(", -1,") != one.npos) one = "postpone";
      all += one + (i == 1 ? "" : ", ");
    }
    return all;
  }
  std::string event_return() {
    switch (const int what = pick(20); what) {
      case 0:
        return fmt::format("{{stop, {}, [{}]}}", pick(2) == 0 ? "normal" : "{shutdown, x}",
                           actions(2, false, false));
      case 1:
      case 2:
        return fmt::format("{{repeat, [{}]}}", actions(4, false, false));
      default:
        if (what < 10) return fmt::format("{{keep, [{}]}}", actions(4, false, false));
        return fmt::format("{{next, {}, [{}]}}", state(), actions(4, false, false));
    }
  }
  std::string enter_return() {
    switch (pick(30)) {
      case 0:
        return fmt::format("{{next, {}, []}}", state());
      case 1:
        return "{keep, [postpone]}";
      case 2:
        return fmt::format("{{keep, [{{next_event, internal, {}}}]}}", word());
      case 3:
        return fmt::format("{{stop, normal, [{}]}}", actions(1, true, false));
      case 4:
      case 5:
        return fmt::format("{{repeat, [{}]}}", actions(2, true, false));
      default:
        return fmt::format("{{keep, [{}]}}", actions(3, true, false));
    }
  }
  std::string event() {
    static constexpr const char* kinds[] = {"cast", "cast", "info", "call", "call"};
    return fmt::format("{{{}, {}}}", kinds[pick(5)], word());
  }

  std::mt19937 random_;
  const bool real_; // the script waits in real time
  int words_ = 0;
};

unsigned rounds() {
  const char* const given = std::getenv("COPPICE_ROUNDS");
  if (given == nullptr) return base::sanitized ? 1000 : 10'000;
  return static_cast<unsigned>(std::atoi(given));
}

} // namespace

TEST_CASE("random scripts come to the same as with OTP's gen_statem") {
  otp theirs(otp_statem_script);
  if (theirs.ask("{false, [{next, a, []}], []}").empty()) {
    fmt::print("SKIP state machines beside OTP's: no escript on this machine\n");
    return;
  }
  test_host host;
  const unsigned count = rounds();
  for (unsigned seed = 1; seed <= count; ++seed) {
    random_script made(seed);
    const std::string script = made.text();
    std::string mine, their;
    // A script that waits in real time may differ when a side was kept from running: it is tried again.
    int tries = made.takes_time() ? 4 : 1;
    do {
      REQUIRE(theirs.tell(script));
      mine = played(host, script);
      their = theirs.hear();
    } while (mine != their && --tries > 0);
    CAPTURE(seed);
    CAPTURE(script);
    CHECK(mine == their);
    if (mine != their) return;
  }
}
