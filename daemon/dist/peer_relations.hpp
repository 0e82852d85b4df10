// SPDX-License-Identifier: MIT
// The links, monitors, calls and spawn requests between processes here and those of one peer, so that the
// loss of its connection can be told to both sides' processes here: exits and downs with noconnection, and no
// watcher left behind. Outgoing is what a process here asked of the peer, incoming the other way. It follows
// the signals; the processes remain the authority. One thread, the connection's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::dist {

struct outgoing_monitor {
  runtime::pid watcher; // here
  runtime::destination target;
  std::uint16_t flags = 0; // the signal's
};

struct outgoing_call {
  runtime::pid target;                 // none: by name
  std::unique_ptr<std::string> name{}; // unless it is one message: that needs no demonitor_p with the answer
  // The call's message is its monitor too, which the peer ends with the answer; else the peer was sent a
  // monitor_p and is sent a demonitor_p.
  bool one_message = false;
};

struct incoming_monitor {
  runtime::pid watcher; // the peer's
  runtime::pid target;  // none: there was no process of that name
  std::string name;     // empty: monitored by pid
};

class peer_relations {
 public:
  using deliver_fn = std::function<void(const runtime::destination&, runtime::signal_ptr)>;

  void add_link(const runtime::pid& local, const runtime::pid& remote);
  void remove_link(const runtime::pid& local, const runtime::pid& remote);
  // A process here unlinked: under way until the peer acknowledges this very id, as it may have linked and
  // unlinked again meanwhile.
  void begin_unlink(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id);
  void end_unlink(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id);

  // Those that take forget what they return; nothing if it was not there.
  void add_monitor(const runtime::reference& ref, outgoing_monitor what);
  std::optional<outgoing_monitor> take_outgoing_monitor(const runtime::reference& ref);
  // False if that reference is in use already, here and for an incoming call.
  bool add_monitor(const runtime::reference& ref, incoming_monitor what);
  std::optional<incoming_monitor> take_incoming_monitor(const runtime::reference& ref);

  // A call's reference, as made_by() makes it, names the caller.
  void add_call(const runtime::reference& ref, outgoing_call what);
  std::optional<outgoing_call> take_outgoing_call(const runtime::reference& ref);
  bool add_call(const runtime::call_id& call, const runtime::pid& target);
  std::optional<runtime::pid> take_incoming_call(const runtime::reference& ref);

  // Outgoing ones only: an incoming request is answered at once.
  void add_spawn_request(const runtime::reference& ref, const runtime::pid& who) { spawns_[ref] = who; }
  std::optional<runtime::pid> take_spawn_request(const runtime::reference& ref);

  // What the peer's processes have a share in; each takes room here.
  std::size_t shared() const { return links_.size() + monitors_in_.size() + calls_in_.size(); }
  std::size_t links() const { return links_.size(); }
  std::size_t monitors() const {
    return monitors_out_.size() + monitors_in_.size() + calls_out_.size() + calls_in_.size();
  }

  // The connection is lost: tells the processes here, with at most so many signals. True: all are told, and
  // nothing is left here. Until then it is to be called again, and nothing is to be added.
  bool tell_of_loss(const deliver_fn& deliver, std::size_t most);

 private:
  struct pair {
    runtime::pid local;
    runtime::pid remote;
    bool operator==(const pair&) const = default;
  };
  using pair_hash = runtime::identity_hash<pair>;
  template <class Value>
  using by_reference = std::unordered_map<runtime::reference, Value, runtime::reference_hash>;

  std::unordered_set<pair, pair_hash> links_;
  std::unordered_map<pair, std::uint64_t, pair_hash> unlinks_; // under way, by their id
  by_reference<outgoing_monitor> monitors_out_;
  by_reference<incoming_monitor> monitors_in_;
  by_reference<runtime::pid> spawns_;
  runtime::flat_table<runtime::call_id, outgoing_call, runtime::call_hash> calls_out_;
  runtime::flat_table<runtime::call_id, runtime::pid, runtime::call_hash> calls_in_;
};

} // namespace coppice::dist
