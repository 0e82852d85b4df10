// SPDX-License-Identifier: MIT
// The sagas of the saga_… rows. `planner` starts a transaction with a step at each of the participants that
// its value names, one after the other. `taker` takes part in transactions of both kinds: it counts, and does
// nothing else, so that what is measured is the engine and its log.
#include <coppice/saga.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using coppice::step;
using coppice::steps;

struct visit { // {visit, [Participant]}
  std::vector<std::string> whom;
};
struct one { // {one, Number}: a step's value
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

} // namespace

COPPICE_PLUGIN("bench_saga", "1.0.0", planner, taker);
