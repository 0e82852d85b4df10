// SPDX-License-Identifier: MIT
// See bell_askers.hpp. An answer is compared with what the logs know of the handlers: a manager that waits
// for its handlers answers as if they ran in it.
// rooms: node
#include "bell_askers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <cstdlib>
#include <map>
#include <utility>

#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/tagged.hpp"
#include "event_handlers.hpp"
#include "ledger.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::simulated {

using runtime::message;
using runtime::message_writer;
using runtime::process;
using state = handler_log::state;

namespace {

message parsed(std::string_view text) {
  const auto term = etf::parse(text);
  if (!term) give_up("a workload's term is none: " + std::string(text));
  return message::copy_of(*term);
}

std::string text_of(const event_key& what) {
  return fmt::format("{{{},{}}}", what.sender, what.number);
}

bool has_failed(const std::string& answer) {
  return answer.starts_with("{'EXIT',") || answer.starts_with("{error,{'EXIT',");
}

} // namespace

std::optional<asker::target> asker::choose(process& self, unsigned host, std::string_view name) const {
  target out{host, name, runtime::destination::named(std::string(name)), nullptr};
  if (of_.name(host) != self.host().node_name()) {
    const auto index = self.host().nodes().intern(of_.name(host));
    if (!index) return std::nullopt;
    out.to = runtime::destination::remote(std::string(name), *index);
  }
  for (std::size_t at = 0; at < bells.size(); ++at)
    if (bells[at] == name) out.log = hosts_[host].managers[at];
  return out;
}

unsigned asker::any_host() const {
  return one_in(2) ? host_ : 1 + static_cast<unsigned>(draw_below(of_.hosts()));
}

std::optional<asker::target> asker::any(process& self) const {
  const unsigned host = any_host();
  return choose(self, host, bells[draw_below(bells.size())]);
}

handler_log* asker::any_handler(const target& of) {
  constexpr std::size_t latest = 8;
  if (of.log == nullptr || of.log->handlers.empty()) return nullptr;
  const std::size_t all = of.log->handlers.size();
  return of.log->handlers[all - 1 - draw_below(std::min(all, latest))];
}

std::string asker::ask(process& self, const target& of, std::string_view tag,
                       std::initializer_list<std::string> parts, nanos timeout, bool with_pid) const {
  const auto& names = self.host().nodes();
  const runtime::reference ref = self.monitor(of.to, true);
  message_writer out;
  out.tuple(3);
  write(out, self.self(), names);
  out.tuple(2);
  write(out, self.self(), names);
  out.list(1);
  out.atom("alias");
  write(out, ref, names);
  if (parts.size() > 0) out.tuple(static_cast<std::uint32_t>(1 + parts.size() + (with_pid ? 1 : 0)));
  out.atom(tag);
  for (const std::string& one : parts) out.raw(parsed(one).bytes());
  if (with_pid) write(out, self.self(), names);
  tell("{} {} asks {} of host {} to {} {}", self.name(), number_, of.name, of.host, tag,
       fmt::join(parts, ", "));
  self.send(of.to, out.take());
  const nanos begun = simulated::now();
  const auto result = behaviours::gen::finish_call(self, ref, base::mono_now() + timeout);
  const std::string answer = result ? etf::print(result->bytes()) : std::string();
  the_ledger().call_ended(result.has_value());
  tell("{} {} has the answer of {} of host {}: {}", self.name(), number_, of.name, of.host,
       answer.empty() ? "none in time, or an error" : answer);
  if (simulated::now() - begun > timeout + second)
    the_ledger().broken(fmt::format("a call ends by its deadline: {} ms after it",
                                    (simulated::now() - begun - timeout) / millisecond));
  return answer;
}

void asker::wrong(std::string_view invariant, const target& of, std::string_view asked,
                  const std::string& answer) {
  give_up(fmt::format("invariant: {}: {} of {} of host {} is answered by {}", invariant, asked, of.name,
                      of.host, answer));
}

void asker::go_on(process& self) {
  const nanos pause =
      one_in(3) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 200 * millisecond);
  self.remind(self.now() + pause, message::atom("go"));
}

namespace {

class ringer final : public asker {
 public:
  ringer(const cluster& of, host_states& hosts, unsigned host, std::uint64_t number)
      : asker("ringer", of, hosts, host, number) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go"))
      the_ledger().broken(
          fmt::format("a call ends once: ringer {} got {} besides", number_, etf::print(m.bytes())));
    if (the_ledger().quiet) return runtime::carry_on();
    if (one_in(8)) {
      set_alarm(self);
    } else if (const auto to = any(self)) {
      act(self, *to);
    }
    if (!self.exiting()) go_on(self);
    return runtime::carry_on();
  }
  void act(process& self, const target& to) {
    switch (draw_below(12)) {
      case 0:
      case 1:
      case 2:
        return sync(self, to);
      case 3:
        return which(self, to);
      case 4:
      case 5:
        return call(self, to);
      case 6:
        return add(self, to);
      case 7:
        return remove(self, to);
      case 8:
        return swap(self, to);
      default:
        return notify(self, to);
    }
  }
  event_key next() { return {number_, ++last_}; }

  void notify(process& self, const target& to) {
    std::uint64_t left = 1 + draw_below(one_in(4) ? 150 : 6);
    tell("ringer {} sends {} events to {} of host {}", number_, left, to.name, to.host);
    for (; left > 0 && !self.exiting(); --left)
      self.send(to.to, behaviours::tagged(one_in(6) ? "note" : "notify", parsed(text_of(next())).bytes()));
  }
  void sync(process& self, const target& to) {
    if (one_in(2)) notify(self, to);
    const event_key event = next();
    const std::string answer = ask(self, to, "sync_notify", {text_of(event)}, any_wait());
    if (answer.empty()) return;
    if (answer != "ok") wrong("sync_notify is answered by ok", to, "one", answer);
    the_manager_logs().answered(event);
  }
  // Every handler that lived all the while is named, and none that had ended before.
  void which(process& self, const target& to) {
    std::vector<std::uint64_t> lived, ended;
    if (to.log != nullptr && to.log->waits)
      for (const handler_log* one : to.log->handlers) {
        if (one->lives()) lived.push_back(one->number);
        if (one->is != state::lives && one->is != state::begins) ended.push_back(one->number);
      }
    const std::string answer = ask(self, to, "which_handlers", {}, any_wait());
    if (answer.empty() || to.log == nullptr || !is_same(to)) return;
    for (const std::uint64_t one : lived) {
      const handler_log& log = *the_manager_logs().find(one);
      if (log.lives() && !log.again && !names(answer, one))
        wrong("which_handlers names every handler", to, "it without handler " + std::to_string(one), answer);
    }
    for (const std::uint64_t one : ended)
      if (the_manager_logs().find(one)->is != state::lives && names(answer, one))
        wrong("which_handlers names no handler that has ended", to, "it", answer);
  }
  static bool names(const std::string& answer, std::uint64_t number) {
    return answer.find(handler_name(number)) != std::string::npos;
  }
  // Whether the manager is still in the life that it had when it was chosen.
  bool is_same(const target& to) const {
    return to.log != nullptr && !to.log->over &&
           std::ranges::find(hosts_[to.host].managers, to.log) != hosts_[to.host].managers.end();
  }
  void call(process& self, const target& to) {
    handler_log* const whom = any_handler(to);
    if (whom == nullptr) return;
    const bool lived = whom->lives();
    const std::uint64_t number = the_ledger().next();
    const std::string asked = fmt::format("call {} to handler {}", number, whom->number);
    const std::string answer =
        ask(self, to, "call", {handler_name(whom->number), fmt::format("{{ask,{}}}", number)}, any_wait());
    if (answer.empty() || answer == fmt::format("{{seen,{},{}}}", whom->number, number)) return;
    if (answer == "{error,bad_module}") {
      if (lived && whom->lives() && !whom->again && whom->of->waits && is_same(to))
        wrong("bad_module is the answer if there is no such handler", to, asked, answer);
      return;
    }
    if (has_failed(answer) && !(whom->lives() && !whom->again && whom->of->waits)) return;
    wrong("an answer is of its call", to, asked, answer);
  }
  void add(process& self, const target& to) {
    if (to.log == nullptr) return;
    const handler_args args{the_ledger().next(), 0, 0, handler_args::way::added};
    const std::string answer =
        ask(self, to, "add_handler", {handler_name(args.number), args.shown()}, any_wait());
    check_added(to, args.number, answer);
  }
  void remove(process& self, const target& to) {
    handler_log* const whom = any_handler(to);
    if (whom == nullptr) return;
    const bool lived = whom->lives();
    const std::string answer =
        ask(self, to, "delete_handler", {handler_name(whom->number), "{delete}"}, any_wait());
    if (answer.empty() || answer == fmt::format("{{gone,{}}}", whom->number) || has_failed(answer)) {
      if (!answer.empty() && whom->lives() && !whom->again && whom->of->waits && is_same(to))
        wrong("a handler that is deleted has left", to, "delete_handler", answer);
      return;
    }
    if (answer != "{error,module_not_found}")
      wrong("delete_handler is answered by the handler", to, "it", answer);
    if (lived && whom->lives() && !whom->again && whom->of->waits && is_same(to))
      wrong("module_not_found is the answer if there is no such handler", to, "delete_handler", answer);
  }
  void swap(process& self, const target& to) {
    handler_log* const whom = any_handler(to);
    if (whom == nullptr) return;
    const handler_args args{the_ledger().next(), 0, whom->number, handler_args::way::swapped};
    const std::string answer = ask(self, to, "swap_handler",
                                   {handler_name(whom->number), fmt::format("{{swap,{}}}", args.number),
                                    handler_name(args.number), args.shown()},
                                   any_wait());
    check_added(to, args.number, answer);
  }

  void check_added(const target& to, std::uint64_t number, const std::string& answer) const {
    if (answer.empty()) return;
    const handler_log* const made = the_manager_logs().find(number);
    if (answer == "ok") {
      if (made == nullptr || made->is == state::begins || made->is == state::refused)
        wrong("ok is the answer if the handler has begun", to, std::to_string(number), answer);
    } else if (!has_failed(answer) || (made != nullptr && made->lives() && made->of->waits && is_same(to))) {
      wrong("a handler is added, or the answer says why not", to, std::to_string(number), answer);
    }
  }

  // ---- the plugin's handler, which is reloaded ----

  // A host's handler must know a number of this ringer from `acked` to `sent`.
  struct alarm {
    std::uint64_t life = 0; // of the host
    std::uint64_t acked = 0;
    std::uint64_t sent = 0;
  };
  void set_alarm(process& self) {
    const unsigned host = any_host();
    const auto to = choose(self, host, alarm_bell);
    if (!to) return;
    alarm& has = alarms_[host];
    const auto life = static_cast<std::uint64_t>(host_at(host).lives);
    if (has.life != life) has = {life, 0, 0};
    const std::string text = fmt::format("{{set_alarm,{{{},{}}}}}", number_, ++has.sent);
    if (one_in(2)) {
      self.send(to->to, behaviours::tagged("notify", parsed(text).bytes()));
    } else {
      const std::uint64_t sent = has.sent;
      if (ask(self, *to, "sync_notify", {text}, any_wait()) == "ok") has.acked = sent;
    }
    if (self.exiting() || !one_in(2)) return;
    const std::string answer = ask(self, *to, "call", {"{alarms,alarms}", "get_alarms"}, any_wait());
    if (answer.empty() || static_cast<std::uint64_t>(host_at(host).lives) != life) return;
    std::uint64_t knows = 0;
    const std::string mine = fmt::format("{{{},", number_);
    if (const auto at = answer.find(mine); at != std::string::npos)
      knows = std::stoull(answer.substr(at + mine.size()));
    if (!answer.starts_with("[") || knows < has.acked || knows > has.sent)
      wrong(fmt::format("a handler that is reloaded knows all that it was told, here {} to {} of {}",
                        has.acked, has.sent, number_),
            *to, "get_alarms", answer);
  }

  std::uint64_t last_ = 0;
  std::map<unsigned, alarm> alarms_; // by host
};

class owner final : public asker {
 public:
  owner(const cluster& of, host_states& hosts, unsigned host, std::uint64_t number)
      : asker("owner", of, hosts, host, number) {}

 private:
  runtime::outcome on_start(process& self) override {
    self.trap_exit(true);
    go_on(self);
    return runtime::carry_on();
  }
  void on_stop(process&, const message&) override { std::erase(hosts_[host_].owners, number_); }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (behaviours::gen::exit_notice exit; behaviours::gen::read_exit(self, m, exit))
      return runtime::carry_on();
    etf::cursor in(m.bytes());
    etf::bytes name;
    if (in.read_tuple_of(3) && in.read_atom_is("gen_event_EXIT") && in.read_term(name)) {
      the_manager_logs().told(number_, number_of_handler(name), etf::print(in.rest()));
      return runtime::carry_on();
    }
    if (!etf::cursor(m.bytes()).read_atom_is("go"))
      the_ledger().broken(
          fmt::format("a call ends once: owner {} got {} besides", number_, etf::print(m.bytes())));
    if (the_ledger().quiet) return runtime::carry_on();
    if (one_in(40)) {
      tell("owner {} ends", number_);
      std::erase(hosts_[host_].owners, number_);
      return runtime::stop(message::atom(one_in(2) ? "normal" : "spent"));
    }
    if (const auto to = any(self); to && to->log != nullptr) act(self, *to);
    if (!self.exiting()) go_on(self);
    return runtime::carry_on();
  }
  void act(process& self, const target& to) {
    handler_args args{the_ledger().next(), number_, 0, handler_args::way::added};
    handler_log* const whom = any_handler(to);
    if (whom == nullptr || one_in(2)) {
      (void)ask(self, to, "add_sup_handler", {handler_name(args.number), args.shown()}, any_wait(), true);
      return;
    }
    args.old = whom->number;
    args.how = handler_args::way::swapped;
    (void)ask(self, to, "swap_sup_handler",
              {handler_name(whom->number), fmt::format("{{swap,{}}}", args.number), handler_name(args.number),
               args.shown()},
              any_wait(), true);
  }
};

} // namespace

std::unique_ptr<runtime::behaviour> make_ringer(const cluster& of, host_states& hosts, unsigned host,
                                                std::uint64_t number) {
  return std::make_unique<ringer>(of, hosts, host, number);
}

std::unique_ptr<runtime::behaviour> make_owner(const cluster& of, host_states& hosts, unsigned host,
                                               std::uint64_t number) {
  return std::make_unique<owner>(of, hosts, host, number);
}

} // namespace coppice::simulated
