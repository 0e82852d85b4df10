// SPDX-License-Identifier: MIT
// The workload of connections that nodes open: on each host an actor of the bundled plugin `redis`, which
// its tree keeps connected to a listener of `echo` on any host. The bytes that `echo` sends back for a
// command form a reply in Redis's protocol with the command's own words, so each reply shows which command
// it answers. Callers on every host call every such actor, so that many commands are under way. Both plugins
// are reloaded; actors of both and listeners are killed. Invariants: a call is answered with its own words,
// or with an error that the plugin documents. After the faults each actor is connected, answers and waits
// for nothing, and there are no other connections.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/sockets.hpp"
#include "../machine/story.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "node/instance/snapshots.hpp"
#include "reloads.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr std::string_view client = "cache";
constexpr std::string_view server = "mirror";
constexpr std::array<std::string_view, 2> plugins{"redis", "echo"};
constexpr std::uint16_t port = 7101;
constexpr nanos patience = 20 * second;

// The settings of the run.
struct settings {
  std::uint64_t waiting = 10'000; // most commands without a reply at once
  bool small_writes = false;      // only a few bytes may wait for the server
  bool small_reads = false;       // only a few bytes may wait for an actor
};

settings any_settings() {
  settings out;
  if (one_in(3)) out.waiting = 1 + draw_below(4);
  out.small_writes = one_in(2);
  out.small_reads = one_in(2);
  return out;
}

// The words of a command as people write the term. No other command has the same words.
std::string any_words() {
  std::string out;
  for (std::uint64_t left = one_in(10) ? draw_below(40) : draw_below(4) + 1; left > 0; --left) {
    std::string word = fmt::format("{}", the_ledger().next());
    word.append(one_in(12) ? draw_below(8'000) : draw_below(30), static_cast<char>('a' + draw_below(26)));
    out += fmt::format("{}<<\"{}\">>", out.empty() ? "" : ",", word);
  }
  return out;
}

class caller final : public native_server {
 public:
  explicit caller(const cluster& of) : native_server("caller"), of_(of) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    const auto host = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    const std::string words = any_words();
    const std::string said = call_of(self, of_, host, client, fmt::format("{{command,[{}]}}", words),
                                     draw_between(10 * millisecond, patience));
    // The plugin itself answers a command without words.
    const bool fits = words.empty() ? said == "{error,badarg}" : said == fmt::format("{{ok,[{}]}}", words);
    if (!fits && !said.empty() && said != "{error,disconnected}" && said != "{error,overloaded}")
      the_ledger().broken(fmt::format("a reply belongs to its command: host {} answered [{}] by {}", host,
                                      words.substr(0, 300), said.substr(0, 300)));
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    const nanos pause =
        one_in(3) ? draw_between(0, millisecond) : draw_between(millisecond, 500 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }

  const cluster& of_;
};

// Whether it is a client, a listener, or the actor of a connection.
bool belongs(const runtime::process_summary& one) {
  return one.label.find(client) != std::string::npos || one.label.find(server) != std::string::npos;
}

class killer final : public native_server {
 public:
  explicit killer(std::vector<runtime::pid>& victims) : native_server("killer"), victims_(victims) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    const auto victims = std::exchange(victims_, {});
    if (!victims.empty() && one_in(2)) {
      tell("a client, a listener or an actor of a connection is killed");
      self.exit(victims[draw_below(victims.size())],
                one_in(2) ? runtime::reasons::kill() : message::atom("crash"));
    }
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(100 * millisecond, 10 * second), message::atom("go"));
  }

  std::vector<runtime::pid>& victims_; // chosen by the workload's thread
};

class dials final : public workload {
 public:
  dials()
      : hosts_(draw_hosts(2, 3)),
        kills_(one_in(2)),
        has_(any_settings()),
        victims_(*new std::array<std::vector<runtime::pid>, most_hosts>()) {
    for (unsigned host = 1; host <= hosts_; ++host) to_[host] = 1 + static_cast<unsigned>(draw_below(hosts_));
  }

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned host) const override {
    std::string out = fmt::format(
        "        - id: {0}\n"
        "          name: {0}\n"
        "          tcp:\n"
        "            listen: [ {{ address: 10.0.0.{1}, port: {2} }} ]\n"
        "            actor: echo\n",
        server, host, port);
    if (has_.small_reads) out += "            read: { credit: 2KiB }\n";
    out += fmt::format(
        "        - id: {0}\n"
        "          name: {0}\n"
        "          tcp:\n"
        "            connect: {{ address: 10.0.0.{1}, port: {2}, backoff: {{ first: 50ms, max: 2s }} }}\n"
        "            actor: redis\n"
        "            args: {{ waiting: {3} }}\n",
        client, to_[host], port, has_.waiting);
    if (has_.small_writes) out += "            write: { high: 8KiB, low: 1KiB }\n";
    return out;
  }
  void populate(cluster& all, unsigned host) override {
    if (kills_) add_process(all, host, "killer", std::make_unique<killer>(victims_[host]));
    for (std::uint64_t count = 2 + draw_below(5); count > 0; --count)
      add_process(all, host, fmt::format("caller_{}", the_ledger().next()), std::make_unique<caller>(all));
  }
  void lost(unsigned host) override { reloads_.lost(host); }
  void look(cluster& all) override {
    const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
    if (all.at(host) == nullptr) return;
    victims_[host].clear();
    if (kills_)
      for (const runtime::process_summary& one : all.at(host)->snapshots().processes())
        if (belongs(one)) victims_[host].push_back(one.pid);
    reloads_.maybe(all, host, plugins[draw_below(plugins.size())]);
  }
  void check(cluster& all) override {
    reloads_.check_answered(hosts_);
    for (unsigned host = 1; host <= hosts_; ++host) check_answers(all, host);
    let_pass(5 * second);
    for (unsigned host = 1; host <= hosts_; ++host) check_nothing_left(all, host);
  }

 private:
  static void check_answers(cluster& all, unsigned host) {
    const std::string last = fmt::format("[<<\"{}\">>]", the_ledger().next());
    std::string said;
    for (const nanos until = now() + 3 * patience; now() < until; let_pass(second)) {
      said = all.ask(host, client, fmt::format("{{command,{}}}", last), 10 * second);
      if (said == fmt::format("{{ok,{}}}", last)) break;
    }
    if (said != fmt::format("{{ok,{}}}", last))
      the_ledger().broken(fmt::format(
          "after the faults the tree keeps an actor connected: that of host {} said {}", host, said));
    const std::string state = all.ask(host, client, "status", 10 * second);
    if (state.find("connected => true") == std::string::npos ||
        state.find("waiting => 0") == std::string::npos)
      the_ledger().broken(fmt::format("a command waits for its reply alone: host {} says {}", host, state));
  }
  void check_nothing_left(cluster& all, unsigned host) const {
    const auto own = static_cast<unsigned>(std::count(to_.begin() + 1, to_.begin() + 1 + hosts_, host));
    const unsigned ends = open_ends(host, port);
    if (ends != own)
      the_ledger().broken(fmt::format("a socket is closed with its connection: host {} has {} for {} actors",
                                      host, ends, own));
    auto has = all.report(host, server);
    if (has["open"] != std::to_string(own))
      the_ledger().broken(fmt::format("a connection ends with its actor: {} are open at host {}, for {}",
                                      has["open"], host, own));
  }

  unsigned hosts_;
  bool kills_;
  settings has_;
  std::array<std::vector<runtime::pid>, most_hosts>&
      victims_;                           // never destroyed: killers of a killed host do not end
  std::array<unsigned, most_hosts> to_{}; // the host that each client connects to
  reloads reloads_;
};

} // namespace

std::unique_ptr<workload> make_dials() {
  return std::make_unique<dials>();
}

} // namespace coppice::simulated
