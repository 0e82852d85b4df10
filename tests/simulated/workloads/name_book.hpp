// SPDX-License-Identifier: MIT
// The record of the workload of global names: which processes may have a name, how requests for names were
// answered, and which process holds a lock. Clients write it at each begin and end of a request. It checks
// what must hold at every moment. Used by the thread that holds the baton.
// rooms: node
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../machine/hosts.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::simulated {

inline constexpr std::array<std::string_view, 4> global_names{"alpha", "beta", "{shop,1}", "{shop,2}"};
inline constexpr std::array<std::string_view, 2> global_resources{"till", "{lock,1}"};

// A process that can have global names.
struct bearer {
  runtime::message pid; // as messages name it
  std::string text;     // the same on every node; empty: the process is not made yet
  unsigned host = 0;
  nanos ended = never;        // the time at which it ended, or was told to end
  std::set<std::string> told; // names whose loss a message has told it
};

class name_book {
 public:
  // A request that gives a name to a process, takes a name away, or finds the process of a name.
  struct request {
    enum class state : std::uint8_t { open, done, refused, unknown };
    std::string name;
    bearer* who = nullptr; // null: it gives no name
    bool takes = false;    // it takes the name away from every other process
    unsigned host = 0;     // the host that makes it
    nanos begun = 0;
    nanos over = never;
    state is = state::open;
    bool may_be_lost = false; // another request may have taken away what this one gives
    bool in_calm = false;     // it began while the cluster was calm
    std::uint64_t version = 0;
    std::string sure; // the process that surely had the name when the request began; empty: not known
  };

  bearer& add(unsigned host);
  void named(bearer& who, runtime::message pid, std::string text);
  void ends(bearer& who);
  // Living processes of that host; 0: of all hosts.
  std::vector<bearer*> alive(unsigned host) const;

  request& begin(unsigned host, std::string_view name, bearer* who, bool takes);
  // `is`: how the request was answered. It is no longer open. `reaches_all`: its host has lost no node of its
  // partition meanwhile.
  void end(request& what, request::state is, bool reaches_all);
  // Whether a change of the name may have reached some nodes of a partition and not others, as in OTP.
  bool may_differ(std::string_view name) const { return torn_.contains(name); }
  void agrees(std::string_view name);
  // The request finds a process. `found`: its text; empty: none.
  request begin_search(unsigned host, std::string_view name) const;
  void end_search(const request& what, const std::string& found) const;
  unsigned open() const;
  unsigned open_of(unsigned host) const { return open_[host]; }

  void takes_lock(std::string_view resource, const std::string& who, unsigned host);
  void leaves_lock(std::string_view resource, const std::string& who);

  // The host was killed, and its processes with it.
  void lost(unsigned host);
  // From now on every node sees every other, and all of them agree.
  void begin_calm();
  void end_calm();
  bool calm() const { return calm_; }
  // Checks whether `found`, the process that all hosts name, may have that name. Empty: they name none.
  void check_found(std::string_view name, const std::string& found) const;

  bool paused = false; // clients begin nothing
  bool frozen = false; // no process ends by itself

 private:
  // What is known of a name while the cluster is calm.
  struct certainty {
    std::string sure;          // the process that has the name; empty: not known
    unsigned changing = 0;     // open requests that take the name away
    std::uint64_t version = 0; // grows with each change and each possible change
  };
  struct holder {
    std::string who;
    unsigned host = 0;
  };
  bool has_rival(const request& of) const;

  bool calm_ = false;
  std::vector<std::unique_ptr<bearer>> bearers_;
  std::map<std::string, bearer*, std::less<>> by_text_;
  std::vector<std::unique_ptr<request>> requests_; // searches are not among them
  mutable std::map<std::string, certainty, std::less<>> names_;
  std::map<std::string, holder, std::less<>> held_; // by resource
  std::set<std::string, std::less<>> torn_;         // names for which may_differ() holds
  std::array<unsigned, most_hosts> open_{};
};

} // namespace coppice::simulated
