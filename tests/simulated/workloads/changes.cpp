// SPDX-License-Identifier: MIT
// The workload of changes: applies and reloads on running nodes, during calls and casts to the actors that
// are changed. Operators ask for the changes at the control sockets, where others ask for the state of the
// node and leave. Some applies succeed, some are refused, and some are rolled back because a child of the new
// configuration does not start. Children are killed meanwhile, and wait a while for their restart.
// Invariants: after an apply that reports success the new configuration runs, and one that reports a failure
// changed nothing. A child of the configuration does not stay stopped. A change is answered once. A plugin
// runs in the generation that the last reload reported. The book, an actor that is reloaded and never
// restarted, handles each message once, in the order in which it was sent.
// rooms: control
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "actors.hpp"
#include "base/clock.hpp"
#include "base/promise.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "operators.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::array<std::string_view, 4> steady{"kv", "book", "relay", "relay_2"}; // never changed
constexpr std::array<std::string_view, 2> reloaded{"kv", "relay"};                  // plugins
constexpr std::string_view taken = "taken"; // the registered name of a process of the workload
constexpr std::size_t most_changes = 3;     // at once, of one host
constexpr nanos longest_call = 30 * second;

// The children of a host that applies add, change and remove.
struct shelf {
  static constexpr std::size_t places = 4;
  std::array<std::uint64_t, places> most{}; // max_entries of child N; 0: there is no such child
  std::array<bool, places> renamed{};
  std::size_t bad = places; // the child with the name `taken`; places: none

  std::string name(std::size_t place) const {
    if (place == bad) return std::string(taken);
    return fmt::format("c{}{}", place, renamed[place] ? "x" : "");
  }
  std::string lines() const {
    std::string out =
        "        - { id: book, actor: kv, name: book }\n"
        "        - { id: relay, actor: relay, name: relay }\n"
        "        - { id: relay_2, actor: relay, name: relay_2 }\n";
    for (std::size_t place = 0; place < places; ++place)
      if (most[place] != 0)
        out += fmt::format(
            "        - {{ id: c{}, actor: kv, name: {}, args: {{ max_entries: {} }}, "
            "backoff: {{ first: 500ms, max: 4s }} }}\n",
            place, name(place), most[place]);
    return out;
  }
  // Gives one child the name `taken`, if there is any child.
  void spoil() {
    const std::size_t first = draw_below(places);
    for (std::size_t at = 0; at < places && bad == places; ++at)
      if (most[(first + at) % places] != 0) bad = (first + at) % places;
  }
  void change() {
    for (std::uint64_t count = 1 + draw_below(3); count > 0; --count) {
      const std::size_t place = draw_below(places);
      const std::uint64_t how = draw_below(4);
      if (how == 0)
        most[place] = most[place] == 0 ? 1 + draw_below(1000) : 0;
      else if (how == 1)
        renamed[place] = !renamed[place];
      else if (most[place] != 0)
        most[place] = 1 + draw_below(1000);
    }
  }
};

message count_request(const process& self, std::int64_t number, std::uint64_t key) {
  message_writer out;
  out.tuple(3);
  out.atom("$gen_call");
  out.tuple(2);
  write(out, self.self(), self.host().nodes());
  out.integer(number);
  out.tuple(3);
  out.atom("update_counter");
  out.unsigned_integer(key);
  out.integer(1);
  return out.take();
}

// The requests of a customer to the book, and the answers. Never destroyed, because customers of a killed
// host never end.
struct account {
  std::uint64_t key = 0;
  std::int64_t asked = 0;
  std::int64_t answered = 0;
};

// Counts in the book, by several requests at once, and writes to it by casts before it reads.
class customer final : public native_server {
 public:
  explicit customer(account& has) : native_server("customer"), has_(has) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    etf::cursor in(m.bytes());
    std::int64_t number = 0;
    if (in.read_tuple_of(2) && in.read_integer(number)) {
      take(number, in);
      return runtime::carry_on();
    }
    if (the_ledger().quiet) return runtime::carry_on();
    if (one_in(3))
      write_and_read(self);
    else
      count(self);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    const nanos pause =
        one_in(3) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 100 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  void take(std::int64_t number, etf::cursor& in) {
    std::int64_t counted = 0;
    the_ledger().call_ended(true);
    if (number != has_.answered + 1 || !in.read_integer(counted) || counted != number)
      the_ledger().broken(fmt::format(
          "what is sent to an actor that is reloaded comes once, and in its order: request {} of customer {} "
          "was answered {} behind {}",
          number, has_.key, counted, has_.answered));
    has_.answered = number;
  }
  void count(process& self) {
    for (std::uint64_t left = 1 + draw_below(10); left > 0; --left)
      self.send(runtime::destination::named("book"), count_request(self, ++has_.asked, has_.key));
  }
  void write_and_read(process& self) {
    const std::uint64_t key = has_.key + 1;
    std::uint64_t last = 0;
    for (std::uint64_t left = 1 + draw_below(3); left > 0; --left) {
      last = the_ledger().next();
      behaviours::gen::cast(self, runtime::destination::named("book"), put(key, last));
    }
    const auto answer = behaviours::gen::call(self, runtime::destination::named("book"), get(key),
                                              base::mono_now() + longest_call);
    if (self.exiting()) return;
    const std::string told = answer ? etf::print(answer->bytes()) : std::string("no answer");
    the_ledger().call_ended(answer.has_value());
    if (told != fmt::format("{{ok,{}}}", last))
      the_ledger().broken(fmt::format(
          "what is sent to an actor that is reloaded comes once, and in its order: customer {} wrote {} and "
          "read {}",
          has_.key, last, told));
  }
  static message put(std::uint64_t key, std::uint64_t value) {
    message_writer out;
    out.tuple(3);
    out.atom("put");
    out.unsigned_integer(key);
    out.unsigned_integer(value);
    return out.take();
  }
  static message get(std::uint64_t key) {
    message_writer out;
    out.tuple(2);
    out.atom("get");
    out.unsigned_integer(key);
    return out.take();
  }

  account& has_;
};

// Calls through both relays, whose handlers wait for their answers. At the end of the chain is a `load` that
// answers late.
class caller final : public native_server {
 public:
  caller(const cluster& of, unsigned host) : native_server("caller"), of_(of), host_(host) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    const std::string call = fmt::format("{{call,{},{}}}", the_ledger().next(), draw_below(1000));
    const bool both = !one_in(3);
    (void)call_of(self, of_, host_, both || one_in(2) ? "relay" : "relay_2",
                  both ? fmt::format("{{relay,relay_2,{{relay,load,{}}}}}", call)
                       : fmt::format("{{relay,load,{}}}", call),
                  draw_between(500 * millisecond, 2 * second));
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(millisecond, 300 * millisecond), message::atom("go"));
  }

  const cluster& of_;
  unsigned host_;
};

// Kills any children but the book.
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
    const std::uint64_t which = draw_below(shelf::places + 1);
    const std::string name =
        which == shelf::places ? "relay" : fmt::format("c{}{}", which, one_in(2) ? "x" : "");
    tell("{} is killed", name);
    if (const auto whom = self.host().whereis(name)) self.exit(*whom, runtime::reasons::kill());
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(10 * millisecond, 500 * millisecond), message::atom("go"));
  }
};

// An apply or a reload that was asked for.
struct change {
  std::string what;
  bool told = false;
};

// The state of a host's node, according to the reported changes.
struct place {
  shelf runs;
  // By plugin: the generations that reloads went from, and to. Replies of several operators come in any
  // order.
  std::map<std::string, std::map<std::uint64_t, std::uint64_t>> generations;
  std::vector<std::shared_ptr<change>> open;
  bool applies = false; // an apply is among the open changes
  std::vector<account*> accounts;
};

class changes final : public workload {
 public:
  unsigned hosts() const override { return 2; }
  std::string children(const cluster&, unsigned host) const override { return places_[host].runs.lines(); }
  void populate(cluster& all, unsigned host) override {
    add_load(all, host);
    add_process(all, host, std::string(taken), std::make_unique<native_server>("holder"));
    add_process(all, host, "killer", std::make_unique<killer>());
    for (const char* name : {"caller_1", "caller_2"})
      add_process(all, host, name, std::make_unique<caller>(all, host));
    for (std::uint64_t count = 1 + draw_below(3); count > 0; --count) {
      auto* const has = new account; // NOLINT: never destroyed, see account
      has->key = the_ledger().next();
      (void)the_ledger().next(); // for the other key
      places_[host].accounts.push_back(has);
      add_process(all, host, fmt::format("customer_{}", has->key), std::make_unique<customer>(*has));
    }
  }
  // The node starts again with the current configuration. Changes that were under way have ended with it.
  void lost(unsigned host) override {
    place& its = places_[host];
    its.generations.clear();
    its.open.clear();
    its.applies = false;
    its.accounts.clear();
  }
  void look(cluster& all) override {
    for (std::uint64_t count = 1 + draw_below(8); count > 0; --count) {
      const auto host = 1 + static_cast<unsigned>(draw_below(hosts()));
      if (all.at(host) != nullptr) one_in(4) ? look_around(all, host) : begin(all, host);
      let_pass(one_in(2) ? draw_between(0, 3 * millisecond) : draw_between(0, 400 * millisecond));
    }
    for (unsigned host = 1; host <= hosts(); ++host)
      if (all.at(host) != nullptr) compare(all, host);
  }
  void check(cluster& all) override {
    for (unsigned host = 1; host <= hosts(); ++host) {
      const place& its = places_[host];
      if (!its.open.empty())
        the_ledger().broken(
            fmt::format("a change is answered: host {} has not answered {}", host, its.open.front()->what));
      for (const account* one : its.accounts)
        if (one->answered != one->asked)
          the_ledger().broken(
              fmt::format("what is sent to an actor that is reloaded is not lost: customer {} asked {} times "
                          "and has {} answers",
                          one->key, one->asked, one->answered));
      compare(all, host);
      compare_args(all, host);
      const std::string told = all.ask(host, "relay", "{relay,kv,size}", 10 * second);
      if (told != "0")
        the_ledger().broken(fmt::format("after the changes every node answers: host {} said {}", host, told));
    }
    check_operators(all);
  }

 private:
  void begin(cluster& all, unsigned host) {
    place& its = places_[host];
    if (its.open.size() >= most_changes) return;
    if (!its.applies && one_in(2)) return apply(all, host);
    reload(all, host);
  }
  std::shared_ptr<change> opened(unsigned host, std::string what) {
    note("change", host, places_[host].open.size());
    tell("{} is asked of host {}", what, host);
    return places_[host].open.emplace_back(std::make_shared<change>(change{std::move(what)}));
  }
  void told(unsigned host, const std::shared_ptr<change>& one, bool done) {
    note("changed", host, done ? 1 : 0);
    tell("{} of host {} {}", one->what, host, done ? "is done" : "changed nothing");
    the_ledger().change_ended(done);
    if (std::exchange(one->told, true))
      the_ledger().broken(fmt::format("a change is answered once: host {}, {}", host, one->what));
    std::erase(places_[host].open, one);
  }

  void apply(cluster& all, unsigned host) {
    place& its = places_[host];
    shelf next = its.runs;
    next.change();
    std::string lines;
    if (one_in(5)) {
      lines = next.lines() + "        - { id: wrong, actor: kv, args: { entries: 1 } }\n";
      next.bad = 0; // nothing of this apply may run
    } else {
      if (one_in(2)) next.spoil();
      lines = next.lines();
    }
    its.applies = true;
    const auto one = opened(host, "an apply");
    ask(all, host, {"apply", {{"file", all.write_configuration(host, lines)}}},
        [this, host, next, one](const api::reply& reply) {
          const bool applied = reply && reply->value("applied", false);
          told(host, one, applied);
          places_[host].applies = false;
          if (!applied) return;
          if (next.bad != shelf::places)
            the_ledger().broken(fmt::format("an apply that cannot succeed says so: host {}", host));
          places_[host].runs = next;
        });
  }
  void reload(cluster& all, unsigned host) {
    nlohmann::json what = {{"dry_run", one_in(6)}, {"carry_only", one_in(4)}};
    const std::string plugin = one_in(6)    ? std::string()
                               : one_in(10) ? std::string("nothing")
                                            : std::string(reloaded[draw_below(reloaded.size())]);
    if (!plugin.empty()) what["plugin"] = plugin;
    const bool dry = what.at("dry_run");
    const auto one = opened(host, "a reload of " + plugin);
    ask(all, host, {"reload", std::move(what)}, [this, host, dry, one](const api::reply& reply) {
      told(host, one, reply.has_value());
      if (reply && !dry) take(host, *reply);
    });
  }
  // An operator asks for a change, and perhaps for something else before and after it.
  static void ask(cluster& all, unsigned host, api::request what,
                  std::function<void(const api::reply&)> done) {
    std::vector<question> all_asked;
    if (one_in(3)) all_asked.push_back(any_question(all, host));
    all_asked.push_back({.asked = std::move(what), .told = std::move(done), .may_fail = true});
    if (one_in(3)) all_asked.push_back(any_question(all, host));
    add_operator(all, host, std::move(all_asked));
  }
  // An operator that asks for the state of the node, and breaks off at times.
  static void look_around(cluster& all, unsigned host) {
    std::vector<question> all_asked;
    for (std::uint64_t count = 1 + draw_below(4); count > 0; --count)
      all_asked.push_back(any_question(all, host));
    add_operator(all, host, std::move(all_asked), one_in(3));
  }
  void take(unsigned host, const nlohmann::json& made) {
    for (const nlohmann::json& plugin : made.at("plugins")) {
      const std::string id = plugin.at("id");
      const std::uint64_t from = plugin.at("from").at("generation");
      const std::uint64_t to = plugin.at("to").at("generation");
      if (to <= from || !places_[host].generations[id].emplace(from, to).second)
        the_ledger().broken(
            fmt::format("reloads go from generation to generation: {} of host {} went from {} to {}", id,
                        host, from, to));
    }
  }
  void check_operators(cluster& all) {
    for (unsigned host = 1; host <= hosts(); ++host) {
      look_around(all, host);
      ask(all, host, {"status"}, [this, host](const api::reply& reply) { heard_[host] = reply.has_value(); });
    }
    let_pass(20 * second);
    for (unsigned host = 1; host <= hosts(); ++host)
      if (!heard_[host])
        the_ledger().broken(fmt::format("after the changes an operator is answered: not by host {}", host));
  }
  // The generation in which the plugin runs. 0: the reported generations do not follow from each other.
  std::uint64_t generation(unsigned host, const std::string& plugin) const {
    const auto known = places_[host].generations.find(plugin);
    if (known == places_[host].generations.end()) return 1;
    std::uint64_t at = 1;
    std::size_t steps = 0;
    for (auto next = known->second.find(at); next != known->second.end(); next = known->second.find(at)) {
      at = next->second;
      ++steps;
    }
    return steps == known->second.size() ? at : 0;
  }

  // Compares the node with the reported changes once no change is under way. Tries again for a while,
  // because a child that is being started shows as stopped for a moment.
  void compare(cluster& all, unsigned host) {
    const place& its = places_[host];
    std::string differs;
    for (unsigned tries = 0; tries < 100; ++tries) {
      if (!its.open.empty() || all.at(host) == nullptr) return;
      differs = difference(all, host);
      if (differs.empty()) return;
      let_pass(20 * millisecond);
    }
    the_ledger().broken(
        fmt::format("what was reported of a change is what runs: host {}: {}", host, differs));
  }
  std::string difference(cluster& all, unsigned host) const {
    const on_host here(host);
    const place& its = places_[host];
    std::set<std::string> wanted(steady.begin(), steady.end());
    for (std::size_t at = 0; at < shelf::places; ++at)
      if (its.runs.most[at] != 0) wanted.insert(fmt::format("c{}", at));
    const auto trees = all.at(host)->snapshots().tree("shop");
    if (!trees || trees->empty()) return "the tree of shop is not there";
    for (const behaviours::tree_entry& child : trees->front().top.children) {
      if (wanted.erase(child.id) == 0) return child.id + " is there";
      const bool may_wait = !the_ledger().over && child.state == behaviours::child_state::restarting;
      if (child.state != behaviours::child_state::running && !may_wait)
        return fmt::format("{} is {}", child.id, behaviours::text(child.state));
    }
    if (!wanted.empty()) return *wanted.begin() + " is not there";
    for (const node::plugin_status& plugin : all.at(host)->snapshots().plugins()) {
      const std::uint64_t expected = generation(host, plugin.id);
      if (plugin.generation != expected)
        return fmt::format("{} runs in generation {}, and not {}", plugin.id, plugin.generation, expected);
    }
    return {};
  }
  void compare_args(cluster& all, unsigned host) {
    const shelf& runs = places_[host].runs;
    for (std::size_t at = 0; at < shelf::places; ++at) {
      if (runs.most[at] == 0) continue;
      const std::string shown = state_of(all, host, runs.name(at));
      if (shown.find(fmt::format("max_entries => {}", runs.most[at])) == std::string::npos)
        the_ledger().broken(
            fmt::format("a child has the args of the configuration: {} of host {}: {}, not {}", runs.name(at),
                        host, shown, runs.most[at]));
    }
  }
  static std::string state_of(cluster& all, unsigned host, const std::string& name) {
    const on_host here(host);
    const auto found = all.at(host)->snapshots().info(name);
    if (!found) return "there is none";
    const auto told = std::make_shared<base::promise<std::string>>();
    auto answer = told->result();
    all.at(host)->requests().state_of(
        found->summary.pid, behaviours::shown_part::all, 2 * second,
        [told](const behaviours::shown_state& shown) { told->give(shown.state.value_or("no state")); });
    return answer.take_within(std::chrono::seconds(5)).value_or("no answer");
  }

  std::array<place, most_hosts> places_;
  std::array<bool, most_hosts> heard_{}; // whether the last operator was answered
};

} // namespace

std::unique_ptr<workload> make_changes() {
  return std::make_unique<changes>();
}

} // namespace coppice::simulated
