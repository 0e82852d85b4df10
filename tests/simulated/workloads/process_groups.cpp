// SPDX-License-Identifier: MIT
// The workload of process groups: on each host a steward makes processes join and leave groups of the scope
// pg, several processes at once and one process several times, and the processes end. Connections are cut,
// hosts are killed, and so are scopes, which forget their members. An auditor on each host watches the
// scope. Invariants: the answer to a join or leave agrees with the members. The auditor is told of no leave
// of a process that is not a member. A minute after the last fault every node, and every auditor's record,
// has exactly the living members, each as often as it joined.
// rooms: node
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "base/promise.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::string_view scope_name = "pg";
constexpr std::array<std::string_view, 4> group_names{"news", "work", "{room,1}", "{room,2}"};
constexpr std::size_t most_members = 6; // living members of a host
constexpr nanos longest_call = 10 * second;

// How often each process is in each group. Processes are named as messages name them, so that a process has
// the same name on every node.
using memberships = std::map<std::pair<std::string, std::string>, unsigned>;

std::string print(const memberships& all) {
  std::vector<std::string> out;
  for (const auto& [what, times] : all)
    out.push_back(fmt::format("{} is {} times in {}", what.second, times, what.first));
  return out.empty() ? "nobody" : fmt::format("{}", fmt::join(out, ", "));
}

// Reads a list of pids, each as often as it is there.
std::vector<std::string> read_members(etf::cursor& in) {
  std::vector<std::string> out;
  std::uint32_t count = 0;
  etf::pid one;
  if (!in.read_list(count)) the_ledger().broken("members are a list");
  if (count == 0) return out;
  for (; count > 0 && in.read_pid(one); --count)
    out.push_back(fmt::format("{}.{}.{}.{}", one.node, one.creation, one.id, one.serial));
  if (count > 0 || !in.read_nil()) the_ledger().broken("members are a list of pids");
  return out;
}

std::string read_group(etf::cursor& in) {
  etf::bytes whole;
  if (!in.read_term(whole)) the_ledger().broken("a group is a term");
  return etf::print(whole);
}

// A process of the steward, and its joins in the scope that the steward knows.
struct member {
  runtime::pid who;
  std::string name;
  bool ended = false;
  std::map<std::string_view, unsigned> joined; // by group
};

// One life of a node. Never destroyed, because processes of a killed host never end.
struct life {
  std::vector<std::unique_ptr<member>> members;
  memberships heard; // what the auditor was told, of all nodes
};

// Ends after a time, or when it is told to.
class member_process final : public runtime::behaviour {
 public:
  member_process(member& has, nanos lives) : has_(has), lives_(lives) {}
  runtime::outcome init(process& self) override {
    has_.who = self.self();
    message_writer out;
    write(out, self.self(), self.host().nodes());
    const message written = out.take();
    etf::cursor in(written.bytes());
    etf::pid own;
    in.read_pid(own);
    has_.name = fmt::format("{}.{}.{}.{}", own.node, own.creation, own.id, own.serial);
    if (lives_ > 0) self.remind(self.now() + lives_, message::atom("end"));
    return runtime::carry_on();
  }
  runtime::outcome receive(process&, message) override {
    has_.ended = true;
    return runtime::stop(message::atom(one_in(2) ? "normal" : "spent"));
  }
  void describe(runtime::description& out) const override { out.behaviour = "member"; }

 private:
  member& has_;
  nanos lives_; // 0: no limit
};

// A process that knows the scope of its node, and notices the scope's end.
class scope_client : public native_server {
 public:
  using native_server::native_server;

 protected:
  // A new scope was found, which knows nothing of this process.
  virtual void met(process& self) = 0;
  virtual void lost() = 0;

  // False: there is no scope at present.
  bool meet(process& self) {
    if (scope_) return true;
    const auto found = self.host().whereis(scope_name);
    if (!found) return false;
    scope_ = *found;
    ends_ = self.monitor(scope_);
    met(self);
    return static_cast<bool>(scope_);
  }
  // Empty: the scope has ended.
  std::optional<message> ask(process& self, message request) {
    using kind = behaviours::gen::call_error::kind;
    const runtime::pid asked = scope_;
    auto answer = behaviours::gen::call(self, runtime::destination(asked), std::move(request),
                                        base::mono_now() + longest_call);
    if (answer) return std::move(*answer);
    if (answer.error().what == kind::exiting) return std::nullopt;
    if (answer.error().what == kind::timeout)
      the_ledger().broken("a scope answers the processes of its node");
    forget(self);
    return std::nullopt;
  }
  // Whether the message was the notice of the scope's end.
  bool read_end(process& self, const message& m) {
    etf::cursor in(m.bytes());
    if (!in.read_tuple_of(5) || !in.read_atom_is("DOWN")) return false;
    const auto ref = runtime::read_reference(in, self.host().nodes());
    if (ref && *ref == ends_) forget(self);
    return true;
  }

 private:
  void forget(process& self) {
    if (ends_) self.demonitor(ends_, true);
    scope_ = {};
    ends_ = {};
    lost();
  }

  runtime::pid scope_; // none: no scope is known
  runtime::reference ends_;
};

class steward final : public scope_client {
 public:
  explicit steward(life& has) : scope_client("steward"), has_(has) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (read_end(self, m)) return runtime::carry_on();
    if (the_ledger().quiet) return runtime::carry_on();
    if (meet(self)) act(self);
    go_on(self);
    return runtime::carry_on();
  }
  void met(process&) override {}
  void lost() override {
    for (const auto& one : has_.members) one->joined.clear();
  }
  static void go_on(process& self) {
    const nanos pause =
        one_in(3) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 500 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  void act(process& self) {
    std::vector<member*> alive;
    for (const auto& one : has_.members)
      if (!one->ended) alive.push_back(one.get());
    const std::uint64_t kind = draw_below(8);
    if (alive.empty() || (kind == 0 && alive.size() < most_members)) return add(self);
    if (kind == 1) return end(self, *alive[draw_below(alive.size())]);
    std::vector<member*> chosen;
    for (std::uint64_t count = one_in(4) ? 1 + draw_below(3) : 1; count > 0; --count)
      chosen.push_back(alive[draw_below(alive.size())]);
    change(self, chosen, group_names[draw_below(group_names.size())], kind < 5);
  }
  void add(process& self) {
    has_.members.push_back(std::make_unique<member>());
    const nanos lives = one_in(3) ? 0 : draw_between(millisecond, 20 * second);
    const auto made =
        self.spawn({.label = "member"}, std::make_unique<member_process>(*has_.members.back(), lives));
    if (!made) give_up("a workload's process does not start: " + made.error().text);
    has_.members.back()->who = *made;
  }
  static void end(process& self, const member& one) {
    tell("the member {} is asked to end", one.name);
    self.notify(runtime::destination(one.who), message::atom("end"));
  }
  void change(process& self, const std::vector<member*>& whom, std::string_view group, bool joins) {
    message_writer out;
    out.tuple(3);
    out.atom(joins ? "join_local" : "leave_local");
    out.raw(*etf::parse(group));
    if (whom.size() > 1) out.list(static_cast<std::uint32_t>(whom.size()));
    for (const member* one : whom) write(out, one->who, self.host().nodes());
    if (whom.size() > 1) out.nil();
    tell("{} members of the host {} {}", whom.size(), joins ? "join" : "leave", group);
    const auto answer = ask(self, out.take());
    if (!answer) return;
    bool has_left = false;
    bool has_ended = false; // its joins may have been forgotten before
    for (member* one : whom) {
      unsigned& times = one->joined[group];
      has_ended |= one->ended;
      has_left |= times > 0;
      if (joins)
        ++times;
      else if (times > 0)
        --times;
    }
    the_ledger().membership_changed();
    const bool done = etf::cursor(answer->bytes()).read_atom_is("ok");
    if (!has_ended && done != (joins || has_left))
      the_ledger().broken(fmt::format("a join or leave is answered as its members are: a {} of {} got {}",
                                      joins ? "join" : "leave", group, etf::print(answer->bytes())));
  }

  life& has_;
};

// Watches the whole scope: {Ref, #{Group => Pids}}, then {Ref, join | leave, Group, Pids}.
class auditor final : public scope_client {
 public:
  auditor(unsigned host, life& has) : scope_client("auditor"), host_(host), has_(has) {}

 private:
  runtime::outcome on_start(process& self) override {
    self.remind(self.now(), message::atom("go"));
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    etf::cursor in(m.bytes());
    if (!read_end(self, m) && in.read_tuple_of(4)) return hear(self, in);
    if (!meet(self)) self.remind(self.now() + 10 * millisecond, message::atom("go"));
    return runtime::carry_on();
  }
  void met(process& self) override {
    const auto answer = ask(self, message::atom("monitor"));
    if (!answer) return;
    etf::cursor in(answer->bytes());
    std::uint32_t groups = 0;
    std::optional<runtime::reference> ref;
    if (in.read_tuple_of(2)) ref = runtime::read_reference(in, self.host().nodes());
    if (!ref || !in.read_map(groups))
      the_ledger().broken("a watcher is told what there is: " + etf::print(answer->bytes()));
    news_ = *ref;
    for (; groups > 0; --groups) {
      const std::string group = read_group(in);
      for (const std::string& one : read_members(in)) ++has_.heard[{group, one}];
    }
  }
  void lost() override {
    has_.heard.clear();
    news_ = {};
  }
  runtime::outcome hear(process& self, etf::cursor in) {
    const auto ref = runtime::read_reference(in, self.host().nodes());
    std::string_view what;
    if (!ref || *ref != news_ || !in.read_atom(what)) return runtime::carry_on(); // from a former scope
    const std::string group = read_group(in);
    for (const std::string& one : read_members(in)) {
      tell("the watcher is told of a {} of {} by {}", what, group, one);
      const auto at = has_.heard.try_emplace({group, one}, 0).first;
      if (what == "join") {
        ++at->second;
      } else if (at->second == 0) {
        the_ledger().broken(
            fmt::format("a watcher hears of the leaves of members: host {} of {}, which is not in {}", host_,
                        one, group));
      } else if (--at->second == 0) {
        has_.heard.erase(at);
      }
    }
    return runtime::carry_on();
  }

  unsigned host_;
  life& has_;
  runtime::reference news_;
};

// Kills the scope, less often than its supervisor's intensity allows.
class killer final : public native_server {
 public:
  killer() : native_server("killer") {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    tell("the scope is killed");
    if (const auto whom = self.host().whereis(scope_name)) self.exit(*whom, runtime::reasons::kill());
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(2500 * millisecond, 15 * second), message::atom("go"));
  }
};

class process_groups final : public workload {
 public:
  process_groups() : hosts_(draw_hosts(2, 3)), kills_scopes_(one_in(2)) {}

  unsigned hosts() const override { return hosts_; }
  bool meet() const override { return true; }
  std::string children(const cluster&, unsigned) const override { return {}; }
  void populate(cluster& all, unsigned host) override {
    auto* const has = new life; // NOLINT: never destroyed, see life
    lives_[host] = has;
    add_process(all, host, "auditor", std::make_unique<auditor>(host, *has));
    add_process(all, host, "steward", std::make_unique<steward>(*has));
    if (kills_scopes_) add_process(all, host, "killer", std::make_unique<killer>());
  }
  void lost(unsigned host) override { lives_[host] = nullptr; }
  void check(cluster& all) override {
    memberships wanted;
    for (unsigned host = 1; host <= hosts_; ++host)
      for (const auto& one : lives_[host]->members)
        for (const auto& [group, times] : one->joined)
          if (!one->ended && times > 0) wanted[{std::string(group), one->name}] = times;
    for (unsigned host = 1; host <= hosts_; ++host) {
      const memberships found = members_at(all, host);
      if (found != wanted)
        the_ledger().broken(fmt::format(
            "all nodes know the members that live and have joined: host {} knows that {}; it is so that {}",
            host, print(found), print(wanted)));
      if (lives_[host]->heard != wanted)
        the_ledger().broken(
            fmt::format("a watcher is told of every join and leave: to that of host {}, {}; it is so that {}",
                        host, print(lives_[host]->heard), print(wanted)));
    }
  }

 private:
  static memberships members_at(cluster& all, unsigned host) {
    memberships out;
    for (const std::string_view group : group_names) {
      const on_host here(host);
      node::instance& node = *all.at(host);
      const auto to = node.snapshots().resolve(scope_name);
      if (!to) the_ledger().broken(fmt::format("host {} has its scope", host));
      const auto told = std::make_shared<base::promise<message>>();
      auto answer = told->result();
      node.requests().call(*to, *node.snapshots().parse(fmt::format("{{get_members,{}}}", group)),
                           longest_call, [told](const behaviours::gen::call_result& result) {
                             told->give(result ? message::copy_of(result->bytes()) : message::atom("none"));
                           });
      const message members = answer.take_within(std::chrono::seconds(30)).value_or(message::atom("none"));
      etf::cursor in(members.bytes());
      if (in.read_atom_is("none")) the_ledger().broken(fmt::format("the scope of host {} answers", host));
      for (const std::string& one : read_members(in)) ++out[{std::string(group), one}];
    }
    return out;
  }

  unsigned hosts_;
  bool kills_scopes_;
  std::array<life*, most_hosts> lives_{};
};

} // namespace

std::unique_ptr<workload> make_process_groups() {
  return std::make_unique<process_groups>();
}

} // namespace coppice::simulated
