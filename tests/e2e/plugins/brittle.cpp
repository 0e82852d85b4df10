// SPDX-License-Identifier: MIT
// brittle: a replicated state machine for tests of failure. Its state is a list of what was applied.
#include <coppice/raft.hpp>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace {

namespace etf = coppice::etf;

struct note { // {note, Term}: kept
  std::string text;
};
struct slow { // {slow, Ms}: holds the actor
  std::uint64_t ms = 0;
};
using crash = etf::constant<"crash">; // an exception
using reach = etf::constant<"reach">; // calls what may not be called
using count = etf::constant<"count">;
using fail = etf::constant<"fail">; // a query that throws
using leader = etf::constant<"leader">;

class brittle_machine : public coppice::raft_machine {
 public:
  static constexpr std::string_view name = "brittle";
  static constexpr std::uint32_t state_version = 1;
  using commands = std::variant<note, slow, crash, reach>;
  using queries = std::variant<count, fail, leader>;

  std::uint64_t apply(const coppice::entry&, const note& what) {
    return notes_.push_back(what.text), notes_.size();
  }
  void apply(const coppice::entry&, const slow& what) {
    std::this_thread::sleep_for(std::chrono::milliseconds(what.ms));
  }
  void apply(const coppice::entry&, const crash&) { throw std::runtime_error("as it was told"); }
  void apply(const coppice::entry&, const reach&) { send(self(), crash{}); }

  std::uint64_t handle_query(const count&) const { return notes_.size(); }
  std::uint64_t handle_query(const fail&) const { throw std::runtime_error("a query failed"); }
  std::uint64_t handle_query(const leader&) const { return leaders_; }
  void on_leader(coppice::term, std::uint64_t) { ++leaders_; }

  std::vector<std::string> save_state() const { return notes_; }
  void restore_state(const std::vector<std::string>& saved) { notes_ = saved; }

 private:
  std::vector<std::string> notes_;
  std::uint64_t leaders_ = 0;
};

} // namespace

COPPICE_PLUGIN("brittle", "1.0.0", brittle_machine);
