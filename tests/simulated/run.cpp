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
#include "machine/programs.hpp"
#include "machine/sockets.hpp"
#include "machine/story.hpp"
#include "small_bounds.hpp"
#include "workloads/ledger.hpp"
#include "workloads/workload.hpp"

namespace coppice::simulated {
namespace {

constexpr nanos time_to_settle = 60 * second; // after the last fault: several times the net tick

class faults {
 public:
  faults(cluster& all, workload& does) : all_(all), does_(does) {
    for (unsigned one = 1; one <= all_.hosts(); ++one) populate(one);
  }

  // `its`: the draws that decide this fault.
  void happen(draws its) {
    const unsigned one = any(its);
    const unsigned other = any(its);
    switch (its.below(does_.has_trial() && in_trial_ == 0 ? 11 : 10)) {
      case 0: {
        const bool both = !its.one_in(4);
        tell_fault("nothing that host {} sends reaches host {}{}", one, other, both ? ", nor back" : "");
        cut(one, other);
        if (both) cut(other, one);
        break;
      }
      case 1:
        if (is_cut(one, other) || is_cut(other, one))
          tell_fault("hosts {} and {} reach each other again", one, other);
        heal(one, other);
        heal(other, one);
        break;
      case 2:
        tell_fault("all connections between hosts {} and {} are reset", one, other);
        reset_connections(one, other);
        break;
      case 3:
      case 4:
        if (all_.at(one) != nullptr)
          kill(one, its);
        else
          revive(one);
        break;
      case 5:
        hurt_disk(one, its);
        break;
      case 6:
        mend_disk(one, its);
        break;
      case 9:
        trouble(one, other, its);
        break;
      case 10:
        try_workload(its);
        break;
      default:
        if (all_.at(one) != nullptr) ask(one, other);
        break;
    }
  }
  void end(draws& its) {
    tell_fault("the faults end: all hosts reach each other, and those that are down start");
    heal_all();
    for (unsigned one = 1; one <= all_.hosts(); ++one) {
      host_at(one).named = naming::good;
      host_at(one).most_open = no_limit;
      mend_disk(one, its);
      if (all_.at(one) == nullptr) revive(one);
    }
  }

  // How long the workload's own trial took. 0: there was none. A run has one at most.
  nanos in_trial() const { return in_trial_; }

 private:
  unsigned any(draws& its) const { return 1 + static_cast<unsigned>(its.below(all_.hosts())); }
  void populate(unsigned host) {
    all_.await_ready(host);
    does_.populate(all_, host);
  }
  void try_workload(draws& its) {
    const nanos begun = now();
    end(its);
    tell_fault("the workload's own trial begins");
    does_.trial(all_);
    in_trial_ = now() - begun;
  }
  void kill(unsigned host, draws& its) {
    const loss what = its.one_in(3) ? loss::program : loss::power;
    if (what == loss::power && !its.one_in(4)) await_sync(host, its);
    host_at(host).most_open = no_limit;
    all_.kill(host, what);
    does_.lost(host);
    sync_failed_[host] = false;
  }
  // Most losses of power come while the disk works, because that decides what is lost. Long syncs are hit
  // more often than short ones.
  static void await_sync(unsigned host, draws& its) {
    const nanos until = now() + second;
    do {
      let_pass(its.between(1, millisecond));
    } while (disk_of(host).syncing == 0 && now() < until);
  }
  void revive(unsigned host) {
    all_.start(host);
    populate(host);
  }
  void hurt_disk(unsigned host, draws& its) {
    if (all_.at(host) == nullptr) return;
    host_disk& disk = disk_of(host);
    switch (its.below(3)) {
      case 0:
        tell_fault("the disk of host {} is full", host);
        disk.full = true;
        break;
      case 1:
        disk.syncs_to_fail = 1 + static_cast<unsigned>(its.below(3));
        tell_fault("the next {} syncs of the disk of host {} fail", disk.syncs_to_fail, host);
        sync_failed_[host] = true;
        break;
      default:
        disk.slow = its.between(10 * millisecond, 500 * millisecond);
        tell_fault("a sync of the disk of host {} takes {} ms more", host, disk.slow / millisecond);
        break;
    }
    note("disk", host, disk.syncs_to_fail);
  }
  // The name server answers late or not, a host runs out of descriptors for a while, or its clock is set.
  void trouble(unsigned host, unsigned other, draws& its) {
    switch (its.below(3)) {
      case 0: {
        const auto how = static_cast<naming>(its.below(3));
        host_at(other).named = how;
        tell_fault("the name of host {} is found {}", other,
                   how == naming::good   ? "at once"
                   : how == naming::late ? "late"
                                         : "no more");
        note("named", other, static_cast<std::uint64_t>(how));
        break;
      }
      case 1:
        if (all_.at(host) == nullptr) break;
        tell_fault("host {} runs out of descriptors for a while", host);
        limit_descriptors(host, its.below(4), its.between(millisecond, 8 * second));
        note("descriptors", host);
        break;
      default:
        if (does_.has_steady_clocks()) break;
        tell_fault("the wall clock of host {} is set", host);
        set_wall_clock(host, any_distance(its));
        break;
    }
  }
  static nanos any_distance(draws& its) {
    return its.one_in(2) ? its.between(-second, second) : its.between(-3600 * second, 3600 * second);
  }
  // After a failed sync a log stays closed until its node is started again, so the node is restarted.
  void mend_disk(unsigned host, draws& its) {
    const host_disk& disk = disk_of(host);
    if (disk.full || disk.syncs_to_fail > 0 || disk.slow > 0) tell_fault("the disk of host {} is well", host);
    heal_disk(host);
    if (!sync_failed_[host] || all_.at(host) == nullptr) return;
    kill(host, its);
    revive(host);
  }
  // A call by the node's own interface must end, with an answer or an error.
  void ask(unsigned from, unsigned to) {
    tell_fault("an operator at host {} calls kv of host {}", from, to);
    const std::string told = all_.ask(from, "kv@" + all_.name(to), "size", second);
    tell_fault("the operator at host {} is told: {}", from, told);
    if (told == "never told") the_ledger().broken("a call of an operator ends by its deadline");
  }

  cluster& all_;
  workload& does_;
  std::array<bool, most_hosts> sync_failed_{}; // true: a sync has failed or may fail
  nanos in_trial_ = 0;
};

} // namespace

void run(const task& what, const std::string& folder, result& into) {
  begin({what.seed, what.trace, what.story, what.without.most_changes, what.spoiled, &into.at});
  prepare_network();
  setenv("COPPICE_PLUGIN_HOST", "/plugin-host", 1);
  base::log::options log;
  log.level = base::log::level::warning;
  log.format = base::log::format::text;
  base::log::start(log);

  const std::string_view chosen = choose_workload(what.only.data());
  fmt::print(stderr, "workload: {}\n", chosen);
  bound_hosts(what.without.hosts);
  if (!what.without.usual_bounds) make_bounds_small(what.seed);
  const auto does = make_workload(chosen);
  trials_may_fail(!does->has_sound_states());
  cluster all(does->hosts(), folder, does->meet(),
              [&does](const cluster& of, unsigned host) { return does->children(of, host); });
  faults troubles(all, *does);
  const nanos begun = now();
  if (what.without.busy < what.length)
    at(begun + what.without.busy, [] {
      tell_fault("clients begin nothing more");
      the_ledger().quiet = true;
    });
  // Each fault has draws of its own, so that it is the same one if others are left out.
  draws of_faults(what.seed * 0xda942042e4dd58b5);
  while (now() - troubles.in_trial() < begun + what.length) {
    draws its(of_faults.next());
    const std::uint64_t number = into.at.faults++;
    let_pass(does->between_faults(its));
    const bool left_out = number < cuts::most_faults && what.without.left_out[number];
    if (!left_out && !does->disturb(all, its)) troubles.happen(its);
    if (!the_ledger().quiet) does->look(all);
  }
  draws its(of_faults.next());
  troubles.end(its);
  the_ledger().quiet = the_ledger().over = true;
  let_pass(time_to_settle);
  tell_fault("what must hold in the end is looked at");
  does->check(all);
  all.check_encryption();
  all.check_lingering();
  for (unsigned one = 1; one <= all.hosts(); ++one) all.stop(one);
  into.hash = trace_hash();
  into.lived = now() - begins_at;
  into.seen = the_ledger().seen();
}

} // namespace coppice::simulated
