// SPDX-License-Identifier: MIT
// The workload of pools: each host has two pools under a supervisor of the workload (the hall) and one of its
// configuration, whose workers are actors of the bundled plugin `relay`, which is reloaded. Customers of all
// hosts use them (pool_customers.hpp). A killer ends workers, pools and the supervisors between them. A
// manager and operators change sizes and options. Invariants: those of pool_customers.hpp and pool_log.hpp.
// After the faults every pool has the workers that it should have, all of them run, nothing waits, every host
// is answered, and the counters of a pool account for each request that was sent to it.
// rooms: control
#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "../machine/story.hpp"
#include "actors.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/pool/pool.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "node/instance/snapshots.hpp"
#include "operators.hpp"
#include "pool_customers.hpp"
#include "pool_log.hpp"
#include "pool_workers.hpp"
#include "reloads.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr nanos longest_change = 120 * second; // of a pool's size

// Ends workers, pools and the supervisors of workers.
class killer final : public native_server {
 public:
  explicit killer(hall& in) : native_server("killer"), in_(in) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    const std::size_t place = draw_below(pools_of_host);
    const pool_plan& plan = the_pool_log().plans[place];
    if (plan.kills) one_in(8) ? end_pool(self, plan) : end_worker(self, place);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + (one_in(3) ? draw_between(0, 5 * millisecond)
                                        : draw_between(5 * millisecond, 800 * millisecond)),
                message::atom("go"));
  }
  static void end_pool(process& self, const pool_plan& plan) {
    tell("{} is killed", plan.name);
    if (const auto whom = self.host().whereis(plan.name)) self.exit(*whom, runtime::reasons::kill());
  }
  void end_worker(process& self, std::size_t place) {
    auto& all = in_.begun[place];
    std::erase_if(all, [&](const auto& one) { return !self.host().alive(one.worker); });
    if (all.empty()) return;
    const auto& one = all[draw_below(all.size())];
    if (one.above && one_in(10)) {
      tell("the supervisor of the workers of {} is killed", the_pool_log().plans[place].name);
      self.exit(one.above, runtime::reasons::kill());
      return;
    }
    tell("a worker of {} is killed", the_pool_log().plans[place].name);
    self.exit(one.worker, one_in(2) ? runtime::reasons::kill() : message::atom("crash"));
  }

  hall& in_;
};

// Changes the sizes and options of the pools in the hall.
class manager final : public native_server {
 public:
  explicit manager(hall& in) : native_server("manager"), in_(in) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    in_.complete = in_.complete || (self.host().whereis("pool_1") && self.host().whereis("pool_2"));
    const std::size_t place = draw_below(relayed);
    pool_plan& plan = the_pool_log().plans[place];
    const auto pid = self.host().whereis(plan.name);
    if (in_.complete && plan.resizes && pid) {
      pool_life& life = the_pool_log().life_of(in_.host, place, to_text(*pid, self.host().nodes()));
      one_in(3) ? give_options(self, plan, life, *pid) : resize(self, plan, life, *pid);
    }
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(millisecond, one_in(2) ? 20 * millisecond : 2 * second),
                message::atom("go"));
  }
  static void resize(process& self, const pool_plan& plan, pool_life& life, const runtime::pid& pool) {
    const std::uint32_t size = 1 + static_cast<std::uint32_t>(draw_below(6));
    tell("{} is to have {} workers", plan.name, size);
    if (change(self, plan, life, pool, behaviours::pool::resize_request(size))) life.size = size;
  }
  void give_options(process& self, pool_plan& plan, pool_life& life, const runtime::pid& pool) {
    behaviours::pool_spec options = plan.options;
    const std::uint32_t size = 1 + static_cast<std::uint32_t>(draw_below(5));
    change_options(plan, options, size);
    tell("{} is to have other options, and {} to {} workers", plan.name, size, options.max);
    const auto to = child_of(plan, options, size);
    if (!change(self, plan, life, pool, in_.orders.add(to->kind->order_for(to).value().what))) return;
    // A size by hand stays if neither number of the options changes.
    if (size != life.configured || options.max != life.most) life.size = size;
    life.configured = size;
    life.most = options.max;
  }
  static bool change(process& self, const pool_plan& plan, pool_life& life, const runtime::pid& pool,
                     message request) {
    ++life.open;
    const auto result =
        behaviours::call_engine(self, pool, std::move(request), base::mono_now() + longest_change);
    if (self.exiting()) return false;
    --life.open;
    life.changed = simulated::now();
    if (!result && result.error().what == behaviours::gen::call_error::kind::timeout)
      the_ledger().broken("a change of a pool is answered: not by " + plan.name);
    const std::string answer = result ? etf::print(result->bytes()) : std::string("nothing");
    tell("{} answered the change with {}", plan.name, answer);
    the_ledger().change_ended(answer == "ok");
    return answer == "ok";
  }

  hall& in_;
};

class pools final : public workload {
 public:
  pools() : hosts_(draw_hosts(2, 3)) {
    for (std::size_t place = 0; place < pools_of_host; ++place) {
      const pool_plan& plan = log_.plans.emplace_back(any_plan(place));
      tell("{}{}{}{}{}{}, mailbox {}: {}", plan.own_callers ? "own callers, " : "",
           plan.decides ? "decides, " : "", plan.kills ? "kills, " : "", plan.crashes ? "crashes, " : "",
           plan.resizes ? "resizes, " : "", plan.name, plan.mailbox, as_yaml(plan));
    }
  }

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned) const override { return as_yaml(log_.plans[relayed]); }
  void populate(cluster& all, unsigned host) override {
    add_load(all, host);
    auto* const in = new hall(all, host); // NOLINT: never destroyed, see hall
    add_hall(all, *in);
    add_process(all, host, "manager", std::make_unique<manager>(*in));
    add_process(all, host, "killer", std::make_unique<killer>(*in));
    for (std::uint64_t count = 1 + draw_below(4); count > 0; --count) add_customer(all, host);
  }
  void lost(unsigned host) override { reloads_.lost(host); }
  void look(cluster& all) override {
    const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
    if (all.at(host) == nullptr) return;
    if (one_in(2)) ask_operator(all, host);
    if (log_.plans[relayed].resizes) reloads_.maybe(all, host, "relay");
  }
  void check(cluster& all) override {
    reloads_.check_answered(hosts_);
    for (unsigned host = 1; host <= hosts_; ++host) {
      for (std::size_t place = 0; place < pools_of_host; ++place) check_pool(all, host, place);
      check_processes(all, host);
    }
    for (unsigned host = 1; host <= hosts_; ++host)
      for (unsigned from = 1; from <= hosts_; ++from)
        for (std::size_t place = 0; place < pools_of_host; ++place) check_answer(all, from, host, place);
  }

 private:
  // Shows a pool, or changes the size of the one that the node's configuration has.
  void ask_operator(cluster& all, unsigned host) {
    const pool_plan& plan = log_.plans[draw_below(pools_of_host)];
    question one{.asked = {"pool", {{"name", plan.name}}}, .may_fail = true};
    if (plan.relays && plan.resizes) one.asked.arguments["size"] = 1 + draw_below(6);
    add_operator(all, host, {std::move(one)}, one_in(3));
  }

  void check_pool(cluster& all, unsigned host, std::size_t place) {
    const pool_plan& plan = log_.plans[place];
    const std::string where = fmt::format("{} of host {}", plan.name, host);
    auto has = all.report(host, plan.name);
    if (has["queued"] != "0" || has["held"] != "0")
      the_ledger().broken(fmt::format("after the faults nothing waits: {} says {} queued, {} held", where,
                                      has["queued"], has["held"]));
    const std::string told = all.ask(host, plan.name, "count_children", 10 * second);
    const std::string wanted =
        fmt::format("[{{specs,{0}}},{{active,{0}}},{{supervisors,0}},{{workers,{0}}}]", has["size"]);
    if (told != wanted)
      the_ledger().broken(fmt::format("after the faults all workers run: {} has {}", where, told));
    if (plan.relays) return;
    const pool_life& life = life_of(all, host, place);
    if (has["size"] != std::to_string(life.size))
      the_ledger().broken(
          fmt::format("a pool has the workers that it was told to have: {} has {}, and not {}", where,
                      has["size"], life.size));
    if (!plan.own_callers || plan.broadcasts()) return;
    std::uint64_t ended = 0;
    for (const char* one : {"handled", "rejected", "expired", "lost"}) ended += std::stoull(has[one]);
    if (ended != life.sent)
      the_ledger().broken(
          fmt::format("no request is lost: of {} to {}, {} were handled, {} rejected, {} expired, {} lost",
                      life.sent, where, has["handled"], has["rejected"], has["expired"], has["lost"]));
  }
  pool_life& life_of(cluster& all, unsigned host, std::size_t place) {
    const on_host here(host);
    const auto found = all.at(host)->snapshots().info(log_.plans[place].name);
    if (!found) the_ledger().broken("after the faults every pool runs: not " + log_.plans[place].name);
    return log_.life_of(host, place, to_text(found->summary.pid, all.at(host)->runtime().nodes()));
  }
  // No process of a pool that has ended is left.
  void check_processes(cluster& all, unsigned host) {
    std::size_t wanted = 1;
    for (std::size_t place = 0; place < relayed; ++place) wanted += 2 + life_of(all, host, place).size;
    const on_host here(host);
    std::size_t there = 0;
    for (const runtime::process_summary& one : all.at(host)->snapshots().processes())
      if (one.label.starts_with(hall_name)) ++there;
    if (there != wanted)
      the_ledger().broken(fmt::format(
          "the workers of a pool end with it: host {} has {} processes, and not {}", host, there, wanted));
  }
  void check_answer(cluster& all, unsigned from, unsigned host, std::size_t place) {
    const pool_plan& plan = log_.plans[place];
    const std::uint64_t number = log_.asks(0, place, nullptr, 1);
    const std::string work = fmt::format("{{work,1,0,{}}}", number);
    const std::string told =
        all.ask(from, fmt::format("{}@{}", plan.name, all.name(host)),
                plan.relays ? fmt::format("{{relay,desk,{}}}", work) : work, 10 * second);
    const std::string wanted =
        plan.broadcasts() ? std::string("{error,broadcast}") : fmt::format("{{done,{}}}", number);
    if (told != wanted)
      the_ledger().broken(
          fmt::format("after the faults every pool answers every host: {} of host {} said {} to "
                      "host {}",
                      plan.name, host, told, from));
  }

  unsigned hosts_;
  pool_log& log_ = the_pool_log();
  reloads reloads_;
};

} // namespace

std::unique_ptr<workload> make_pools() {
  return std::make_unique<pools>();
}

} // namespace coppice::simulated
