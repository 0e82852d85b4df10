// SPDX-License-Identifier: MIT
// The links, monitors and spawn requests that pass through one connection, so that its loss can be told to
// both sides' processes here: exits and downs with noconnection, and no watcher left behind. It follows the
// signals; the processes remain the authority. One thread, the connection's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runtime/flat_table.hpp"
#include "runtime/ids.hpp"
#include "runtime/signal.hpp"

namespace coppice::dist {

// A monitor of the peer's process, held here.
struct watched_there {
  runtime::pid watcher;
  runtime::destination target;
  std::uint16_t flags = 0; // the signal's
};

// A call of a process here to one of the peer's.
struct call_there {
  runtime::pid target; // none: by name
  std::unique_ptr<std::string> name{};
  bool rides = false; // its monitor is in the message and ends with the answer; else the peer is told
};

// A monitor of a process here, held by the peer.
struct watched_here {
  runtime::pid watcher;
  runtime::pid target; // none: there was no process of that name
  std::string name;    // empty: monitored by pid
};

class relations {
 public:
  using deliver_fn = std::function<void(const runtime::destination&, runtime::signal_ptr)>;

  void linked(const runtime::pid& local, const runtime::pid& remote);
  void unlinked(const runtime::pid& local, const runtime::pid& remote);
  // Our unlink is under way until the peer acknowledges it.
  void unlinking(const runtime::pid& local, const runtime::pid& remote, std::uint64_t id);
  void unlink_acknowledged(const runtime::pid& local, const runtime::pid& remote);

  // A process here watches the peer's.
  void watching(const runtime::reference& ref, watched_there what);
  // Forgets it, if it was there.
  std::optional<watched_there> stop_watching(const runtime::reference& ref);

  // A process here calls: its reference, as made_by() makes it, names the caller.
  void calling(const runtime::reference& ref, call_there what);
  std::optional<call_there> stop_calling(const runtime::reference& ref);

  // A process here asked the peer for a new one.
  void asking(const runtime::reference& ref, const runtime::pid& who) { asking_[ref] = who; }
  std::optional<runtime::pid> stop_asking(const runtime::reference& ref);

  // A process of the peer calls `target`. False if that reference is in use already.
  bool called(const runtime::reference& ref, const runtime::pid& target);
  std::optional<runtime::pid> stop_called(const runtime::reference& ref);

  // The peer watches a process here. False if that reference is in use already.
  bool watched(const runtime::reference& ref, watched_here who);
  std::optional<watched_here> stop_watched(const runtime::reference& ref);

  std::size_t links() const { return links_.size(); }
  std::size_t monitors() const {
    return watching_.size() + watched_.size() + calling_.size() + called_.size();
  }

  // The connection is lost: tells everyone here and is empty afterwards.
  void lost(const deliver_fn& deliver);

 private:
  struct pair {
    runtime::pid local;
    runtime::pid remote;
    bool operator==(const pair&) const = default;
  };
  struct pair_hash {
    std::size_t operator()(const pair& p) const {
      return runtime::pid_hash{}(p.local) * 31 + runtime::pid_hash{}(p.remote);
    }
  };
  // All callers of a node count alike: who calls has to tell as much as the number.
  struct call_hash {
    std::size_t operator()(const runtime::call_id& of) const {
      return runtime::pid_hash{}(of.who) ^ static_cast<std::size_t>(of.number * 0x9E3779B97F4A7C15U >> 32);
    }
  };

  std::unordered_set<pair, pair_hash> links_;
  std::unordered_map<pair, std::uint64_t, pair_hash> unlinking_; // the unlink's id
  std::unordered_map<runtime::reference, watched_there, runtime::reference_hash> watching_;
  std::unordered_map<runtime::reference, watched_here, runtime::reference_hash> watched_;
  std::unordered_map<runtime::reference, runtime::pid, runtime::reference_hash> asking_;
  runtime::flat_table<runtime::call_id, call_there, call_hash> calling_;
  runtime::flat_table<runtime::call_id, runtime::pid, call_hash> called_;
};

} // namespace coppice::dist
