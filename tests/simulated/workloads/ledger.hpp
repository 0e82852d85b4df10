// SPDX-License-Identifier: MIT
// Records of what the actors of a workload have seen, and checks of invariants. One for a run; used by the
// thread that holds the baton, so it needs no locks.
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

  // A monitor or link. `key`: its reference or pid. `owner`: the client that waits for its end.
  void watches(std::uint64_t owner, const std::string& key);
  void watches_no_more(std::uint64_t owner, const std::string& key);
  // A link was taken back. If its end was on its way to the owner's handler, it is reported all the same.
  void may_be_over(std::uint64_t owner, const std::string& key);
  // The link was made again: at least one end is reported from now on.
  void watches_again(std::uint64_t owner, const std::string& key);
  void end_told(std::uint64_t owner, const std::string& key);
  // The client's host was killed: its ends are no longer waited for.
  void forget(std::uint64_t owner);

  void call_ended(bool answered) { ++(answered ? seen_.answered : seen_.failed); }
  void change_ended(bool done) { ++(done ? seen_.changed : seen_.unchanged); }
  void event_came() { ++seen_.events; }
  void subscription_ended() { ++seen_.ended; }
  void job_ran() { ++seen_.runs; }
  void item_came() { ++seen_.items; }
  void membership_changed() { ++seen_.memberships; }
  void stream_event_came() { ++seen_.stream_events; }
  void datagram_came() { ++seen_.datagrams; }
  void pooled_request_came() { ++seen_.pooled; }
  void notice_came() { ++seen_.notices; }
  void name_given() { ++seen_.names; }
  void name_lost() { ++seen_.conflicts; }
  void lock_taken() { ++seen_.locks; }
  void spawned() { ++seen_.spawns; }
  void alias_answered() { ++seen_.alias_answers; }
  void operator_told() { ++seen_.replies; }
  void peer_encrypted() { ++seen_.encrypted; }
  void broken(const std::string& invariant);

  // Checks that every end that a client waits for was reported. If not, the run is broken.
  void check_all_told();

  std::uint64_t next() { return ++last_; } // a number that is never given again
  bool quiet = false;                      // clients begin nothing any more
  bool over = false;                       // the faults have ended
  // Counts what a run has done, so that a run in which nothing happens is noticed.
  struct counts {
    std::uint64_t answered = 0;      // calls
    std::uint64_t failed = 0;        // calls
    std::uint64_t casts = 0;         // casts received
    std::uint64_t ends = 0;          // reported ends of links and monitors
    std::uint64_t events = 0;        // named events that subscribers got
    std::uint64_t ended = 0;         // subscriptions whose end was reported
    std::uint64_t runs = 0;          // runs of jobs
    std::uint64_t items = 0;         // events given to consumers of stages
    std::uint64_t memberships = 0;   // answered joins and leaves of groups
    std::uint64_t changed = 0;       // applies and reloads
    std::uint64_t unchanged = 0;     // applies and reloads that were refused or rolled back
    std::uint64_t stream_events = 0; // server-sent events that browsers got
    std::uint64_t datagrams = 0;     // answers by datagram
    std::uint64_t pooled = 0;        // requests that workers of pools got
    std::uint64_t notices = 0;       // events that handlers of event managers got
    std::uint64_t names = 0;         // global names that were given to processes
    std::uint64_t conflicts = 0;     // processes that lost a global name to another one
    std::uint64_t locks = 0;         // global locks that were taken
    std::uint64_t spawns = 0;        // processes that were spawned on another node
    std::uint64_t alias_answers = 0; // messages to aliases
    std::uint64_t replies = 0;       // of control sockets
    std::uint64_t encrypted = 0;     // ends of connections between nodes that speak TLS, at the end of a run
  };
  const counts& seen() const { return seen_; }

 private:
  struct watch {
    unsigned told = 0;
    unsigned least = 1; // ends to be reported
    unsigned most = 1;
  };
  std::uint64_t last_ = 0;
  counts seen_;
  std::map<std::pair<std::uint64_t, unsigned>, std::uint64_t> last_cast_;
  std::map<std::pair<std::uint64_t, std::string>, watch> watched_;
};

ledger& the_ledger();

} // namespace coppice::simulated
