// SPDX-License-Identifier: MIT
// The workload of event managers: each host has two whose handlers are actors of this program, and one with
// the bundled plugin's handler, which is reloaded. Callers on all hosts notify, ask handlers, and add, delete
// and swap them; owners add handlers, and are told of their ends. A keeper kills managers, handlers and
// owners, and starts those that are missing. Handlers crash, leave and are replaced while events come.
// Invariants: see handler_log.hpp and README.md.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "actors.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/native_server.hpp"
#include "bell_askers.hpp"
#include "calls.hpp"
#include "event_handlers.hpp"
#include "handler_log.hpp"
#include "ledger.hpp"
#include "reloads.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;
using state = handler_log::state;

constexpr unsigned most_places = 10; // managers of a host
constexpr nanos patience_at_last = 10 * second;

bool lives(const host_state& here, std::uint64_t owner) {
  return std::ranges::find(here.owners, owner) != here.owners.end();
}

// Also answers `check` with `well`, or with a text that names what is wrong at the end.
class keeper final : public asker {
 public:
  keeper(const cluster& of, host_states& hosts, unsigned host)
      : asker("keeper", of, hosts, host, 0), factory_(*new handler_factory) {} // NOLINT: see host_state

 private:
  runtime::outcome on_start(process& self) override {
    start_missing(self);
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go")) return runtime::carry_on();
    if (!the_ledger().quiet) harm(self);
    start_missing(self);
    go_on(self);
    return runtime::carry_on();
  }
  call_answer handle_call(process& self, const message&, const message&) override {
    std::string found = look_at_plugin(self);
    for (std::size_t at = 0; at < bells.size() && found == "well"; ++at) found = look_at(self, at);
    message_writer out;
    out.binary(found);
    return reply(out.take());
  }
  void go_on(process& self) const {
    self.remind(self.now() + draw_between(10 * millisecond, one_in(2) ? second : 100 * millisecond),
                message::atom("go"));
  }
  void harm(process& self) {
    host_state& here = hosts_[host_];
    const std::size_t at = draw_below(bells.size());
    manager_log* const log = here.managers[at];
    switch (draw_below(8)) {
      case 0:
        if (!one_in(4) || log == nullptr) return;
        tell("{} is killed", bells[at]);
        log->over = true;
        if (const auto whom = self.host().whereis(bells[at])) self.exit(*whom, runtime::reasons::kill());
        return;
      case 1:
        if (!one_in(4) || log == nullptr) return;
        if (const auto to = choose(self, host_, bells[at])) (void)ask(self, *to, "stop", {}, any_wait());
        return;
      case 2:
        if (here.owners.empty()) return;
        kill_owner(self, here.owners[draw_below(here.owners.size())]);
        return;
      default:
        if (log != nullptr) kill_handler(self, *log);
    }
  }
  void kill_owner(process& self, std::uint64_t number) {
    const auto whom = self.host().whereis(fmt::format("owner_{}", number));
    if (!whom) return;
    tell("owner {} is killed", number);
    std::erase(hosts_[host_].owners, number);
    self.exit(*whom, runtime::reasons::kill());
  }
  static void kill_handler(process& self, const manager_log& of) {
    std::vector<handler_log*> all;
    for (handler_log* one : of.handlers)
      if (one->lives()) all.push_back(one);
    if (all.empty()) return;
    handler_log& whom = *all[draw_below(all.size())];
    tell("{} is killed", whom.shown());
    whom.killed = true;
    self.exit(whom.process, runtime::reasons::kill());
  }
  void start_missing(process& self) {
    host_state& here = hosts_[host_];
    for (std::size_t at = 0; at < bells.size(); ++at) {
      if (self.host().whereis(bells[at])) continue;
      manager_log& log = the_manager_logs().begin_manager(host_);
      runtime::spawn_options how;
      how.name = how.label = bells[at];
      if (one_in(3)) {
        constexpr std::array all{runtime::on_full::park_sender, runtime::on_full::drop_new,
                                 runtime::on_full::drop_old};
        how.mailbox.messages = 1 + static_cast<std::uint32_t>(draw_below(20));
        how.mailbox.policy = all[draw_below(all.size())];
      }
      const auto place = static_cast<unsigned>(host_ * most_places + at);
      if (self.spawn(std::move(how), make_manager(log, place, factory_))) here.managers[at] = &log;
    }
    if (the_ledger().quiet || here.owners.size() >= 2) return;
    const std::uint64_t number = the_ledger().next();
    const std::string name = fmt::format("owner_{}", number);
    here.owners.push_back(number);
    if (!self.spawn({.name = name, .label = name}, make_owner(of_, hosts_, host_, number)))
      std::erase(here.owners, number);
  }

  // After the faults.
  std::string look_at(process& self, std::size_t at) {
    const manager_log* const log = hosts_[host_].managers[at];
    const auto to = choose(self, host_, bells[at]);
    if (log == nullptr || log->over || !to) return fmt::format("{} is not there", bells[at]);
    const std::string named = ask(self, *to, "which_handlers", {}, patience_at_last);
    if (named.empty()) return fmt::format("{} does not answer", bells[at]);
    const event_key event{the_ledger().next(), 1};
    if (ask(self, *to, "sync_notify", {fmt::format("{{{},1}}", event.sender)}, patience_at_last) != "ok")
      return fmt::format("{} does not answer sync_notify", bells[at]);
    the_manager_logs().answered(event);
    if (!log->waits) (void)self.await(self.make_ack(), base::mono_now() + second);
    for (const handler_log* one : log->handlers) {
      const bool is_named = named.find(handler_name(one->number)) != std::string::npos;
      const bool is_there = one->is == state::lives && !one->killed;
      if (is_there && !is_named && log->waits) return one->shown() + " lives and is not named: " + named;
      if (!is_there && is_named) return one->shown() + " has ended and is named: " + named;
      if (is_named && one->next != log->taken.size()) return one->shown() + " has events that wait";
      if (is_named)
        if (const std::string bad = call(self, *to, *one); !bad.empty()) return bad;
    }
    return "well";
  }
  std::string look_at_plugin(process& self) const {
    const auto to = choose(self, host_, alarm_bell);
    const std::string answer = ask(self, *to, "call", {"{alarms,alarms}", "get_alarms"}, patience_at_last);
    return answer.starts_with("[") ? "well" : fmt::format("{} answers {}", alarm_bell, answer);
  }
  std::string call(process& self, const target& to, const handler_log& whom) {
    const std::uint64_t number = the_ledger().next();
    const std::string answer = ask(
        self, to, "call", {handler_name(whom.number), fmt::format("{{ask,{}}}", number)}, patience_at_last);
    if (answer == fmt::format("{{seen,{},{}}}", whom.number, number)) return {};
    return fmt::format("{} answers {}", whom.shown(), answer.empty() ? "nothing" : answer);
  }

  handler_factory& factory_;
};

class managers final : public workload {
 public:
  managers() : hosts_(draw_hosts(2, 3)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned) const override {
    return fmt::format(
        "        - {{ id: {0}, name: {0}, event_manager: {{ handlers: [ {{ id: alarms, actor: alarms, "
        "restart: "
        "permanent, args: {{ limit: 10000 }} }} ] }} }}\n",
        alarm_bell);
  }
  void populate(cluster& all, unsigned host) override {
    add_load(all, host);
    add_process(all, host, "keeper", std::make_unique<keeper>(all, states_, host));
    for (std::uint64_t count = 1 + draw_below(4); count > 0; --count) {
      const std::uint64_t number = the_ledger().next();
      add_process(all, host, fmt::format("ringer_{}", number), make_ringer(all, states_, host, number));
    }
  }
  void lost(unsigned host) override {
    for (manager_log* one : states_[host].managers)
      if (one != nullptr) one->over = true;
    states_[host] = {};
    reloads_.lost(host);
  }
  void look(cluster& all) override {
    reloads_.maybe(all, 1 + static_cast<unsigned>(draw_below(hosts_)), "alarms");
  }
  void check(cluster& all) override {
    reloads_.check_answered(hosts_);
    for (unsigned host = 1; host <= hosts_; ++host) {
      const std::string told = all.ask(host, "keeper", "check", 200 * second);
      if (told != "<<\"well\">>")
        the_ledger().broken(
            fmt::format("after the faults every manager answers, and has the handlers that it "
                        "should have: host {} says {}",
                        host, told));
    }
    for (unsigned host = 1; host <= hosts_; ++host) check_owners(host);
    for (const host_state& here : states_) // their nodes stop now
      for (manager_log* one : here.managers)
        if (one != nullptr) one->over = true;
  }

 private:
  // Checks the handlers of living managers: an owner on this host was told of each end, and no handler
  // outlives its owner.
  void check_owners(unsigned host) const {
    for (const manager_log* log : states_[host].managers)
      for (const handler_log* one : log->handlers) {
        if (one->owner == 0 || one->is == state::begins || one->is == state::refused) continue;
        const bool ended = one->killed || one->is != state::lives;
        if (!ended && !lives_anywhere(one->owner) && log->waits)
          the_ledger().broken("a handler ends with its owner: " + one->shown());
        if (ended && lives(states_[host], one->owner) && one->told != 1)
          the_ledger().broken(
              fmt::format("an owner is told of the end of its handler: of {} it was told {} times",
                          one->shown(), one->told));
      }
  }
  bool lives_anywhere(std::uint64_t owner) const {
    return std::ranges::any_of(states_, [&](const host_state& here) { return lives(here, owner); });
  }

  unsigned hosts_;
  host_states& states_ = *new host_states{}; // NOLINT: see host_state
  reloads reloads_;
};

} // namespace

std::unique_ptr<workload> make_managers() {
  return std::make_unique<managers>();
}

} // namespace coppice::simulated
