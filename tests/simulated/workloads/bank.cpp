// SPDX-License-Identifier: MIT
// The workload of sagas: each host has accounts, and two desks that move money between accounts of any
// hosts. The transactions of one desk are undone if they fail, those of the other have two phases.
// Invariants: a started transaction ends, in the same way for all participants, and its outcome never
// changes. Each account has the balance that the outcomes say, so the sum stays. Once the faults have ended
// nothing is open or in doubt. A cancelled transaction is undone. A trial cuts the power of a desk's host,
// whose disk is slow, as soon as that desk reports a start, a cancellation or an outcome.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../machine/disk.hpp"
#include "../machine/story.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr std::array<std::string_view, 2> desks{"desk", "safe_desk"};
constexpr std::uint64_t owners = 5; // number of accounts of a host
constexpr std::int64_t first_balance = 1000;
constexpr nanos time_until_over = 180 * second;
constexpr nanos lifespan = 20 * second; // of a transaction, as the desks are configured

struct transfer {
  std::string id;
  unsigned asks = 0; // the host of the asking client: an id belongs to the node that asks
  unsigned at = 0;   // the host of the desk
  std::string_view desk;
  std::array<unsigned, 2> hosts{}; // from, to
  std::array<std::string, 2> accounts;
  std::int64_t amount = 0;
  bool started = false;
  bool cancelled = false; // a cancellation was acknowledged
  std::string outcome;    // empty: it is open
};

// Shared by the clients of all hosts. Never destroyed, because clients of a killed host never end.
struct bank_book {
  std::vector<transfer> all;
  const cluster* of = nullptr;
};

std::string start_request(const cluster& of, const transfer& what) {
  std::array<std::string, 2> places;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::string node = what.hosts[i] == what.at ? "" : "@" + of.name(what.hosts[i]);
    places[i] = fmt::format("{{<<\"accounts{}\">>,<<\"{}\">>}}", node, what.accounts[i]);
  }
  return fmt::format("{{start,{{move,{},{},{}}},#{{id => <<\"{}\">>}}}}", places[0], places[1], what.amount,
                     what.id);
}

std::string outcome_request(const transfer& of) {
  return fmt::format("{{outcome,<<\"{}\">>}}", of.id);
}

std::string cancel_request(const transfer& of) {
  return fmt::format("{{cancel,<<\"{}\">>,enough}}", of.id);
}

void take_start(transfer& of, const std::string& answer) {
  if (answer == fmt::format("{{ok,<<\"{}\">>}}", of.id)) of.started = true;
}

void take_outcome(transfer& of, const std::string& answer) {
  const bool committed = answer.starts_with("{committed,");
  const bool undone = answer.starts_with(of.desk == "desk" ? "{compensated," : "{aborted,");
  if (!committed && !undone) return;
  if (!of.outcome.empty() && of.outcome != answer)
    the_ledger().broken(
        fmt::format("an outcome never changes: {} was {} and is {}", of.id, of.outcome, answer));
  if (of.cancelled && committed)
    the_ledger().broken(fmt::format("what was cancelled is undone: {} is {}", of.id, answer));
  of.outcome = answer;
}

void take_cancel(transfer& of, const std::string& answer) {
  if (answer != "ok") return;
  if (of.outcome.starts_with("{committed,"))
    the_ledger().broken(fmt::format("what is over cannot be cancelled: {} is {}", of.id, of.outcome));
  of.cancelled = true;
}

class teller final : public native_server {
 public:
  teller(bank_book& book, unsigned host) : native_server("teller"), book_(book), host_(host) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    act(self);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(millisecond, 500 * millisecond), message::atom("go"));
  }
  void act(process& self) {
    std::vector<std::size_t> own;
    for (std::size_t at = 0; at < book_.all.size(); ++at)
      if (book_.all[at].asks == host_) own.push_back(at);
    if (!own.empty() && one_in(2)) return go_on_with(self, own[draw_below(own.size())]);
    book_.all.push_back(drawn());
    go_on_with(self, book_.all.size() - 1);
  }
  // `at`: an index, because other clients may add to the list meanwhile.
  void go_on_with(process& self, std::size_t at) {
    const transfer what = book_.all[at];
    const bool cancels = what.started && what.outcome.empty() && one_in(6);
    const std::string request = !what.started ? start_request(*book_.of, what)
                                : cancels     ? cancel_request(what)
                                              : outcome_request(what);
    const std::string answer =
        call_of(self, *book_.of, what.at, what.desk, request, draw_between(second, 3 * second));
    if (!what.started) return take_start(book_.all[at], answer);
    if (cancels) return take_cancel(book_.all[at], answer);
    take_outcome(book_.all[at], answer);
  }
  // Some transfers cannot succeed: the account does not exist or its balance is too low.
  transfer drawn() const {
    transfer out;
    out.id = fmt::format("t{}", the_ledger().next());
    out.asks = host_;
    out.at = any();
    out.desk = desks[draw_below(desks.size())];
    out.amount = static_cast<std::int64_t>(one_in(10) ? 100 * first_balance : 1 + draw_below(20));
    for (std::size_t i = 0; i < out.hosts.size(); ++i) {
      out.hosts[i] = any();
      out.accounts[i] = one_in(20) ? "none" : fmt::format("a{}", draw_below(owners));
    }
    return out;
  }
  unsigned any() const { return 1 + static_cast<unsigned>(draw_below(book_.of->hosts())); }

  bank_book& book_;
  unsigned host_;
};

class bank final : public workload {
 public:
  bank() : hosts_(draw_hosts(3, 4)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster& all, unsigned host) const override {
    constexpr std::string_view quick =
        "retry: { first: 50ms, max: 1s }, step_timeout: 1s, answers: { keep: 3h }"; // clocks are set by an
                                                                                    // hour
    constexpr std::string_view backoff = "backoff: { first: 100ms, max: 1s }";
    std::string open;
    for (std::uint64_t one = 0; one < owners; ++one)
      open += fmt::format("{}a{}: {}", one > 0 ? ", " : "", one, first_balance);
    return fmt::format(
        "        - {{ id: accounts, actor: \"transfer:accounts\", name: accounts, args: {{ file: "
        "\"{}/accounts\", "
        "open: {{ {} }} }}, saga: {{ {} }}, {} }}\n"
        "        - {{ id: desk, actor: \"transfer:desk\", name: desk, saga: {{ commit: compensate, lifespan: "
        "{}s, {} }}, {} }}\n"
        "        - {{ id: safe_desk, actor: \"transfer:desk\", name: safe_desk, saga: {{ commit: two_phase, "
        "lifespan: {}s, "
        "{} }}, {} }}\n",
        all.folder_of(host), open, quick, backoff, lifespan / second, quick, backoff, lifespan / second,
        quick, backoff);
  }
  void populate(cluster& all, unsigned host) override {
    book_.of = &all;
    add_process(all, host, fmt::format("teller_{}", the_ledger().next()),
                std::make_unique<teller>(book_, host));
  }
  void lost(unsigned) override {}
  bool has_trial() const override { return true; }
  void trial(cluster& all) override {
    const std::size_t at = book_.all.size();
    book_.all.push_back(small_transfer());
    const transfer what = book_.all[at];
    const std::string desk(what.desk);
    disk_of(what.at).slow = draw_between(100 * millisecond, 500 * millisecond);
    take_start(book_.all[at], ask(all, what.at, desk, start_request(all, what)));
    switch (draw_below(4)) {
      case 0:
        break;
      case 1:
      case 2:
        take_cancel(book_.all[at], ask(all, what.at, desk, cancel_request(what)));
        break;
      default:
        for (const nanos until = now() + lifespan; book_.all[at].outcome.empty() && now() < until;) {
          take_outcome(book_.all[at], ask(all, what.at, desk, outcome_request(what)));
          let_pass(draw_between(1, 20 * millisecond));
        }
    }
    tell_fault("host {} was told of {}", what.at, what.id);
    all.kill(what.at, loss::power);
    // A transaction is also undone when its lifespan ends. A cancelled one is therefore looked at before
    // that.
    let_pass(draw_between(0, book_.all[at].cancelled || one_in(2) ? second : 2 * lifespan));
    all.start(what.at);
    all.await_ready(what.at);
    populate(all, what.at);
  }
  void check(cluster& all) override {
    const nanos until = now() + time_until_over;
    for (transfer& one : book_.all) end(all, one, until);
    nothing_is_open(all, until);
    for (transfer& one : book_.all)
      take_outcome(one, ask(all, one.at, std::string(one.desk), outcome_request(one)));
    money_is_right(all);
  }

 private:
  // A transfer that can succeed.
  transfer small_transfer() const {
    transfer out;
    out.id = fmt::format("t{}", the_ledger().next());
    out.asks = out.at = 1 + static_cast<unsigned>(draw_below(hosts_));
    out.desk = desks[draw_below(desks.size())];
    out.amount = 1;
    for (std::size_t i = 0; i < out.hosts.size(); ++i) {
      out.hosts[i] = 1 + static_cast<unsigned>(draw_below(hosts_));
      out.accounts[i] = fmt::format("a{}", draw_below(owners));
    }
    return out;
  }
  static std::string ask(cluster& all, unsigned host, const std::string& name, const std::string& request) {
    return all.ask(host, name, request, 5 * second);
  }
  // A start that was not answered is sent again by the node that sent it first.
  void end(cluster& all, transfer& one, nanos until) {
    const std::string desk =
        one.at == one.asks ? std::string(one.desk) : fmt::format("{}@{}", one.desk, all.name(one.at));
    std::string told;
    while (one.outcome.empty()) {
      told = ask(all, one.asks, desk, one.started ? outcome_request(one) : start_request(all, one));
      if (one.started)
        take_outcome(one, told);
      else
        take_start(one, told);
      if (now() > until)
        the_ledger().broken(
            fmt::format("a transaction ends: {} of {}@{} is {}", one.id, one.desk, all.name(one.at), told));
      if (one.outcome.empty()) let_pass(50 * millisecond);
    }
  }
  void nothing_is_open(cluster& all, nanos until) {
    std::string left;
    do {
      left.clear();
      for (unsigned host = 1; host <= hosts_; ++host)
        for (const char* saga : {"accounts", "desk", "safe_desk"}) {
          auto told = all.report(host, saga);
          for (const char* field : {"open", "steps", "in_doubt", "parked"})
            if (told[field] != "0")
              left += fmt::format("\n  {} of host {}: {} {}", saga, host, field, told[field]);
          if (told["stopped"] != "false")
            left += fmt::format("\n  {} of host {}: {}", saga, host, told["stopped"]);
        }
      if (left.empty()) return;
      let_pass(second);
    } while (now() < until);
    the_ledger().broken("once the faults have ended nothing stays open or in doubt:" + left);
  }
  void money_is_right(cluster& all) {
    std::map<std::pair<unsigned, std::string>, std::int64_t> expected;
    for (unsigned host = 1; host <= hosts_; ++host)
      for (std::uint64_t one = 0; one < owners; ++one)
        expected[{host, fmt::format("a{}", one)}] = first_balance;
    for (const transfer& one : book_.all) {
      if (!one.outcome.starts_with("{committed,")) continue;
      expected[{one.hosts[0], one.accounts[0]}] -= one.amount;
      expected[{one.hosts[1], one.accounts[1]}] += one.amount;
    }
    for (const auto& [place, balance] : expected) {
      const std::string told =
          ask(all, place.first, "accounts", fmt::format("{{balance,<<\"{}\">>}}", place.second));
      if (told != fmt::format("{{ok,{}}}", balance))
        the_ledger().broken(fmt::format(
            "all parts of a transaction have its outcome: {} of host {} has {}, the outcomes say {}",
            place.second, place.first, told, balance));
    }
  }

  unsigned hosts_;
  bank_book& book_ = *new bank_book; // NOLINT: see bank_book
};

} // namespace

std::unique_ptr<workload> make_bank() {
  return std::make_unique<bank>();
}

} // namespace coppice::simulated
