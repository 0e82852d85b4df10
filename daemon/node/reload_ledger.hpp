// SPDX-License-Identifier: MIT
// What a reload knows of each actor, filled in by the workers while they save and restore. It outlives the
// reload where a worker is stuck in a plugin's code: that one then finds the ledger closed and puts its actor
// back by itself. Any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "behaviours/reloadable.hpp"
#include "loader/generation.hpp"
#include "runtime/process.hpp"

namespace coppice::node {

class reload_ledger {
 public:
  struct row {
    runtime::pid pid;
    behaviours::actor_identity is;
    behaviours::actor_origin origin;    // filled by look()
    behaviours::saved_state saved;      // filled by look()
    bool has_state = false;             // likewise; also when `saved` was too much to keep
    std::optional<base::error> problem; // of saving or restoring; errc::unsupported: it can't be carried over
  };

  // The generations to come stay until close().
  explicit reload_ledger(std::map<std::string, loader::plugin_generation*> next) : next_(std::move(next)) {}

  // In the turn of an actor of one of the plugins.
  // Notes what it is and the state it saves; keeps states up to `most_bytes` in all.
  void look(runtime::process& self, std::size_t most_bytes);
  // Saves with the code it runs and restores with the code to come, beside it.
  void carry(runtime::process& self);

  // From now on nothing more is restored, and what still comes is undone.
  void close();
  std::vector<row> rows() const;
  // The first actor that failed for another reason than errc::unsupported, and why.
  std::optional<row> failed() const;
  base::nanos saving() const { return save_.load(); }
  base::nanos restoring() const { return restore_.load(); }

 private:
  row& note(runtime::process& self, const behaviours::reloadable& of); // with the lock held

  // Pins what an actor of this plugin is to become; nothing: the ledger is closed.
  struct target {
    behaviours::image_pin pin;
    loader::image* image;
  };
  std::optional<target> enter(const std::string& plugin) const;
  bool open() const;

  const std::map<std::string, loader::plugin_generation*> next_;
  mutable std::mutex lock_;
  bool closed_ = false;
  std::size_t bytes_ = 0;
  std::unordered_map<runtime::pid, row, runtime::pid_hash> rows_;
  std::optional<runtime::pid> failed_;
  std::atomic<base::nanos> save_{0};
  std::atomic<base::nanos> restore_{0};
};

// The part of a process that a reload deals with; null: it has none.
behaviours::reloadable* reloadable_of(runtime::process& self);

} // namespace coppice::node
