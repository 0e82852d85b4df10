// SPDX-License-Identifier: MIT
// The workload of a Raft group: three or five members of a ledger, and clients on each host that append and
// query at any of them, with and without sessions. Invariants: the history is linearizable and has
// everything that was acknowledged. A term has one leader. Members that have applied as much have the same
// accounts. When the faults have ended every member answers. A trial lets the group rest until it is
// quiescent, takes its leader's host away, and expects another leader although no client asks for one.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../machine/network.hpp"
#include "../machine/story.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "history.hpp"
#include "ledger.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

// Shared by the clients of all hosts. Never destroyed, because clients of a killed host never end.
struct shared {
  history told;
  bool calm = false; // clients send no requests
  const cluster* of = nullptr;
};

// A member's answer.
struct member_answer {
  bool done = false;
  bool refused = false; // it has not been done and will not be
  bool unknown = false; // it is unknown whether it is or will be done
  std::uint64_t serial = 0;
  std::int64_t value = 0;
};

// Reads {ok, Serial, Value} of an append, or {ok, Value} of a query.
member_answer read_answer(const std::string& text) {
  member_answer out;
  if (text.starts_with("{ok,")) {
    const std::size_t last = text.rfind(',');
    out.done = true;
    out.value = std::stoll(text.substr(last + 1));
    if (last > 3) out.serial = std::stoull(text.substr(4));
  }
  out.refused = text == "{error,no_leader}" || text == "{error,overloaded}" || text == "{error,parked}";
  out.unknown = text.empty() || text == "{error,timeout}";
  return out;
}

class ledger_client final : public native_server {
 public:
  explicit ledger_client(shared& all) : native_server("ledger_client"), all_(all) {}

 private:
  struct command {
    history::handle which;
    std::int64_t amount = 0;
  };

  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    if (!all_.calm) act(self);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(millisecond, 400 * millisecond), message::atom("go"));
  }
  void act(process& self) {
    const std::uint64_t kind = draw_below(10);
    if (open_) return append_in_session(self);
    if (kind < 4) return query(self);
    if (kind < 6) return append(self);
    if (client_.empty()) return open_session(self);
    ++number_;
    open_ = begin();
    append_in_session(self);
  }
  std::string ask(process& self, const std::string& request) const {
    const unsigned host = 1 + static_cast<unsigned>(draw_below(all_.of->hosts()));
    return call_of(self, *all_.of, host, "ledger", request, draw_between(second, 6 * second));
  }
  command begin() {
    const auto amount = static_cast<std::int64_t>(1 + draw_below(3));
    return {all_.told.invoke(all_.told.any_account(), amount), amount};
  }
  static std::string deposit(const command& of) {
    return fmt::format("{{deposit,<<\"{}\">>,{}}}", of.which.account, of.amount);
  }
  void end(const command& of, const member_answer& got) {
    if (got.done) all_.told.returned(of.which, got.value, got.serial);
    if (got.refused) all_.told.refused(of.which);
  }

  void query(process& self) {
    const history::handle which = all_.told.invoke(all_.told.any_account(), 0);
    const member_answer got =
        read_answer(ask(self, fmt::format("{{query,{{balance,<<\"{}\">>}}}}", which.account)));
    if (got.done) all_.told.returned(which, got.value, 0);
  }
  void append(process& self) {
    const command what = begin();
    end(what, read_answer(ask(self, fmt::format("{{append,{}}}", deposit(what)))));
  }
  void open_session(process& self) {
    const std::string told = ask(self, "{client}");
    if (told.starts_with("{ok,")) client_ = told.substr(4, told.size() - 5);
    number_ = 0;
  }
  // Sends the command under one number until it is answered, to any member. A command that is never answered
  // has an unknown outcome.
  void append_in_session(process& self) {
    const member_answer got =
        read_answer(ask(self, fmt::format("{{append,{},{{{},{}}}}}", deposit(*open_), client_, number_)));
    if (got.refused || got.unknown) return;
    if (got.done) end(*open_, got);
    if (!got.done) client_.clear(); // the group has forgotten the session
    open_.reset();
  }

  shared& all_;
  std::string client_; // name of the session; each of its numbered commands is done once
  std::uint64_t number_ = 0;
  std::optional<command> open_;
};

// Several election time-outs, but less than the time in which a silent connection is found to be lost, which
// would also wake the group.
constexpr nanos time_to_wake = 4 * second;

class group final : public workload {
 public:
  group() : hosts_(bounded_hosts(one_in(3) ? 5 : 3, 3)) {}

  unsigned hosts() const override { return hosts_; }
  bool has_trial() const override { return true; }
  std::string children(const cluster& all, unsigned) const override {
    std::string members;
    for (unsigned one = 1; one <= hosts_; ++one)
      members += fmt::format("{}\"{}\"", one > 1 ? ", " : "", address(all, one));
    return fmt::format(
        "        - {{ id: ledger, actor: ledger, name: ledger, raft: {{ members: [ {} ], heartbeat: 100ms, "
        "election: 1s, append_timeout: 3s, query_timeout: 3s, check: 20, snapshot: {{ entries: 60, "
        "keep_entries: 10 }} }} }}\n",
        members);
  }
  void populate(cluster& all, unsigned host) override {
    all_.of = &all;
    for (std::uint64_t count = 1 + draw_below(2); count > 0; --count)
      add_process(all, host, fmt::format("client_{}", the_ledger().next()),
                  std::make_unique<ledger_client>(all_));
  }
  void lost(unsigned) override {}
  void look(cluster& all) override {
    if (one_in(3)) all_.calm = !all_.calm;
    for (unsigned host = 1; host <= hosts_; ++host) look_at(all, host);
  }
  void trial(cluster& all) override {
    all_.calm = true;
    let_pass(draw_between(20 * second, 40 * second));
    unsigned leader = 0;
    for (unsigned host = 1; host <= hosts_; ++host)
      if (look_at(all, host)["role"] == "leader") leader = host;
    if (leader == 0)
      the_ledger().broken("a group whose members all run and reach each other has a leader" + state(all));
    take_away(all, leader);
    let_pass(time_to_wake);
    if (sleep_without(all, leader))
      the_ledger().broken(
          fmt::format("a quiescent group that hears nothing of its leader on host {} wakes up", leader) +
          state(all));
    let_pass(20 * second - time_to_wake);
    bool led = false;
    for (unsigned host = 1; host <= hosts_; ++host)
      led = led || (host != leader && look_at(all, host)["role"] == "leader");
    if (!led)
      the_ledger().broken(fmt::format("a group that lost its leader on host {} has another one", leader) +
                          state(all));
    give_back(all, leader);
    all_.calm = false;
  }
  void check(cluster& all) override {
    all_.calm = false;
    check_answers(all);
    check_equal(all);
    if (const std::string why = all_.told.objection(); !why.empty())
      the_ledger().broken("the history is linearizable: " + why);
    if (const std::string why = all_.told.objection_to_serials(); !why.empty())
      the_ledger().broken("serials follow the time: " + why);
  }

 private:
  static std::string address(const cluster& all, unsigned host) { return "ledger@" + all.name(host); }

  // Whether every member but the leader is quiescent.
  bool sleep_without(cluster& all, unsigned leader) {
    for (unsigned host = 1; host <= hosts_; ++host)
      if (host != leader && look_at(all, host)["quiescent"] != "true") return false;
    return true;
  }
  // Kills the host, or cuts all its links.
  void take_away(cluster& all, unsigned host) {
    if (killed_ = one_in(3); killed_) return all.kill(host, loss::power);
    tell_fault("host {}, which leads, is cut off from all others", host);
    for (unsigned other = 1; other <= hosts_; ++other) {
      if (other == host) continue;
      cut(host, other);
      cut(other, host);
    }
  }
  void give_back(cluster& all, unsigned host) {
    if (!killed_) return heal_all();
    all.start(host);
    all.await_ready(host);
    populate(all, host);
  }
  std::map<std::string, std::string> look_at(cluster& all, unsigned host) {
    auto seen = all.report(host, "ledger");
    if (seen["role"] == "leader") {
      const auto [found, is_new] = leaders_.emplace(seen["term"], host);
      if (!is_new && found->second != host)
        the_ledger().broken(fmt::format("a term has one leader: hosts {} and {} lead in {}", found->second,
                                        host, seen["term"]));
    }
    if (seen.contains("parked") && seen["parked"] != "0")
      the_ledger().broken(fmt::format("members have the same state: host {}: {}", host, seen["why"]));
    return seen;
  }
  std::string state(cluster& all) {
    std::string out;
    for (unsigned host = 1; host <= hosts_; ++host) {
      auto seen = all.report(host, "ledger");
      out += fmt::format("\n  host {}: {}", host, seen.empty() ? "down" : "");
      for (const char* field :
           {"role", "quiescent", "leader", "term", "committed", "applied", "serial", "why"})
        if (seen.contains(field)) out += fmt::format(" {} {}", field, seen[field]);
    }
    return out;
  }
  // Asks until the answer is {ok, N}, for at most half a minute.
  std::int64_t asked_for(cluster& all, unsigned host, const std::string& request) {
    const nanos until = now() + 30 * second;
    std::string told;
    do {
      told = all.ask(host, "ledger", request, 5 * second);
      if (told.starts_with("{ok,")) return std::stoll(told.substr(told.rfind(',') + 1));
      let_pass(100 * millisecond);
    } while (now() < until);
    the_ledger().broken(
        fmt::format("after the faults every member answers: host {} says {} to {}", host, told, request) +
        state(all));
    return 0;
  }
  void check_answers(cluster& all) {
    for (unsigned host = 1; host <= hosts_; ++host)
      asked_for(all, host, fmt::format("{{append,{{deposit,<<\"last\">>,{}}}}}", host));
    for (const auto& [account, operations] : std::map(all_.told.accounts())) {
      const history::handle which = all_.told.invoke(account, 0);
      const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
      const std::int64_t balance =
          asked_for(all, host, fmt::format("{{query,{{balance,<<\"{}\">>}}}}", account));
      all_.told.returned(which, balance, 0);
    }
  }
  // The last queries went to the leader, so the others may need a heartbeat.
  void check_equal(cluster& all) {
    std::vector<std::string> found;
    const nanos until = now() + 30 * second;
    do {
      let_pass(second);
      found.clear();
      for (unsigned host = 1; host <= hosts_; ++host) {
        auto seen = look_at(all, host);
        found.push_back(fmt::format("{} of serial {}, in all {}", seen["applied"], seen["serial"],
                                    all.ask(host, "ledger", "{query,total,stale}", second)));
      }
      if (std::ranges::all_of(found, [&found](const std::string& one) { return one == found.front(); }))
        return;
    } while (now() < until);
    the_ledger().broken("members agree at the same serial" + state(all));
  }

  unsigned hosts_;
  bool killed_ = false;
  shared& all_ = *new shared;               // NOLINT: see shared
  std::map<std::string, unsigned> leaders_; // the leader's host of each term
};

} // namespace

std::unique_ptr<workload> make_group() {
  return std::make_unique<group>();
}

} // namespace coppice::simulated
