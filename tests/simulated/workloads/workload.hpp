// SPDX-License-Identifier: MIT
// The interface of workloads: the work of a run's cluster while faults happen, and the invariants that are
// checked. The workload's thread.
// rooms: node
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "../cluster.hpp"

namespace coppice::simulated {

class workload {
 public:
  workload() = default;
  virtual ~workload() = default;
  workload(const workload&) = delete;
  workload& operator=(const workload&) = delete;

  // 2 to most_hosts - 1; from draw_hosts().
  virtual unsigned hosts() const = 0;
  // See cluster::children_of.
  virtual std::string children(const cluster& all, unsigned host) const = 0;
  // Whether the nodes connect by themselves and stay connected.
  virtual bool meet() const { return false; }
  // Adds the workload's processes to a host whose node is ready.
  virtual void populate(cluster& all, unsigned host) = 0;
  // The host was killed, and with it the processes that populate() had added.
  virtual void lost(unsigned host) = 0;
  // The time before the next fault.
  virtual nanos between_faults(draws& its) const {
    return its.one_in(4) ? its.between(0, millisecond) : its.between(10 * millisecond, 3 * second);
  }
  // A fault of the workload's own in place of the usual ones. False: the usual ones happen.
  virtual bool disturb(cluster& /*all*/, draws& /*its*/) { return false; }
  // Called after each fault.
  virtual void look(cluster& /*all*/) {}
  // Whether the wall clocks of its hosts are not set, since its invariants are about wall time.
  virtual bool has_steady_clocks() const { return false; }
  // Whether each trial of saved states goes well, since every reload has to.
  virtual bool has_sound_states() const { return false; }
  // A fault of the workload's own, among the others. When it begins and when it ends, every link is whole
  // and every host is up.
  virtual void trial(cluster& /*all*/) {}
  virtual bool has_trial() const { return false; }
  // Checks the invariants. The faults have ended, and time to settle has passed. Clients begin nothing any
  // more.
  virtual void check(cluster& all) = 0;
};

// For a run that has fewer hosts than it would have.
void bound_hosts(unsigned most);
// Draws a number of hosts, and takes the bound, but at least `least`.
unsigned draw_hosts(unsigned least, unsigned most);
// The drawn number, or the bound, but at least `least`.
unsigned bounded_hosts(unsigned drawn, unsigned least);

// The name of the run's workload. `wanted` empty: the seed chooses. The seed draws one also if a name is
// given, so that a run by a given name equals the run in which the seed chooses that name.
std::string_view choose_workload(std::string_view wanted);
// `name`: a name for which is_workload() is true.
std::unique_ptr<workload> make_workload(std::string_view name);
bool is_workload(std::string_view name);
// The names for people, with commas.
std::string workload_names();

// A workload of plain actors: calls, casts, watches, or mixed.
std::unique_ptr<workload> make_traffic(std::string_view name);
// A Raft group whose clients append and query.
std::unique_ptr<workload> make_group();
// Sagas that move money between accounts.
std::unique_ptr<workload> make_bank();
// Applies and reloads.
std::unique_ptr<workload> make_changes();
// Named events.
std::unique_ptr<workload> make_events();
// Jobs of the nodes, and for one node of several.
std::unique_ptr<workload> make_jobs();
// Groups of processes, as pg has them.
std::unique_ptr<workload> make_process_groups();
// Producers and consumers, as GenStage has them.
std::unique_ptr<workload> make_stages();
// State machines, as gen_statem has them.
std::unique_ptr<workload> make_state_machines();
// Web servers, and requests to them.
std::unique_ptr<workload> make_sites();
// TCP listeners, and connections to them.
std::unique_ptr<workload> make_ports();
// Connections that nodes open, to TCP listeners.
std::unique_ptr<workload> make_dials();
// WebSockets: a chat, and games.
std::unique_ptr<workload> make_talks();
// UDP sockets, and datagrams to them.
std::unique_ptr<workload> make_datagrams();
// Pools of workers, and requests to them.
std::unique_ptr<workload> make_pools();
// Event managers, as gen_event has them.
std::unique_ptr<workload> make_managers();
// Global names, locks, and spawns on other nodes.
std::unique_ptr<workload> make_global_names();
// Calls, jobs, a reload and a partition each minute, for hours. Only by its name.
std::unique_ptr<workload> make_hours();

} // namespace coppice::simulated
