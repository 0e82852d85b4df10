// SPDX-License-Identifier: MIT
// State machines for the local_statem_… rows, as in peer_bench.erl: a machine that gets its events by casts,
// and the actor that sends them and measures the time. `bench_statem` answers {ROW, Operations} with
// {Operations, Microseconds}.
#include <coppice/statem.hpp>

#include <chrono>

namespace {

using coppice::term;
using coppice::transition;
namespace etf = coppice::etf;
using namespace std::chrono_literals;

enum class side { left, right };
using toggle = etf::constant<"toggle">;
using timed = etf::constant<"timed">;
using keep_for_right = etf::constant<"keep_for_right">;
using count = etf::constant<"count">;

class machine : public coppice::statem<side> {
 public:
  static constexpr std::string_view name = "machine";
  using casts = std::variant<toggle, timed, keep_for_right>;

  transition init() { return next(side::left); }
  transition handle_cast(side now, const toggle&) {
    ++events_;
    return next(now == side::left ? side::right : side::left);
  }
  // Sets a time-out, which the next event cancels by leaving the state.
  transition handle_cast(side now, const timed&) {
    ++events_;
    return next(now == side::left ? side::right : side::left).state_timeout(1h);
  }
  transition handle_cast(side now, const keep_for_right&) {
    if (now == side::left) return keep().postpone();
    ++events_;
    return keep();
  }
  transition handle_call(side, const count&, term from) { return keep().reply(from, events_); }

 private:
  std::uint64_t events_ = 0;
};

class driver : public coppice::server {
 public:
  static constexpr std::string_view name = "bench_statem";
  template <etf::fixed_text Name>
  using workload = std::pair<etf::constant<Name>, std::uint64_t>; // {ROW, Operations}
  using toggles = workload<"local_statem_toggle">;
  using timeouts = workload<"local_statem_timeout_set_cancel">;
  using postpones = workload<"local_statem_postpone_1000">;
  using calls = std::variant<toggles, timeouts, postpones>;
  using figure = std::pair<std::uint64_t, std::int64_t>;

  figure handle_call(const toggles& row) {
    return measured(row.second, [&](const coppice::destination& to) {
      for (std::uint64_t i = 0; i < row.second; ++i) cast(to, toggle{});
    });
  }
  figure handle_call(const timeouts& row) {
    return measured(row.second, [&](const coppice::destination& to) {
      for (std::uint64_t i = 0; i < row.second; ++i) cast(to, timed{});
    });
  }
  // A thousand events wait for the other state, and are handled there.
  figure handle_call(const postpones& row) {
    const std::uint64_t rounds = row.second / 1000;
    return measured(rounds * 1002, [&](const coppice::destination& to) {
      for (std::uint64_t i = 0; i < rounds; ++i) {
        for (int each = 0; each < 1000; ++each) cast(to, keep_for_right{});
        cast(to, toggle{});
        cast(to, toggle{});
      }
    });
  }

 private:
  template <class Work>
  figure measured(std::uint64_t events, Work work) {
    const coppice::spawned made = spawn<machine>();
    if (!made) throw std::runtime_error("a machine did not start");
    const coppice::destination to(made.term());
    const auto began = now();
    work(to);
    const coppice::answer counted = call(to, count{}, std::chrono::nanoseconds::max());
    const auto took = now() - began;
    const auto seen = counted.as<std::uint64_t>();
    if (!seen || *seen != events) throw std::runtime_error("an event was lost");
    exit(made.term(), etf::constant<"kill">{});
    return {events, std::chrono::duration_cast<std::chrono::microseconds>(took).count()};
  }
};

} // namespace

COPPICE_PLUGIN("bench_statem", "1.0.0", driver, machine);
