// SPDX-License-Identifier: MIT
// What the actors of a workload have seen, and what must be so. One for a run; used by the thread that holds
// the baton, so that it needs no locks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "../machine/machine.hpp"

namespace coppice::simulated {

class ledger {
 public:
  // A cast with this number has come from that sender to that host.
  void cast_came(std::uint64_t sender, unsigned host, std::uint64_t number);

  // A monitor or link, `key` being its reference or pid. `owner`: the client that waits for its end.
  void watches(std::uint64_t owner, const std::string& key);
  void watches_no_more(std::uint64_t owner, const std::string& key);
  void end_told(std::uint64_t owner, const std::string& key);
  // The client's host was killed: nobody waits for its ends any more.
  void forget(std::uint64_t owner);

  void call_ended(bool answered) { ++(answered ? seen_.answered : seen_.failed); }
  void change_ended(bool done) { ++(done ? seen_.changed : seen_.unchanged); }
  void event_came() { ++seen_.events; }
  void subscription_ended() { ++seen_.ended; }
  void job_ran() { ++seen_.runs; }
  void item_came() { ++seen_.items; }
  void membership_changed() { ++seen_.memberships; }
  void broken(const std::string& invariant);

  // Every end that a client waits for has been told. Else the run is broken.
  void check_all_told();

  std::uint64_t next() { return ++last_; } // a number that is given once
  bool quiet = false;                      // clients begin nothing any more
  // How much a run has tried, so that one in which nothing happens shows.
  struct counts {
    std::uint64_t answered = 0;    // calls
    std::uint64_t failed = 0;      // calls
    std::uint64_t casts = 0;       // that came
    std::uint64_t ends = 0;        // of links and monitors, that were told
    std::uint64_t events = 0;      // named events that subscribers got
    std::uint64_t ended = 0;       // subscriptions whose end was told
    std::uint64_t runs = 0;        // of jobs
    std::uint64_t items = 0;       // events that consumers of stages were given
    std::uint64_t memberships = 0; // joins and leaves of groups that were answered
    std::uint64_t changed = 0;     // applies and reloads
    std::uint64_t unchanged = 0;   // applies and reloads that were refused or rolled back
  };
  const counts& seen() const { return seen_; }

 private:
  enum class watch : std::uint8_t { open, ended, left };
  std::uint64_t last_ = 0;
  counts seen_;
  std::map<std::pair<std::uint64_t, unsigned>, std::uint64_t> last_cast_;
  std::map<std::pair<std::uint64_t, std::string>, watch> watched_;
};

ledger& the_ledger();

} // namespace coppice::simulated
