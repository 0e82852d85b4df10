// SPDX-License-Identifier: MIT
// The sagas of the saga_… rows. `planner` starts a transaction with a step at each of the participants in its
// value, one after the other. `taker` takes part in transactions of both kinds: it only counts, so that the
// engine and its log are measured. `callers` start transactions on their own node; each starts the next one
// as soon as it has the outcome.
#include <coppice/owned.hpp>
#include <coppice/saga.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace {

using coppice::step;
using coppice::steps;

struct visit { // {visit, [Participant]}
  std::vector<std::string> whom;
};
struct one { // {one, Number}: the value of a step
  std::uint64_t number = 0;
};

class planner : public coppice::saga {
 public:
  static constexpr std::string_view name = "planner";

  steps handle_start(const visit& what) {
    steps all;
    for (const std::string& to : what.whom) all.push_back({to, one{++asked_}});
    return all;
  }

 private:
  std::uint64_t asked_ = 0;
};

class taker : public coppice::saga {
 public:
  static constexpr std::string_view name = "taker";

  std::uint64_t handle_do(const step&, const one&) { return ++done_; }
  void handle_undo(const step&, const one&) { --done_; }
  void handle_prepare(const step&, const one&) {}
  void handle_commit(const step&, coppice::term) { ++done_; }
  void handle_abort(const step&) {}

 private:
  std::uint64_t done_ = 0;
};

namespace etf = coppice::etf;
using ok = etf::constant<"ok">;
using go = etf::constant<"go">;
constexpr auto forever = std::chrono::nanoseconds::max();

// {prepare, Coordinator, Participants, Milliseconds}
struct prepare {
  std::string coordinator;
  std::vector<std::string> whom;
  std::int64_t milliseconds;
};
struct start {
  visit value;
};
struct subscribe {
  std::string transaction;
};
struct news { // {saga, Transaction, {How, Value}}
  static constexpr std::string_view etf_tag = "saga";
  std::string transaction;
  std::pair<etf::atom, coppice::term> outcome;
};

class caller : public coppice::server {
 public:
  static constexpr std::string_view name = "caller";
  using calls = std::variant<prepare, go>;
  using infos = news;

  ok handle_call(const prepare& order) {
    order_ = order;
    return {};
  }
  // Returns the number of transactions that ended before the time was over.
  coppice::no_reply handle_call(const go&, coppice::term from) {
    from_ = from;
    end_ = now() + std::chrono::milliseconds(order_.milliseconds);
    begin();
    return {};
  }
  void handle_info(const news& told) {
    if (told.outcome.first.name != "committed") throw std::runtime_error("a transaction was not committed");
    ++count_;
    if (now() < end_)
      begin();
    else
      reply(from_, count_);
  }

 private:
  void begin() {
    const auto started =
        call(order_.coordinator, start{{order_.whom}}, forever).as<std::pair<ok, std::string>>();
    if (!started) throw std::runtime_error("a transaction was not started");
    if (!call(order_.coordinator, subscribe{started->second}, forever).as<ok>())
      throw std::runtime_error("nobody tells of a transaction");
  }

  prepare order_;
  coppice::owned_term from_;
  std::chrono::nanoseconds end_{};
  std::uint64_t count_ = 0;
};

class callers : public coppice::server {
 public:
  static constexpr std::string_view name = "callers";
  // {run, Callers, Coordinator, Participants, Milliseconds}
  struct run {
    std::uint64_t callers;
    std::string coordinator;
    std::vector<std::string> whom;
    std::int64_t milliseconds;
  };
  using calls = run;

  // Returns {Transactions, Microseconds}.
  std::pair<std::uint64_t, std::int64_t> handle_call(const run& what) {
    std::vector<coppice::message> made;
    for (std::uint64_t i = 0; i < what.callers; ++i) {
      coppice::spawned started = spawn(":caller", std::map<etf::atom, int>{});
      if (!started) throw std::runtime_error("a caller did not start");
      made.push_back(std::move(started.message));
      if (!call(made.back().term(), prepare{what.coordinator, what.whom, what.milliseconds}, forever))
        throw std::runtime_error("a caller is not ready");
    }
    std::vector<coppice::destination> all;
    for (const auto& each : made) all.emplace_back(each.term());
    const auto began = now();
    std::uint64_t count = 0;
    for (const auto& done : call_many(all, go{}, forever)) {
      const auto ended = done.as<std::uint64_t>();
      if (!ended) throw std::runtime_error("a caller failed");
      count += *ended;
    }
    const auto took = now() - began;
    for (const auto& each : made) exit(each.term(), etf::constant<"shutdown">{});
    return {count, std::chrono::duration_cast<std::chrono::microseconds>(took).count()};
  }
};

} // namespace

COPPICE_PLUGIN("bench_saga", "1.0.0", planner, taker, callers, caller);
