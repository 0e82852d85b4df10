// SPDX-License-Identifier: MIT
// See run.hpp.
// rooms: node
#include "run.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "base/log.hpp"
#include "cluster.hpp"
#include "machine/disk.hpp"
#include "machine/hosts.hpp"
#include "machine/network.hpp"
#include "machine/sockets.hpp"
#include "workloads/ledger.hpp"
#include "workloads/workload.hpp"

namespace coppice::simulated {
namespace {

constexpr nanos begins_at = 1'000 * second;
constexpr nanos time_to_settle = 60 * second; // after the last fault: several times the net tick

class faults {
 public:
  faults(cluster& all, workload& does) : all_(all), does_(does) {
    for (unsigned one = 1; one <= all_.hosts(); ++one) populate(one);
  }

  void happen() {
    const unsigned one = any();
    const unsigned other = any();
    switch (draw_below(does_.has_trial() && in_trial_ == 0 ? 11 : 10)) {
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
      case 4:
        if (all_.at(one) != nullptr)
          kill(one);
        else
          revive(one);
        break;
      case 5:
        hurt_disk(one);
        break;
      case 6:
        mend_disk(one);
        break;
      case 9:
        trouble(one, other);
        break;
      case 10:
        try_workload();
        break;
      default:
        if (all_.at(one) != nullptr) ask(one, other);
        break;
    }
  }
  void end() {
    heal_all();
    for (unsigned one = 1; one <= all_.hosts(); ++one) {
      host_at(one).named = naming::good;
      host_at(one).most_open = no_limit;
      mend_disk(one);
      if (all_.at(one) == nullptr) revive(one);
    }
  }

  // How long the workload's own trial took. 0: there was none. A run has one at most.
  nanos in_trial() const { return in_trial_; }

 private:
  unsigned any() const { return 1 + static_cast<unsigned>(draw_below(all_.hosts())); }
  void populate(unsigned host) {
    all_.await_ready(host);
    does_.populate(all_, host);
  }
  void try_workload() {
    const nanos begun = now();
    end();
    does_.trial(all_);
    in_trial_ = now() - begun;
  }
  void kill(unsigned host) {
    const loss what = one_in(3) ? loss::program : loss::power;
    if (what == loss::power && !one_in(4)) await_sync(host);
    host_at(host).most_open = no_limit;
    all_.kill(host, what);
    does_.lost(host);
    sync_failed_[host] = false;
  }
  // Most losses of power come while the disk works, because that decides what is lost. Long syncs are hit
  // more often than short ones.
  static void await_sync(unsigned host) {
    const nanos until = now() + second;
    do {
      let_pass(draw_between(1, millisecond));
    } while (disk_of(host).syncing == 0 && now() < until);
  }
  void revive(unsigned host) {
    all_.start(host);
    populate(host);
  }
  void hurt_disk(unsigned host) {
    if (all_.at(host) == nullptr) return;
    host_disk& disk = disk_of(host);
    switch (draw_below(3)) {
      case 0:
        disk.full = true;
        break;
      case 1:
        disk.syncs_to_fail = 1 + static_cast<unsigned>(draw_below(3));
        sync_failed_[host] = true;
        break;
      default:
        disk.slow = draw_between(10 * millisecond, 500 * millisecond);
        break;
    }
    note("disk", host, disk.syncs_to_fail);
  }
  // The name server answers late or not, a host runs out of descriptors for a while, or its clock is set.
  void trouble(unsigned host, unsigned other) {
    switch (draw_below(3)) {
      case 0:
        host_at(other).named = static_cast<naming>(draw_below(3));
        note("named", other, static_cast<std::uint64_t>(host_at(other).named));
        break;
      case 1:
        if (all_.at(host) == nullptr) break;
        limit_descriptors(host, draw_below(4), draw_between(millisecond, 8 * second));
        note("descriptors", host);
        break;
      default:
        if (!does_.has_steady_clocks()) set_wall_clock(host, any_distance());
        break;
    }
  }
  static nanos any_distance() {
    return one_in(2) ? draw_between(-second, second) : draw_between(-3600 * second, 3600 * second);
  }
  // After a failed sync a log stays closed until its node is started again, so the node is restarted.
  void mend_disk(unsigned host) {
    heal_disk(host);
    if (!sync_failed_[host] || all_.at(host) == nullptr) return;
    kill(host);
    revive(host);
  }
  // A call by the node's own interface must end, with an answer or an error.
  void ask(unsigned from, unsigned to) {
    if (all_.ask(from, "kv@" + all_.name(to), "size", second) == "never told")
      the_ledger().broken("a call of an operator ends by its deadline");
  }

  cluster& all_;
  workload& does_;
  std::array<bool, most_hosts> sync_failed_{}; // true: a sync has failed or may fail
  nanos in_trial_ = 0;
};

} // namespace

result run(const task& what, const std::string& folder) {
  begin({what.seed, what.trace});
  prepare_network();
  setenv("COPPICE_PLUGIN_HOST", "/plugin-host", 1);
  base::log::options log;
  log.level = base::log::level::warning;
  log.format = base::log::format::text;
  base::log::start(log);

  const std::string_view chosen = choose_workload(what.only.data());
  fmt::print(stderr, "workload: {}\n", chosen);
  const auto does = make_workload(chosen);
  cluster all(does->hosts(), folder, does->meet(),
              [&does](const cluster& of, unsigned host) { return does->children(of, host); });
  faults troubles(all, *does);
  const nanos until = now() + what.length;
  while (now() - troubles.in_trial() < until) {
    let_pass(one_in(4) ? draw_between(0, millisecond) : draw_between(10 * millisecond, 3 * second));
    troubles.happen();
    does->look(all);
  }
  troubles.end();
  the_ledger().quiet = true;
  let_pass(time_to_settle);
  does->check(all);
  all.check_encryption();
  for (unsigned one = 1; one <= all.hosts(); ++one) all.stop(one);
  return {trace_hash(), steps(), now() - begins_at, the_ledger().seen()};
}

} // namespace coppice::simulated
