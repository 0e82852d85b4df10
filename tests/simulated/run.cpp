// SPDX-License-Identifier: MIT
// See run.hpp.
// rooms: node
#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/promise.hpp"
#include "cluster.hpp"
#include "machine/network.hpp"
#include "machine/sockets.hpp"
#include "workloads/actors.hpp"
#include "workloads/ledger.hpp"

namespace coppice::simulated {
namespace {

constexpr nanos begins_at = 1'000 * second;
constexpr nanos time_to_settle = 60 * second; // after the last fault: several times the net tick
constexpr std::array<std::string_view, 4> workloads{"calls", "casts", "watches", "mixed"};

mixture choose(std::string_view only) {
  if (only.empty()) only = workloads[draw_below(workloads.size())];
  const bool all = only == "mixed";
  return {all || only == "calls", all || only == "casts", all || only == "watches"};
}

void await_ready(cluster& all, unsigned host) {
  const auto told = std::make_shared<base::promise<bool>>();
  auto ready = told->result();
  all.at(host)->when_ready([told](const base::status& outcome) { told->give(outcome.has_value()); });
  if (!ready.take_within(std::chrono::seconds(30)).value_or(false))
    give_up(fmt::format("invariant: a node becomes ready: host {} did not", host));
}

class faults {
 public:
  faults(cluster& all, const mixture& does) : all_(all), does_(does) {
    for (unsigned one = 1; one <= all_.hosts(); ++one) populate(one);
  }

  void happen() {
    const unsigned one = any();
    const unsigned other = any();
    switch (draw_below(5)) {
      case 0:
        cut(one, other);
        if (!one_in(4)) cut(other, one);
        break;
      case 1:
        heal(one, other);
        heal(other, one);
        break;
      case 2:
        reset_connections(one, other);
        break;
      case 3:
        if (all_.at(one) != nullptr)
          kill(one);
        else
          revive(one);
        break;
      default:
        if (all_.at(one) != nullptr) ask(one, other);
        break;
    }
  }
  void end() {
    heal_all();
    for (unsigned one = 1; one <= all_.hosts(); ++one)
      if (all_.at(one) == nullptr) revive(one);
  }

 private:
  unsigned any() const { return 1 + static_cast<unsigned>(draw_below(all_.hosts())); }
  void populate(unsigned host) {
    await_ready(all_, host);
    add_load(all_, host);
    for (std::uint64_t count = 1 + draw_below(3); count > 0; --count)
      clients_[host].push_back(add_client(all_, host, does_));
  }
  void kill(unsigned host) {
    all_.kill(host);
    for (const std::uint64_t one : std::exchange(clients_[host], {})) the_ledger().forget(one);
  }
  void revive(unsigned host) {
    all_.start(host);
    populate(host);
  }
  // A call by the node's own interface ends, whatever it comes to.
  void ask(unsigned from, unsigned to) {
    if (all_.ask(from, "kv@" + all_.name(to), "size", second) == "never told")
      the_ledger().broken("a call of an operator ends by its deadline");
  }

  cluster& all_;
  mixture does_;
  std::array<std::vector<std::uint64_t>, most_hosts> clients_;
};

void check_that_all_answer(cluster& all) {
  for (unsigned from = 1; from <= all.hosts(); ++from)
    for (unsigned to = 1; to <= all.hosts(); ++to) {
      const std::string told = all.ask(from, "kv@" + all.name(to), "size", 10 * second);
      if (told != "0")
        the_ledger().broken(fmt::format("after the faults every node answers: {} asked {} and got {}",
                                        all.name(from), all.name(to), told));
    }
}

} // namespace

bool is_workload(const char* name) {
  return std::ranges::find(workloads, std::string_view(name)) != workloads.end();
}

result run(const task& what) {
  begin({what.seed, what.trace});
  prepare_network();
  setenv("COPPICE_PLUGIN_HOST", "/plugin-host", 1);
  base::log::options log;
  log.level = base::log::level::warning;
  log.format = base::log::format::text;
  base::log::start(log);

  cluster all(2 + static_cast<unsigned>(draw_below(2)), ".");
  faults troubles(all, choose(what.only.data()));
  const nanos until = now() + what.length;
  while (now() < until) {
    let_pass(one_in(4) ? draw_between(0, millisecond) : draw_between(10 * millisecond, 3 * second));
    troubles.happen();
  }
  troubles.end();
  the_ledger().quiet = true;
  let_pass(time_to_settle);
  check_that_all_answer(all);
  the_ledger().check_all_told();
  for (unsigned one = 1; one <= all.hosts(); ++one) all.stop(one);
  return {trace_hash(), steps(), now() - begins_at, the_ledger().seen()};
}

} // namespace coppice::simulated
