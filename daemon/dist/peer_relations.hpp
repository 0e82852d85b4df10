// SPDX-License-Identifier: MIT
// The links, monitors, calls and spawn requests between processes here and those of one peer. When the
// connection is lost, the processes here can be told: links and monitors end with noconnection, and no
// process here stays watched by the lost node. Outgoing: asked for by a process here; incoming: by a process
// of the peer. The table follows the signals; the processes remain the authority. The connection's thread.
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
  runtime::pid watcher; // a process here
  runtime::destination target;
  std::uint16_t flags = 0; // of the monitor signal
};

struct outgoing_call {
  runtime::pid target;                 // none: called by name
  std::unique_ptr<std::string> name{}; // set if called by name and not one_message: for the demonitor_p
  // true: the call's message is its monitor too, which the peer ends with the answer. false: the peer was
  // sent a monitor_p, and needs a demonitor_p.
  bool one_message = false;
};

struct incoming_monitor {
  runtime::pid watcher; // a process of the peer
  runtime::pid target;  // none: there was no process of that name
  std::string name;     // empty: monitored by pid
};

class peer_relations {
 public:
  using deliver_fn = std::function<void(const runtime::destination&, runtime::signal_ptr)>;

  // A link of a process here leaves. Ends the unlink that is under way: from now on the process takes links
  // of the peer. Nothing is noted while an unlink of the peer is not acknowledged: the process sent the link
  // before it heard of that unlink, which ends the link on both sides.
  void add_link(const runtime::pid& local, const runtime::pid& remote);
  // A process of the peer linked. Nothing is noted while an unlink is under way, because the process here
  // ignores the link then, and the peer drops it when the unlink comes.
  void add_link_of_peer(const runtime::pid& local, const runtime::pid& remote);
  void remove_link(const runtime::pid& local, const runtime::pid& remote);
  // A process here unlinked. The unlink is under way until the peer acknowledges this id, because the process
  // may have linked and unlinked again in the meantime.
  void begin_unlink(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id);
  void end_unlink(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id);
  // A process of the peer unlinked. The process here acknowledges that, and what it sent before leaves
  // before.
  void begin_unlink_of_peer(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id);
  // The acknowledgement leaves.
  void end_unlink_of_peer(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id);

  // Every take_… function removes what it returns. Empty: there is no such entry.
  void add_monitor(const runtime::reference& ref, outgoing_monitor what);
  std::optional<outgoing_monitor> take_outgoing_monitor(const runtime::reference& ref);
  // False: that reference is in use already. The same holds for an incoming call.
  bool add_monitor(const runtime::reference& ref, incoming_monitor what);
  std::optional<incoming_monitor> take_incoming_monitor(const runtime::reference& ref);

  // The reference of a call is one of runtime::reference::made_by(), which names the caller.
  void add_call(const runtime::reference& ref, outgoing_call what);
  std::optional<outgoing_call> take_outgoing_call(const runtime::reference& ref);
  bool add_call(const runtime::call_id& call, const runtime::pid& target);
  std::optional<runtime::pid> take_incoming_call(const runtime::reference& ref);

  // Outgoing requests only, because an incoming request is answered at once.
  void add_spawn_request(const runtime::reference& ref, const runtime::pid& who) { spawns_[ref] = who; }
  std::optional<runtime::pid> take_spawn_request(const runtime::reference& ref);

  // How many entries the peer's processes have a part in; bounded by options::relations.
  std::size_t shared() const {
    return links_.size() + unlinks_of_peer_.size() + monitors_in_.size() + calls_in_.size();
  }
  std::size_t links() const { return links_.size(); }
  std::size_t monitors() const {
    return monitors_out_.size() + monitors_in_.size() + calls_out_.size() + calls_in_.size();
  }

  // The connection is lost: tells the processes here, with at most `most` signals. True: all are told, and
  // the tables are empty. False: call it again; nothing may be added in between.
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
  using unlinks = std::unordered_map<pair, std::uint64_t, pair_hash>; // under way, with their latest id
  unlinks unlinks_;
  unlinks unlinks_of_peer_;
  by_reference<outgoing_monitor> monitors_out_;
  by_reference<incoming_monitor> monitors_in_;
  by_reference<runtime::pid> spawns_;
  runtime::flat_table<runtime::call_id, outgoing_call, runtime::call_hash> calls_out_;
  runtime::flat_table<runtime::call_id, runtime::pid, runtime::call_hash> calls_in_;
};

} // namespace coppice::dist
