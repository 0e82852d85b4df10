// SPDX-License-Identifier: MIT
// See remote_spawns.hpp. {ask, N, Alias, Times, Milliseconds} makes a mirror send {told, N} to the alias so
// many times, after so many milliseconds.
// rooms: node
#include "remote_spawns.hpp"

#include <fmt/format.h>

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
#include "base/clock.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::simulated {

using behaviours::native_server;
using runtime::alias_until;
using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr std::string_view actor = "kv:kv";
constexpr std::size_t most_made = 6;         // of a maker, alive
constexpr nanos longest_spawn = 12 * second; // until a lost connection is noticed

// The text of a pid that messages have, the same on every node.
std::string text_of(const runtime::pid& pid, const runtime::node_names& nodes) {
  message_writer out;
  write(out, pid, nodes);
  etf::cursor in(out.view());
  etf::pid one;
  if (!in.read_pid(one)) return {};
  return fmt::format("{}.{}.{}.{}", one.node, one.creation, one.id, one.serial);
}

} // namespace

class spawn_book {
 public:
  // What one maker knows of the processes made for it.
  struct maker_record {
    std::uint64_t number = 0;   // in the ledger
    std::set<std::string> made; // known, and not known to have ended
    bool over = false;          // the maker has ended
  };
  // An alias that an asker has made.
  struct alias_record {
    alias_until until = alias_until::unalias;
    bool monitors = false;
    bool once = false;
    unsigned came = 0;
    bool down = false;
    bool taken_back = false; // nothing may come any more
  };
  struct host_records {
    std::vector<std::unique_ptr<maker_record>> makers;
    std::map<std::int64_t, alias_record> aliases;
  };

  // Of the present life of each host.
  std::array<std::unique_ptr<host_records>, most_hosts> at;
  std::vector<std::unique_ptr<host_records>> former; // processes of killed hosts still refer to them
  bool always_links = one_in(2);
};

namespace {

class mirror final : public native_server {
 public:
  mirror() : native_server("mirror") {}
  std::optional<behaviours::peer_requests> from_peers() const override { return std::nullopt; }

 private:
  runtime::outcome handle_info(process& self, const message& m) override {
    etf::cursor in(m.bytes());
    std::int64_t number = 0;
    std::int64_t times = 0;
    std::int64_t delay = 0;
    etf::cursor say(m.bytes());
    std::uint32_t arity = 0;
    const bool later = say.read_tuple(arity) && say.read_atom_is("later");
    if (!in.read_tuple_of(5) || !in.read_atom_is(later ? "later" : "ask") || !in.read_integer(number))
      return runtime::carry_on();
    const auto alias = runtime::read_reference(in, self.host().nodes());
    if (!alias || !in.read_integer(times) || !in.read_integer(delay)) return runtime::carry_on();
    if (!later && delay > 0) {
      message_writer out;
      out.tuple(5);
      out.atom("later");
      out.integer(number);
      write(out, *alias, self.host().nodes());
      out.integer(times);
      out.integer(0);
      self.remind(self.now() + delay * millisecond, out.take());
      return runtime::carry_on();
    }
    tell("the mirror answers alias {}, {} times", number, times);
    for (; times > 0; --times) {
      message_writer out;
      out.tuple(2);
      out.atom("told");
      out.integer(number);
      self.send(destination::alias(*alias), out.take());
    }
    return runtime::carry_on();
  }
};

// Does something now and then, until the ledger is quiet.
class spawn_client : public native_server {
 public:
  spawn_client(std::string kind, spawn_book& book, const cluster& all)
      : native_server(std::move(kind)), book_(book), all_(all) {}
  std::optional<behaviours::peer_requests> from_peers() const override { return std::nullopt; }

 protected:
  static void go_on(process& self) {
    const nanos pause =
        one_in(3) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 400 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  // The index of another host's node, or none.
  std::optional<std::uint32_t> other_node(process& self) const {
    const unsigned host = 1 + static_cast<unsigned>(draw_below(all_.hosts()));
    if (all_.name(host) == self.host().node_name()) return std::nullopt;
    const auto index = self.host().nodes().intern(all_.name(host));
    return index ? std::optional<std::uint32_t>(*index) : std::nullopt;
  }

  spawn_book& book_;
  const cluster& all_;
};

class maker final : public spawn_client {
 public:
  maker(spawn_book& book, const cluster& all, spawn_book::host_records& at)
      : spawn_client("maker", book, all),
        at_(at),
        lives_(one_in(2) ? never : draw_between(second, 10 * second)) {
    at.makers.push_back(std::make_unique<spawn_book::maker_record>());
    mine_ = at.makers.back().get();
    mine_->number = the_ledger().next();
  }

 private:
  runtime::outcome on_start(process& self) override {
    self.trap_exit(true);
    begun_ = self.now();
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    behaviours::gen::exit_notice exit;
    if (behaviours::gen::read_exit(self, m, exit)) {
      const std::string text = text_of(exit.from, self.host().nodes());
      the_ledger().end_told(mine_->number, "link " + text);
      mine_->made.erase(text);
      return runtime::carry_on();
    }
    etf::cursor in(m.bytes());
    if (in.read_tuple_of(5) && in.read_atom_is("DOWN")) {
      const auto ref = runtime::read_reference(in, self.host().nodes());
      const auto who =
          ref && in.read_atom_is("process") ? runtime::read_pid(in, self.host().nodes()) : std::nullopt;
      if (!who) the_ledger().broken("a 'DOWN' names a process: " + etf::print(m.bytes()));
      the_ledger().end_told(mine_->number, to_text(*ref, self.host().nodes()));
      const std::string text = text_of(*who, self.host().nodes());
      if (text != monitored_[to_text(*ref, self.host().nodes())])
        the_ledger().broken("a 'DOWN' names the process that was made: " + etf::print(m.bytes()));
      mine_->made.erase(text);
      return runtime::carry_on();
    }
    if (!etf::cursor(m.bytes()).read_atom_is("go"))
      the_ledger().broken("a spawn is answered once: besides came " + etf::print(m.bytes()));
    if (the_ledger().quiet) {
      if (the_ledger().over) end_all(self);
      self.remind(self.now() + second, message::atom("go"));
      return runtime::carry_on();
    }
    if (self.now() - begun_ > lives_) return end(self);
    act(self);
    if (!self.exiting()) go_on(self);
    return runtime::carry_on();
  }
  // Its processes end with it if they are linked. Another maker takes its place.
  runtime::outcome end(process& self) {
    tell("a maker ends, of which live {} processes", mine_->made.size());
    mine_->over = true;
    the_ledger().forget(mine_->number);
    const auto made = self.spawn({.label = "maker"}, std::make_unique<maker>(book_, all_, at_));
    if (!made) give_up("a workload's process does not start: " + made.error().text);
    return runtime::stop(message::atom("spent"));
  }
  void act(process& self) {
    if (!known_.empty() && (known_.size() >= most_made || one_in(3))) {
      const std::size_t at = draw_below(known_.size());
      const runtime::pid one = known_[at];
      if (one_in(3)) return ask(self, one);
      known_.erase(known_.begin() + static_cast<std::ptrdiff_t>(at));
      return end(self, one);
    }
    make(self);
  }
  void end(process& self, const runtime::pid& one) {
    tell("a maker ends {}", text_of(one, self.host().nodes()));
    self.exit(one, one_in(2) ? message::atom("over") : runtime::reasons::kill());
  }
  void end_all(process& self) {
    for (const runtime::pid& one : std::exchange(known_, {})) end(self, one);
  }
  void ask(process& self, const runtime::pid& one) {
    const auto answer = behaviours::gen::call(self, one, message::atom("size"), base::mono_now() + second);
    the_ledger().call_ended(answer.has_value());
    if (answer && etf::print(answer->bytes()) != "0")
      the_ledger().broken("an answer is of its call: " + etf::print(answer->bytes()));
  }
  void make(process& self) {
    const auto node = other_node(self);
    if (!node) return;
    message_writer arguments;
    arguments.list(1);
    const bool allowed = !one_in(10);
    arguments.atom(allowed ? actor : "kv:nothing");
    arguments.nil();
    runtime::remote_spawn what;
    what.node = *node;
    what.module = "coppice";
    what.function = "spawn";
    what.arity = 1;
    what.arguments = arguments.view();
    what.link = book_.always_links || one_in(2);
    what.monitor = one_in(2);
    const auto ref = self.spawn_at(what);
    const std::string key = to_text(ref, self.host().nodes());
    const nanos patience = one_in(3) ? draw_between(0, 20 * millisecond) : longest_spawn;
    const nanos begun = now();
    tell("a maker has {} spawned on {}{}{} by {}", allowed ? actor : "nothing",
         self.host().nodes().name(*node), what.link ? ", linked" : "", what.monitor ? ", monitored" : "",
         key);
    const auto answer = self.await(ref, base::mono_now() + patience);
    if (self.exiting()) return;
    if (now() - begun > patience + second) the_ledger().broken("a spawn ends by its deadline");
    if (!answer) {
      tell("the spawn by {} failed: {}", key,
           answer.error().reason ? etf::print(answer.error().reason.bytes()) : "no answer in time");
      return;
    }
    tell("the spawn by {} is answered: {}", key, etf::print(answer->bytes()));
    etf::cursor in(answer->bytes());
    const auto who = runtime::read_pid(in, self.host().nodes());
    if (!who) return check_refusal(allowed, answer->bytes());
    if (!allowed || who->node != *node)
      the_ledger().broken("a spawn is answered with a process of that node, if it is allowed there");
    the_ledger().spawned();
    const std::string text = text_of(*who, self.host().nodes());
    if (!mine_->made.insert(text).second) the_ledger().broken("a spawn makes a process of its own: " + text);
    known_.push_back(*who);
    if (what.link) the_ledger().watches(mine_->number, "link " + text);
    if (what.monitor) {
      the_ledger().watches(mine_->number, key);
      monitored_[key] = text;
    }
    if (one_in(4)) {
      known_.pop_back();
      end(self, *who);
    }
  }
  // A node that starts has no plugins yet.
  static void check_refusal(bool allowed, etf::bytes answer) {
    const std::string text = etf::print(answer);
    if (text != "not_allowed" && text != "badarg")
      the_ledger().broken("a spawn is answered with a process, or why there is none: " + text);
    if (allowed && text == "not_allowed") the_ledger().broken("a spawn that is allowed is not refused");
  }

  spawn_book::host_records& at_;
  spawn_book::maker_record* mine_ = nullptr;
  nanos lives_;
  nanos begun_ = 0;
  std::vector<runtime::pid> known_;              // not told to end yet
  std::map<std::string, std::string> monitored_; // processes, by the text of the reference
};

class asker final : public spawn_client {
 public:
  asker(spawn_book& book, const cluster& all, spawn_book::host_records& at)
      : spawn_client("asker", book, all), at_(at) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    etf::cursor in(m.bytes());
    std::uint32_t arity = 0;
    std::string_view what;
    if (!in.read_tuple(arity)) {
      if (the_ledger().quiet) return runtime::carry_on();
      act(self);
      go_on(self);
      return runtime::carry_on();
    }
    if (!in.read_atom(what)) return runtime::carry_on();
    if (what == "DOWN") return down(self, in);
    std::int64_t number = 0;
    if (!in.read_integer(number)) return runtime::carry_on();
    if (!at_.aliases.contains(number))
      the_ledger().broken(fmt::format("an alias is of one life of its node: {} is not", number));
    spawn_book::alias_record& one = at_.aliases[number];
    if (what == "back") {
      take_back(self, number);
    } else if (what == "fence") {
      one.taken_back = true;
    } else if (what == "told") {
      the_ledger().alias_answered();
      tell("an answer comes to alias {}", number);
      if (one.taken_back)
        the_ledger().broken(fmt::format("an alias that was taken back gets nothing: {}", number));
      if (++one.came > 1 && one.once)
        the_ledger().broken(fmt::format("an alias for one answer gets one: {} gets another", number));
      if (one.down && one.until != alias_until::unalias)
        the_ledger().broken(
            fmt::format("an alias ends with its monitor: {} gets an answer after its 'DOWN'", number));
    }
    return runtime::carry_on();
  }
  runtime::outcome down(process& self, etf::cursor in) {
    const auto ref = runtime::read_reference(in, self.host().nodes());
    const auto found = ref ? numbers_.find(to_text(*ref, self.host().nodes())) : numbers_.end();
    if (found == numbers_.end()) the_ledger().broken("a 'DOWN' is of a monitor");
    spawn_book::alias_record& one = at_.aliases[found->second];
    tell("the monitor of alias {} fires", found->second);
    if (one.down) the_ledger().broken(fmt::format("a monitor fires once: that of alias {}", found->second));
    one.down = true;
    if (one.until == alias_until::reply && one.came > 0)
      the_ledger().broken(
          fmt::format("the answer to an alias ends its monitor: {} is told of the end", found->second));
    if (one.taken_back && one.until != alias_until::unalias)
      the_ledger().broken(
          fmt::format("a monitor that was taken back does not fire: that of alias {}", found->second));
    return runtime::carry_on();
  }
  void act(process& self) {
    const unsigned host = 1 + static_cast<unsigned>(draw_below(all_.hosts()));
    auto to = destination::named("mirror");
    if (all_.name(host) != self.host().node_name()) {
      const auto index = self.host().nodes().intern(all_.name(host));
      if (!index) return;
      to = destination::remote("mirror", *index);
    }
    const auto number = static_cast<std::int64_t>(the_ledger().next());
    spawn_book::alias_record& one = at_.aliases[number];
    runtime::reference ref;
    const std::uint64_t kind = draw_below(5);
    if (kind < 2) {
      one.once = kind == 1;
      ref = self.make_alias(one.once);
    } else {
      one.monitors = true;
      one.until = kind == 2 ? alias_until::unalias : kind == 3 ? alias_until::demonitor : alias_until::reply;
      one.once = one.until == alias_until::reply;
      runtime::monitor_options how;
      how.alias = one.until;
      ref = self.monitor(to, std::move(how));
      numbers_[to_text(ref, self.host().nodes())] = number;
    }
    refs_[number] = ref;
    const auto times = static_cast<std::int64_t>(1 + draw_below(3));
    const auto delay = static_cast<std::int64_t>(one_in(2) ? 0 : draw_below(300));
    tell("alias {} of kind {} is given to the mirror of host {}, to be told {} times after {} ms", number,
         kind, host, times, delay);
    message_writer out;
    out.tuple(5);
    out.atom("ask");
    out.integer(number);
    write(out, ref, self.host().nodes());
    out.integer(times);
    out.integer(delay);
    self.send(to, out.take());
    if (one.until == alias_until::reply && one_in(2)) return; // waits for the answer, however long it takes
    message_writer back;
    back.tuple(2);
    back.atom("back");
    back.integer(number);
    if (one_in(4)) return take_back(self, number);
    self.remind(self.now() + draw_between(0, 400 * millisecond), back.take());
  }
  // What had come to the alias before is in the mailbox, ahead of what this process now sends to itself.
  void take_back(process& self, std::int64_t number) {
    spawn_book::alias_record& one = at_.aliases[number];
    tell("alias {} is taken back", number);
    const runtime::reference ref = refs_[number];
    if (one.monitors && one.until != alias_until::unalias)
      self.demonitor(ref, true);
    else
      self.unalias(ref);
    message_writer out;
    out.tuple(2);
    out.atom("fence");
    out.integer(number);
    self.send(destination(self.self()), out.take());
  }

  spawn_book::host_records& at_;
  std::map<std::int64_t, runtime::reference> refs_;
  std::map<std::string, std::int64_t> numbers_; // of monitors, by the text of the reference
};

} // namespace

spawn_book& make_spawn_book() {
  return *new spawn_book; // NOLINT: never destroyed
}

void add_spawns(spawn_book& book, cluster& all, unsigned host) {
  book.at[host] = std::make_unique<spawn_book::host_records>();
  add_process(all, host, "mirror", std::make_unique<mirror>());
  add_process(all, host, "maker", std::make_unique<maker>(book, all, *book.at[host]));
  add_process(all, host, "asker", std::make_unique<asker>(book, all, *book.at[host]));
}

void lose_spawns(spawn_book& book, unsigned host) {
  for (const auto& one : book.at[host]->makers) {
    one->over = true;
    the_ledger().forget(one->number);
  }
  book.former.push_back(std::move(book.at[host]));
}

void check_spawns(spawn_book& book, cluster& all) {
  the_ledger().check_all_told();
  for (unsigned host = 1; host <= all.hosts(); ++host) {
    for (const auto& [number, one] : book.at[host]->aliases)
      if (one.until == alias_until::reply && !one.taken_back && one.came + (one.down ? 1 : 0) != 1)
        the_ledger().broken(
            fmt::format("a request over an alias ends once, by its answer or the end: {}, {} answers, {}",
                        number, one.came, one.down ? "the end" : "no end"));
    const on_host here(host);
    for (const auto& one : all.at(host)->snapshots().processes())
      if (one.label.starts_with(fmt::format("{} for ", actor)) && book.always_links)
        the_ledger().broken(
            fmt::format("a process that was made for another node ends with its maker: {} ({}) lives",
                        all.at(host)->snapshots().text_of(one.pid), one.label));
  }
}

} // namespace coppice::simulated
