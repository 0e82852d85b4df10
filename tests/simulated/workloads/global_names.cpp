// SPDX-License-Identifier: MIT
// The workload of global names: on each host two clients give the same few names to processes, some on other
// hosts, take them away and look them up. The processes end, many of them just after they were given a name.
// Lockers take locks on all hosts, and end while they have them. Connections are cut, so that partitions meet
// in which two processes have one name. Beside them are spawns on other nodes and requests over aliases
// (remote_spawns.hpp). Once the faults are over, and in a trial before, the cluster is calm: then more must
// hold. Invariants: see name_book.hpp, and examine() below.
// rooms: node
#include <fmt/format.h>

#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/network.hpp"
#include "../machine/sockets.hpp"
#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "base/promise.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "name_book.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "remote_spawns.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;
using request = name_book::request;

constexpr std::string_view server_name = "global_name_server";
constexpr unsigned clients_of_host = 2;
constexpr std::size_t most_bearers = 8; // living ones of a host
// A request waits for global's lock for 30 s. Beside that the registrar waits up to 10 s for each of three
// rounds of answers, and 8 s between two attempts. It handles one request after the other.
constexpr nanos longest_request = clients_of_host * 70 * second;
constexpr nanos longest_calm_request = 25 * second; // while every node answers
// The registrar waits that long for an answer of a node that it is about to lose.
constexpr nanos longest_answer = 10 * second;
constexpr nanos calm_time = 4 * second;
constexpr nanos time_to_settle = 60 * second;

template <std::size_t Count>
std::string_view any_of(const std::array<std::string_view, Count>& all) {
  return all[draw_below(Count)];
}

std::string text_of(const message& pid) {
  etf::cursor in(pid.bytes());
  etf::pid one;
  if (!in.read_pid(one)) return {};
  return fmt::format("{}.{}.{}.{}", one.node, one.creation, one.id, one.serial);
}

message written(process& self) {
  message_writer out;
  write(out, self.self(), self.host().nodes());
  return out.take();
}

std::optional<destination> server_of(process& self, const cluster& all, unsigned host) {
  if (all.name(host) == self.host().node_name()) return destination::named(std::string(server_name));
  const auto index = self.host().nodes().intern(all.name(host));
  if (!index) return std::nullopt;
  return destination::remote(std::string(server_name), *index);
}

// A process that is given names. It ends after a time, when it is told to, or when a conflict ends it.
class bearer_process final : public runtime::behaviour {
 public:
  bearer_process(name_book& book, bearer& is, nanos lives) : book_(book), is_(is), lives_(lives) {}
  ~bearer_process() override {
    if (is_.ended != never) return;
    if (!the_ledger().over) {
      tell("the process {} was ended by global", is_.text);
      the_ledger().name_lost();
    }
    book_.ends(is_);
  }
  runtime::outcome init(process& self) override {
    message pid = written(self);
    std::string text = text_of(pid);
    book_.named(is_, std::move(pid), std::move(text));
    if (lives_ > 0) self.remind(self.now() + lives_, message::atom("over"));
    return runtime::carry_on();
  }
  runtime::outcome receive(process& self, message m) override {
    etf::cursor in(m.bytes());
    std::uint32_t arity = 0;
    if (in.read_tuple(arity) && in.read_atom_is("global_name_conflict")) {
      etf::bytes name;
      if (!in.read_term(name)) the_ledger().broken("a conflict names a name: " + etf::print(m.bytes()));
      tell("the process {} is told that it loses {}", is_.text, etf::print(name));
      the_ledger().name_lost();
      is_.told.insert(etf::print(name));
      return runtime::carry_on();
    }
    if (etf::cursor(m.bytes()).read_atom_is("over") && book_.frozen) {
      self.remind(self.now() + second, message::atom("over"));
      return runtime::carry_on();
    }
    book_.ends(is_);
    return runtime::stop(message::atom(one_in(2) ? "normal" : "spent"));
  }
  void describe(runtime::description& out) const override { out.behaviour = "bearer"; }

 private:
  name_book& book_;
  bearer& is_;
  nanos lives_; // 0: no limit
};

// Does something now and then, while the book lets it.
class actor : public native_server {
 public:
  actor(std::string kind, name_book& book, const cluster& all, unsigned host)
      : native_server(std::move(kind)), book_(book), all_(all), host_(host) {}

 protected:
  virtual runtime::outcome act(process& self) = 0;
  bool is_free() const { return book_.calm() ? !book_.paused : !book_.paused && !the_ledger().quiet; }
  unsigned any_host() const { return 1 + static_cast<unsigned>(draw_below(all_.hosts())); }
  static void wait(process& self, nanos length) {
    (void)self.await(self.make_ack(), base::mono_now() + length);
  }

  name_book& book_;
  const cluster& all_;
  unsigned host_;

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (!is_free()) {
      self.remind(self.now() + 250 * millisecond, message::atom("go"));
      return runtime::carry_on();
    }
    auto next = act(self);
    if (!next.stops() && !self.exiting()) go_on(self);
    return next;
  }
  static void go_on(process& self) {
    const nanos pause =
        one_in(3) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 400 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
};

class client final : public actor {
 public:
  client(name_book& book, const cluster& all, unsigned host) : actor("client", book, all, host) {}

 private:
  runtime::outcome act(process& self) override {
    const std::uint64_t kind = draw_below(12);
    const std::string_view name = any_of(global_names);
    if (kind < 5) {
      if (bearer* const who = choose(self)) give(self, name, *who, false);
    } else if (kind == 5) {
      if (bearer* const who = choose(self)) give(self, name, *who, true);
    } else if (kind == 6) {
      take_away(self, name);
    } else if (kind == 7) {
      end_one(self);
    } else {
      find(self, name, any_host());
    }
    return runtime::carry_on();
  }
  // A new process or one that lives; null: none could be made.
  bearer* choose(process& self) {
    const auto everywhere = book_.alive(0);
    if (one_in(6) && !everywhere.empty()) return everywhere[draw_below(everywhere.size())];
    const auto mine = book_.alive(host_);
    if (mine.size() >= most_bearers || (!mine.empty() && one_in(3))) return mine[draw_below(mine.size())];
    const std::uint64_t kind = draw_below(4);
    const nanos lives = kind == 0   ? 0
                        : kind == 1 ? draw_between(1, 10 * millisecond)
                        : kind == 2 ? draw_between(millisecond, second)
                                    : draw_between(second, 20 * second);
    bearer& made = book_.add(host_);
    const auto pid = self.spawn({.label = "bearer"}, std::make_unique<bearer_process>(book_, made, lives));
    if (!pid) give_up("a workload's process does not start: " + pid.error().text);
    message_writer out;
    write(out, *pid, self.host().nodes());
    message as_written = out.take();
    std::string text = text_of(as_written);
    if (made.text.empty()) book_.named(made, std::move(as_written), std::move(text));
    return &made;
  }
  void end_one(process& self) {
    const auto mine = book_.alive(host_);
    if (mine.empty()) return;
    bearer& one = *mine[draw_below(mine.size())];
    etf::cursor in(one.pid.bytes());
    const auto pid = runtime::read_pid(in, self.host().nodes());
    if (!pid) return;
    book_.ends(one);
    if (one_in(2))
      self.exit(*pid, runtime::reasons::kill());
    else
      self.notify(*pid, message::atom("end"));
  }
  void give(process& self, std::string_view name, bearer& who, bool takes) {
    message_writer out;
    const bool chooses = one_in(3);
    out.tuple(chooses ? 4 : 3);
    out.atom(takes ? "re_register_name" : "register_name");
    out.raw(*etf::parse(name));
    out.raw(who.pid.bytes());
    if (chooses) out.exported_fun("global", one_in(2) ? "random_notify_name" : "notify_all_name", 3);
    tell("{} {} to {}", takes ? "a client gives anew" : "a client gives", name, who.text);
    const std::string before = partition(self);
    if (self.exiting()) return;
    request& what = book_.begin(host_, name, &who, takes);
    const message answer = ask(self, out.take());
    if (!answer) return;
    const bool reaches_all = has_reached_all(self, what, before);
    if (self.exiting()) return;
    const bool yes = etf::cursor(answer.bytes()).read_atom_is("yes");
    const bool no = etf::cursor(answer.bytes()).read_atom_is("no");
    if (!yes && !no) refused(answer);
    if (takes && no) the_ledger().broken("a name is given anew whatever has it");
    tell("{} to {}: {}", name, who.text, etf::print(answer.bytes()));
    if (yes) the_ledger().name_given();
    book_.end(what,
              yes  ? request::state::done
              : no ? request::state::refused
                   : request::state::unknown,
              reaches_all);
  }
  void take_away(process& self, std::string_view name) {
    message_writer out;
    out.tuple(2);
    out.atom("unregister_name");
    out.raw(*etf::parse(name));
    tell("a client takes {} away", name);
    const std::string before = partition(self);
    if (self.exiting()) return;
    request& what = book_.begin(host_, name, nullptr, true);
    const message answer = ask(self, out.take());
    if (!answer) return;
    const bool reaches_all = has_reached_all(self, what, before);
    if (self.exiting()) return;
    const bool ok = etf::cursor(answer.bytes()).read_atom_is("ok");
    if (!ok) refused(answer);
    tell("{} is taken away: {}", name, etf::print(answer.bytes()));
    book_.end(what, ok ? request::state::done : request::state::unknown, reaches_all);
  }
  // The nodes of this host's partition, as a term; empty: not known.
  static std::string partition(process& self) {
    const auto answer = behaviours::gen::call(self, destination::named(std::string(server_name)),
                                              message::atom("get_known"), base::mono_now() + 2 * second);
    return answer ? etf::print(answer->bytes()) : std::string();
  }
  // A node that is lost while a request is open may have the change, or not, and other nodes may still be
  // connected to it. `before`: the partition when the request began.
  static bool has_reached_all(process& self, const request& what, const std::string& before) {
    return !before.empty() && now() - what.begun < longest_answer && partition(self) == before;
  }
  // The other answer there is: another node had global's lock all the time.
  void refused(const message& answer) {
    const std::string text = etf::print(answer.bytes());
    if (text != "{error,timeout}") the_ledger().broken("a request for a name is answered: " + text);
    if (book_.calm()) the_ledger().broken("a request for a name is done while every node answers");
  }
  // Empty: this process has been killed.
  message ask(process& self, message what) {
    const bool in_calm = book_.calm();
    const nanos begun = now();
    auto answer = behaviours::gen::call(self, destination::named(std::string(server_name)), std::move(what),
                                        base::mono_now() + longest_request);
    if (self.exiting()) return {};
    const nanos took = now() - begun;
    if (!answer || (in_calm && took > longest_calm_request))
      the_ledger().broken(
          fmt::format("a request for a name is answered in time: not after {} ms", took / millisecond));
    return std::move(*answer);
  }
  void find(process& self, std::string_view name, unsigned at) {
    const auto to = server_of(self, all_, at);
    if (!to) return;
    message_writer out;
    out.tuple(2);
    out.atom("whereis_name");
    out.raw(*etf::parse(name));
    const request what = book_.begin_search(at, name);
    const auto answer = behaviours::gen::call(self, *to, out.take(), base::mono_now() + 2 * second);
    the_ledger().call_ended(answer.has_value());
    if (!answer) {
      if (book_.calm() && what.in_calm) the_ledger().broken("global answers on every node");
      return;
    }
    const std::string found = text_of(*answer);
    tell("host {} has for {}: {}", at, name, found);
    book_.end_search(what, found);
  }
};

// Takes a lock on all hosts and holds it for a while. Then it gives the lock back, or ends.
class locker final : public actor {
 public:
  locker(name_book& book, const cluster& all, unsigned host) : actor("locker", book, all, host) {}

 private:
  runtime::outcome act(process& self) override {
    const std::string_view resource = any_of(global_resources);
    const std::string own = text_of(written(self));
    std::vector<destination> at;
    for (unsigned host = 1; host <= all_.hosts(); ++host)
      if (const auto one = server_of(self, all_, host)) at.push_back(*one);
    if (at.size() != all_.hosts()) return runtime::carry_on();
    const bool has = ask(self, at, "set_lock", resource);
    if (self.exiting()) return runtime::carry_on();
    if (has) {
      tell("{} has the lock {}", own, resource);
      book_.takes_lock(resource, own, host_);
      wait(self, one_in(2) ? draw_between(0, millisecond) : draw_between(millisecond, second));
      if (self.exiting()) return runtime::carry_on();
      book_.leaves_lock(resource, own);
    }
    if (one_in(3)) {
      tell("{} ends, and had {} the lock {}", own, has ? "taken" : "asked for", resource);
      return end(self);
    }
    ask(self, at, "del_lock", resource);
    tell("{} has given the lock {} back", own, resource);
    return runtime::carry_on();
  }
  // Another locker takes its place.
  runtime::outcome end(process& self) {
    const auto made = self.spawn({.label = "locker"}, std::make_unique<locker>(book_, all_, host_));
    if (!made) give_up("a workload's process does not start: " + made.error().text);
    return runtime::stop(message::atom(one_in(2) ? "normal" : "spent"));
  }
  // Whether all have answered `true`.
  static bool ask(process& self, const std::vector<destination>& at, std::string_view what,
                  std::string_view resource) {
    message_writer out;
    out.tuple(2);
    out.atom(what);
    out.tuple(2);
    out.raw(*etf::parse(resource));
    write(out, self.self(), self.host().nodes());
    const message body = out.take();
    const nanos patience = one_in(2) ? draw_between(millisecond, 100 * millisecond) : 2 * second;
    const nanos begun = now();
    const auto answers = behaviours::gen::call_many(self, at, body.bytes(), base::mono_now() + patience);
    if (now() - begun > patience + second) the_ledger().broken("a request for a lock ends by its deadline");
    bool all = true;
    for (const auto& one : answers) all = all && one && etf::cursor(one->bytes()).read_atom_is("true");
    return all;
  }
};

class names final : public workload {
 public:
  names() : hosts_(draw_hosts(2, 4)), book_(*new name_book), spawns_(make_spawn_book()) {}

  unsigned hosts() const override { return hosts_; }
  bool meet() const override { return true; }
  bool has_trial() const override { return true; }
  std::string children(const cluster&, unsigned) const override { return {}; }
  void populate(cluster& all, unsigned host) override {
    for (unsigned one = 1; one <= clients_of_host; ++one)
      add_process(all, host, fmt::format("client_{}", one), std::make_unique<client>(book_, all, host));
    add_process(all, host, "locker", std::make_unique<locker>(book_, all, host));
    add_spawns(spawns_, all, host);
  }
  void lost(unsigned host) override {
    book_.lost(host);
    lose_spawns(spawns_, host);
  }
  nanos between_faults(draws& its) const override {
    return its.one_in(3) ? its.between(0, 20 * millisecond) : its.between(10 * millisecond, 4 * second);
  }
  // Most faults are those that make partitions, and let them meet.
  bool disturb(cluster& all, draws& its) override {
    const auto one = 1 + static_cast<unsigned>(its.below(all.hosts()));
    const auto other = 1 + static_cast<unsigned>(its.below(all.hosts()));
    if (one == other || its.one_in(2)) return false;
    if (its.one_in(2)) {
      tell_fault("all connections between hosts {} and {} are reset", one, other);
      reset_connections(one, other);
    } else if (is_cut(one, other)) {
      tell_fault("hosts {} and {} reach each other again", one, other);
      heal(one, other);
      heal(other, one);
    } else {
      tell_fault("hosts {} and {} are apart: connections are reset, and none can be made", one, other);
      cut(one, other);
      cut(other, one);
      reset_connections(one, other);
    }
    return true;
  }
  void trial(cluster& all) override {
    book_.paused = true;
    let_pass(time_to_settle);
    examine(all);
    book_.paused = false;
  }
  void check(cluster& all) override {
    book_.paused = true;
    examine(all);
    check_spawns(spawns_, all);
  }

 private:
  // Clients have begun nothing for a minute. Everything agrees; then they work for a while in a calm cluster,
  // and everything agrees again.
  void examine(cluster& all) {
    await_answers(longest_request);
    compare(all);
    tell_fault("the cluster is calm, and clients work");
    book_.begin_calm();
    book_.paused = false;
    let_pass(calm_time);
    book_.paused = true;
    await_answers(longest_calm_request);
    compare(all);
    book_.end_calm();
    tell_fault("the calm is over");
  }
  void await_answers(nanos patience) const {
    for (const nanos until = now() + patience; book_.open() > 0; let_pass(100 * millisecond))
      if (now() > until)
        the_ledger().broken(
            fmt::format("a request for a name is answered in time: {} are not", book_.open()));
  }
  // Every host has the same process for a name, the right one, and every lock can be taken.
  void compare(cluster& all) {
    book_.frozen = true;
    let_pass(6 * second); // lockers give back what they have
    for (const std::string_view name : global_names) {
      const std::string first = found_at(all, 1, name);
      bool agree = true;
      for (unsigned host = 2; host <= hosts_; ++host) {
        const std::string found = found_at(all, host, name);
        agree = agree && found == first;
        // Of two nodes that meet, one decides for both: only a third node can differ. It hears of a name from
        // the one that met the other, and may lack the name, as in OTP.
        const bool misses = found.empty() || first.empty();
        if (found != first && (hosts_ == 2 || (!misses && !book_.may_differ(name))))
          the_ledger().broken(fmt::format(
              "all nodes name the same process: {} is \"{}\" on host 1, and \"{}\" on host {}; {}", name,
              first, found, host, in_sync(all)));
      }
      if (!agree) {
        tell("nodes name different processes for {}, after a change that did not reach all of them", name);
        continue;
      }
      book_.agrees(name);
      book_.check_found(name, first);
    }
    for (const std::string_view resource :
         {global_resources[0], global_resources[1], std::string_view("global")})
      for (unsigned from = 1; from <= hosts_; ++from)
        for (unsigned at = 1; at <= hosts_; ++at) {
          const std::string told = all.ask(from, fmt::format("{}@{}", server_name, all.name(at)),
                                           fmt::format("{{set_lock,{{{},audit}}}}", resource), 5 * second);
          if (told != "true")
            the_ledger().broken(fmt::format("no lock stays held: {} on host {}, asked for by host {}: {}",
                                            resource, at, from, told));
        }
    let_pass(second); // the processes that asked have ended, and with them their locks
    book_.frozen = false;
  }
  // For people: the nodes that each node is in sync with, and those of its partition.
  static std::string in_sync(cluster& all) {
    std::string out;
    for (unsigned host = 1; host <= all.hosts(); ++host) {
      const std::string synced = all.ask(host, server_name, "get_synced", 5 * second);
      const std::string known = all.ask(host, server_name, "get_known", 5 * second);
      out += fmt::format("{}host {} is in sync with {} of {}", host == 1 ? "" : ", ", host, synced, known);
    }
    return out;
  }
  static std::string found_at(cluster& all, unsigned host, std::string_view name) {
    const on_host here(host);
    node::instance& node = *all.at(host);
    const auto to = node.snapshots().resolve(server_name);
    if (!to) the_ledger().broken(fmt::format("host {} has its global", host));
    const auto told = std::make_shared<base::promise<message>>();
    auto answer = told->result();
    node.requests().call(*to, *node.snapshots().parse(fmt::format("{{whereis_name,{}}}", name)), 10 * second,
                         [told](const behaviours::gen::call_result& result) {
                           told->give(result ? message::copy_of(result->bytes()) : message::atom("none"));
                         });
    const message found = answer.take_within(std::chrono::seconds(30)).value_or(message::atom("none"));
    if (etf::cursor(found.bytes()).read_atom_is("none"))
      the_ledger().broken(fmt::format("the global of host {} answers", host));
    return text_of(found);
  }

  unsigned hosts_;
  // Never destroyed, because processes of a killed host never end.
  name_book& book_;
  spawn_book& spawns_;
};

} // namespace

std::unique_ptr<workload> make_global_names() {
  return std::make_unique<names>();
}

} // namespace coppice::simulated
