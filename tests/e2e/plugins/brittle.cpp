// SPDX-License-Identifier: MIT
// brittle: a replicated state machine for tests of failure. Its state is a list of what was applied.
#include <coppice/raft.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

namespace {

namespace etf = coppice::etf;

struct note { // {note, Term}: keeps Term
  std::string text;
};
struct slow { // {slow, Ms}: holds the actor
  std::uint64_t ms = 0;
};
// {tell, To, Text, File}: sends {told, Text}, keeps Text, and holds the actor until File exists
struct tell {
  coppice::term to;
  std::string text;
  std::string file; // empty: the actor is not held
};
struct alarm { // {alarm, Ms, Text}: keeps Text when a timer ends
  std::uint64_t ms = 0;
  std::string text;
};
struct told { // {told, Text}
  std::string text;
};
struct rung { // {rung, Text}
  std::string text;
};
struct guard { // {guard, Pid}: keeps `down` when the process ends
  coppice::term process;
};
struct drift { // {drift, Node}: makes the state on that node differ from the others'
  std::string node;
};
struct odd { // {odd, Term}: number of refused effects among seven wrong ones; Term is no destination
  coppice::term term;
};
using crash = etf::constant<"crash">; // throws
using reach = etf::constant<"reach">; // calls a host function that is not allowed here
using list = etf::constant<"list">;
using down =
    std::tuple<etf::constant<"DOWN">, coppice::term, etf::constant<"process">, coppice::term, coppice::term>;
using count = etf::constant<"count">;
using fail = etf::constant<"fail">; // a query that throws
using leader = etf::constant<"leader">;

class brittle_machine : public coppice::raft_machine {
 public:
  static constexpr std::string_view name = "brittle";
  static constexpr std::uint32_t state_version = 1;
  using commands = std::variant<note, slow, crash, reach, tell, alarm, guard, drift, odd>;
  using infos = std::variant<rung, down>;
  using queries = std::variant<count, fail, leader, list>;

  std::uint64_t apply(const coppice::entry&, const note& what) {
    return notes_.push_back(what.text), notes_.size();
  }
  void apply(const coppice::entry&, const slow& what) {
    std::this_thread::sleep_for(std::chrono::milliseconds(what.ms));
  }
  void apply(const coppice::entry&, const crash&) { throw std::runtime_error("as it was told"); }
  void apply(const coppice::entry&, const reach&) { set_label("reached"); }
  void apply(const coppice::entry&, const tell& what) {
    send(what.to, told{what.text});
    notes_.push_back(what.text);
    while (!what.file.empty() && !std::filesystem::exists(what.file))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  void apply(const coppice::entry& at, const alarm& what) {
    send_after(at, std::chrono::milliseconds(what.ms), rung{what.text});
  }
  void apply(const coppice::entry&, const guard& what) { monitor(what.process); }
  void apply(const coppice::entry&, const drift& what) {
    notes_.push_back(node() == what.node ? "here" : "there");
  }
  std::uint64_t apply(const coppice::entry& at, const odd& what) {
    std::uint64_t refused = 0;
    refused += send(what.term, told{"odd"}) == COPPICE_E_INVALID ? 1 : 0;
    refused += cast("odd", told{"odd"}, coppice::once) == COPPICE_E_UNSUPPORTED ? 1 : 0;
    refused += monitor("odd", coppice::no_connect) ? 0 : 1;
    refused += monitor("odd", {.alias = coppice::alias_mode::demonitor}) ? 0 : 1;
    refused += cancel_timer(1) ? 0 : 1;
    refused += every(at, std::chrono::microseconds(1), rung{"odd"}) == 0 ? 1 : 0;
    try {
      host().send_after(std::chrono::seconds(1), rung{"odd"}); // not the clock of the group
    } catch (const std::logic_error&) {
      ++refused;
    }
    return refused;
  }
  void apply_info(const coppice::entry&, const rung& what) { notes_.push_back(what.text); }
  void apply_info(const coppice::entry&, const down&) { notes_.push_back("down"); }

  std::uint64_t handle_query(const count&) const { return notes_.size(); }
  std::uint64_t handle_query(const fail&) const { throw std::runtime_error("a query failed"); }
  std::uint64_t handle_query(const leader&) const { return leaders_; }
  std::vector<std::string> handle_query(const list&) const { return notes_; }
  void on_leader(coppice::term, std::uint64_t) { ++leaders_; }

  std::vector<std::string> save_state() const { return notes_; }
  void restore_state(const std::vector<std::string>& saved) { notes_ = saved; }

 private:
  std::vector<std::string> notes_;
  std::uint64_t leaders_ = 0;
};

} // namespace

COPPICE_PLUGIN("brittle", "1.0.0", brittle_machine);
