// SPDX-License-Identifier: MIT
// The workload of stages: each host has producers, a stage in the middle, consumers, and the bundled
// plugin's counter, which is reloaded. Consumers subscribe to producers of any host, are slow, ask
// automatically or by hand, cancel, and have small mailboxes. Producers emit what they are asked for, or
// more, or hold demand back. A keeper takes the place of a supervisor for all stages but the counter: it
// kills stages and starts the missing ones. Invariants: see stage_log.hpp and README.md.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
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
#include "actors.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/stage/process_port.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "reloads.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "stage_log.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::dispatcher;
using behaviours::native_server;
using behaviours::process_port;
using behaviours::stage_engine;
using behaviours::stage_role;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::string_view counter = "counter"; // an actor of the plugin `numbers`
constexpr std::uint64_t partitions = 3;

struct place {
  std::string_view name;
  stage_role role;
};
constexpr std::array<place, 6> places{{{"source_1", stage_role::producer},
                                       {"source_2", stage_role::producer},
                                       {"middle", stage_role::producer_consumer},
                                       {"sink_1", stage_role::consumer},
                                       {"sink_2", stage_role::consumer},
                                       {"sink_3", stage_role::consumer}}};

// The process as its own node writes it, which is also how other nodes write it.
std::string key_of(const runtime::pid& who, const process& self) {
  message_writer out;
  write(out, who, self.host().nodes());
  const message written = out.take();
  etf::cursor in(written.bytes());
  etf::pid read;
  in.read_pid(read);
  return fmt::format("{}.{}.{}.{}", read.node, read.creation, read.id, read.serial);
}

std::string key_of(etf::bytes tag) {
  return {reinterpret_cast<const char*>(tag.data()), tag.size()};
}

// The tag in {Pid, Tag}.
std::string tag_of(const message& party) {
  etf::cursor in(party.bytes());
  in.read_tuple_of(2);
  in.skip();
  return key_of(in.rest());
}

behaviours::stage_options any_options(stage_role role) {
  behaviours::stage_options out = behaviours::default_options(role);
  if (role == stage_role::consumer) return out;
  constexpr std::array kinds{dispatch_kind::demand, dispatch_kind::demand, dispatch_kind::broadcast,
                             dispatch_kind::callback};
  out.dispatcher.what = kinds[draw_below(kinds.size())];
  if (one_in(3)) out.buffer.size = draw_below(20);
  if (one_in(3)) out.buffer.keep = behaviours::buffer_keep::first;
  if (one_in(4)) out.backlog_bytes = 500 + draw_below(2000);
  if (role == stage_role::producer && one_in(4)) out.demand_step = 1 + draw_below(10);
  if (role == stage_role::producer && one_in(6)) out.demand = behaviours::demand_mode::accumulate;
  return out;
}

class stage final : public native_server {
 public:
  stage(const cluster& of, unsigned host, stage_log& log, const place& is)
      : native_server(std::string(is.name)), of_(of), host_(host), log_(log), is_(is), port_(*this) {}
  std::optional<behaviours::peer_requests> from_peers() const override { return std::nullopt; }

 private:
  class port final : public process_port {
   public:
    explicit port(stage& of) : of_(of) {}
    runtime::outcome handle_demand(std::uint64_t count) override {
      of_.wanted(count);
      return runtime::carry_on();
    }
    runtime::outcome handle_events(const message& events, const message& from) override {
      return of_.take(events, from);
    }
    runtime::outcome handle_subscribe(peer what, const message&, const message& from, bool& manual) override {
      if (what == peer::producer) manual = of_.has_subscribed(from);
      return runtime::carry_on();
    }
    runtime::outcome handle_cancel(bool, const message&, const message& from) override {
      of_.links_.erase(tag_of(from));
      the_ledger().subscription_ended();
      return runtime::carry_on();
    }
    dispatcher::outlet::choice choose(const message& event, std::uint64_t& partition) override {
      using choice = dispatcher::outlet::choice;
      std::int64_t number = 0;
      etf::cursor(event.bytes()).read_integer(number);
      partition = static_cast<std::uint64_t>(number) % partitions;
      return number % 7 == 0 ? choice::none : choice::index;
    }
    bool format_discarded(std::uint64_t count) override {
      of_.source_->dropped += count;
      return false;
    }

   private:
    stage& of_;
  };
  // A subscription of this stage to a producer.
  struct link {
    message party;
    bool manual = false;
    bool to_plugin = false;
  };

  runtime::outcome on_start(process& self) override {
    self_ = &self;
    own_ = key_of(self.self(), self);
    port_.attach(self);
    behaviours::stage_options how = any_options(is_.role);
    if (is_.role != stage_role::consumer) source_ = &log_.begin(own_, how.dispatcher.what);
    round_ = log_.round;
    eager_ = one_in(2);
    engine_ =
        std::make_unique<stage_engine>(is_.role, std::move(how), self.self(), self.host().nodes(), port_);
    go_on(self);
    return engine_->start();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    look_at(m);
    if (auto next = port_.take_message(*engine_, m)) {
      if (self.exiting()) return runtime::carry_on();
      audit();
      return std::move(*next);
    }
    if (!etf::cursor(m.bytes()).read_atom_is("go"))
      the_ledger().broken(
          fmt::format("a stage's messages are the engine's: {} got {}", is_.name, etf::print(m.bytes())));
    runtime::outcome next = act(self);
    if (self.exiting() || next.stops()) return next;
    audit();
    go_on(self);
    return next;
  }
  static void go_on(process& self) {
    const nanos pause = the_ledger().quiet ? draw_between(second, 2 * second)
                        : one_in(8)        ? draw_between(0, 2 * millisecond)
                                           : draw_between(millisecond, 800 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }

  // Records a message of the protocol, before the engine handles it.
  void look_at(const message& m) {
    using kind = behaviours::stage_message::kind;
    const auto what = behaviours::read_stage_message(m.bytes(), self_->host().nodes());
    if (!what || what->what == kind::other) return;
    const std::string tag = key_of(what->from.tag);
    if (what->what == kind::events) {
      const auto events = behaviours::event_list::of(m.slice(what->content));
      if (!events) the_ledger().broken("events are a list");
      if (!engine_knows(tag)) return; // from a subscription that has ended
      log_.came(tag, key_of(what->from.pid, *self_), events->count());
    } else if (what->to == behaviours::stage_message::side::to_producer && what->what != kind::cancel) {
      std::uint64_t count = 0;
      if (what->what == kind::ask) etf::cursor(what->content).read_unsigned(count);
      log_.asked(tag, count);
    }
  }
  bool engine_knows(const std::string& tag) const { return links_.contains(tag); }
  void audit() {
    for (const behaviours::stage_subscription& one : engine_->subscriptions())
      if (!one.upstream) log_.passed(tag_of(one.party), one.flow.passed);
    if (source_ != nullptr) log_.counted(own_, engine_->counters(), demand());
    if (!log_.ends) return;
    stage_end how{
        fmt::format("{} of host {}", is_.name, host_), is_.role, engine_->counters(), {}, unasked()};
    for (const behaviours::stage_subscription& one : engine_->subscriptions())
      how.rows[tag_of(one.party)] = {one.upstream, one.flow.passed, one.backlog};
    log_.ended(own_, std::move(how));
  }

  // The demand of this producer's consumers for which it was not asked.
  std::uint64_t unasked() const { return demand() - std::min(demand(), pending_); }
  // The number of events that its consumers can take.
  std::uint64_t demand() const {
    const bool to_all = source_ != nullptr && source_->kind == dispatch_kind::broadcast;
    std::optional<std::uint64_t> wanted;
    for (const behaviours::stage_subscription& one : engine_->subscriptions()) {
      if (one.upstream) continue;
      const std::uint64_t its = one.flow.asked - std::min(one.flow.asked, one.flow.passed);
      wanted = !wanted ? its : to_all ? std::min(*wanted, its) : *wanted + its;
    }
    return wanted.value_or(0);
  }

  runtime::outcome act(process& self) {
    runtime::outcome next = runtime::carry_on();
    if (is_.role == stage_role::producer) {
      next = produce();
    } else {
      if (!log_.settled && links_.size() < (the_ledger().quiet ? 1 : 3)) next = subscribe(self);
      if (!next.stops() && !self.exiting()) ask();
    }
    if (!the_ledger().quiet && !next.stops() && one_in(30)) cancel();
    return next;
  }

  // ---- as a producer ----

  void wanted(std::uint64_t count) {
    pending_ += count;
    if (eager_ && !the_ledger().quiet) emit(1 + draw_below(std::min<std::uint64_t>(pending_, 20)));
  }
  runtime::outcome produce() {
    if (the_ledger().quiet) {
      const bool again = std::exchange(round_, log_.round) != log_.round;
      runtime::outcome next = forward(true);
      if (again && !next.stops()) emit(5);
      return next;
    }
    if (one_in(20)) return forward(one_in(2));
    // As in GenStage, events that are emitted on demand overtake events that were emitted while demand was
    // held back.
    if (engine_->counters().accumulating) return one_in(4) ? forward(true) : runtime::carry_on();
    if (one_in(4))
      emit(1 + draw_below(8)); // also without demand
    else if (pending_ > 0)
      emit(1 + draw_below(std::min<std::uint64_t>(pending_, 20)));
    return runtime::carry_on();
  }
  runtime::outcome forward(bool now) {
    message_writer out;
    out.tuple(2);
    out.atom("$demand");
    out.atom(now ? "forward" : "accumulate");
    auto next = engine_->cast(out.take().bytes());
    return next ? std::move(*next) : runtime::carry_on();
  }
  void emit(std::uint64_t count) {
    if (count == 0) return;
    pending_ -= std::min(pending_, count);
    tell("{} emits {} events", is_.name, count);
    message_writer out;
    out.list(static_cast<std::uint32_t>(count));
    for (std::uint64_t left = count; left > 0; --left) out.integer(++source_->emitted);
    out.nil();
    if (!engine_->emit(out.take())) the_ledger().broken("a list of events is one");
  }

  // ---- as a consumer ----

  runtime::outcome subscribe(process& self) {
    const auto to = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    const bool between = is_.role == stage_role::producer_consumer;
    constexpr std::array<std::string_view, 4> all{"source_1", "source_2", "middle", counter};
    const std::string_view name = all[draw_below(between ? 2 : all.size())];
    to_plugin_ = name == counter;
    manual_ = to_plugin_ || (!between && one_in(3));
    const std::uint64_t most = 1 + draw_below(one_in(2) ? 10 : 100);
    const auto request =
        etf::parse(fmt::format("{{'$subscribe',nil,{{{},'{}'}},[{{cancel,{}}},{{max_demand,{}}},{{min_demand,"
                               "{}}},{{partition,{}}}]}}",
                               name, of_.name(to), one_in(6) ? "permanent" : "temporary", most,
                               draw_below(most), draw_below(partitions)));
    if (!request) give_up("a workload's request is no term");
    message reply;
    tell("{} subscribes to {} of host {}", is_.name, name, to);
    auto next = engine_->call(*request, reply);
    if (!next) give_up("a stage takes no subscription");
    return self.exiting() ? runtime::carry_on() : std::move(*next);
  }
  // Notes the subscription. Returns whether this stage asks by hand.
  bool has_subscribed(const message& party) {
    const std::string tag = tag_of(party);
    links_[tag] = {party, manual_, to_plugin_};
    if (to_plugin_) log_.begin_link_to_plugin(tag);
    return manual_;
  }
  void ask() {
    for (const auto& [tag, one] : links_) {
      if (!one.manual || (one.to_plugin && the_ledger().quiet)) continue;
      const std::uint64_t count = 1 + draw_below(20);
      log_.asks(tag, count);
      if (!engine_->ask(one.party.bytes(), count)) the_ledger().broken("a stage may ask its producer");
    }
  }
  void cancel() {
    const auto all = engine_->subscriptions();
    if (all.empty()) return;
    tell("{} cancels a subscription", is_.name);
    (void)engine_->cancel(all[draw_below(all.size())].party.bytes(), message::atom("enough").bytes());
  }
  runtime::outcome take(const message& events, const message& from) {
    const auto all = behaviours::event_list::of(events);
    if (!all) the_ledger().broken("events are a list");
    const std::string tag = tag_of(from);
    all->each([&](const message& event) {
      std::int64_t number = 0;
      if (!etf::cursor(event.bytes()).read_integer(number)) the_ledger().broken("an event arrives as it was");
      log_.given(tag, number);
    });
    tell("{} is given {} events", is_.name, all->count());
    if (is_.role == stage_role::producer_consumer) emit(one_in(5) ? draw_below(3) : all->count());
    if (!the_ledger().quiet && one_in(20))
      (void)call_of(*self_, of_, host_, "load",
                    fmt::format("{{call,{},{}}}", the_ledger().next(), draw_below(400)), second);
    return self_->exiting() ? runtime::stop(runtime::reasons::killed()) : runtime::carry_on();
  }

  const cluster& of_;
  unsigned host_;
  stage_log& log_;
  const place& is_;
  port port_;
  std::unique_ptr<stage_engine> engine_;
  process* self_ = nullptr;
  std::string own_;
  stage_source* source_ = nullptr; // null: the stage is a consumer
  bool eager_ = false;             // emits as soon as it is asked
  std::uint64_t pending_ = 0;      // events that were asked for and not emitted yet
  unsigned round_ = 0;
  std::map<std::string, link> links_; // by tag
  bool manual_ = false;               // for the subscription that begins
  bool to_plugin_ = false;
};

// Kills stages of its host, also the counter, and starts the missing ones.
class keeper final : public native_server {
 public:
  keeper(const cluster& of, unsigned host, stage_log& log)
      : native_server("keeper"), of_(of), host_(host), log_(log) {}

 private:
  runtime::outcome on_start(process& self) override {
    start_missing(self);
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go")) return runtime::carry_on();
    if (log_.settled) return runtime::carry_on();
    if (!the_ledger().quiet && one_in(2)) kill_one(self);
    start_missing(self);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(50 * millisecond, 3 * second), message::atom("go"));
  }
  static void kill_one(process& self) {
    const std::uint64_t which = draw_below(places.size() + 1);
    const std::string_view name = which == places.size() ? counter : places[which].name;
    const auto whom = self.host().whereis(name);
    tell("{} is killed", name);
    if (whom) self.exit(*whom, one_in(2) ? runtime::reasons::kill() : message::atom("crash"));
  }
  void start_missing(process& self) {
    for (const place& one : places) {
      if (self.host().whereis(one.name)) continue;
      runtime::spawn_options how;
      how.name = how.label = one.name;
      if (one.role != stage_role::producer && one_in(2))
        how.mailbox.messages = 1 + static_cast<std::uint32_t>(draw_below(10));
      (void)self.spawn(std::move(how), std::make_unique<stage>(of_, host_, log_, one));
    }
  }

  const cluster& of_;
  unsigned host_;
  stage_log& log_;
};

class pipelines final : public workload {
 public:
  pipelines() : hosts_(draw_hosts(2, 3)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned) const override {
    return fmt::format("        - {{ id: {0}, actor: \"numbers:{0}\", name: {0} }}\n", counter);
  }
  void populate(cluster& all, unsigned host) override {
    add_load(all, host);
    add_process(all, host, "keeper", std::make_unique<keeper>(all, host, log_));
  }
  void lost(unsigned host) override { reloads_.lost(host); }
  void look(cluster& all) override {
    const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
    reloads_.maybe(all, host, "numbers");
  }
  void check(cluster& all) override {
    log_.settled = true;
    let_pass(3 * second);
    ++log_.round;
    let_pass(10 * second);
    log_.ends = true;
    let_pass(3 * second);
    log_.check_ends();
    reloads_.check_answered(hosts_);
    for (unsigned host = 1; host <= hosts_; ++host) check_counter(all, host);
  }

 private:
  void check_counter(cluster& all, unsigned host) {
    auto has = all.report(host, counter);
    if (!has.contains("emitted"))
      the_ledger().broken(
          fmt::format("after the faults every node answers: the {} of host {}", counter, host));
    behaviours::stage_counters read;
    read.emitted = std::stoull(has["emitted"]);
    read.delivered = std::stoull(has["delivered"]);
    read.dropped = std::stoull(has["dropped"]);
    read.unrouted = std::stoull(has["unrouted"]);
    read.buffered = std::stoull(has["buffered"]);
    log_.counted(fmt::format("the {} of host {}", counter, host), read);
  }

  unsigned hosts_;
  reloads reloads_;
  stage_log& log_ = *new stage_log; // NOLINT: stages of a killed host never end
};

} // namespace

std::unique_ptr<workload> make_stages() {
  return std::make_unique<pipelines>();
}

} // namespace coppice::simulated
