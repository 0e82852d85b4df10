// SPDX-License-Identifier: MIT
// What a reload knows of each actor, filled in by the workers while they save and restore: a row an actor,
// which its worker alone writes. It outlives the reload where a worker is stuck in a plugin's code: that one
// then finds the ledger closed and puts its actor back by itself.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "behaviours/reloadable.hpp"
#include "loader/generation.hpp"
#include "runtime/process.hpp"

namespace coppice::node {

class reload_ledger {
 public:
  struct row {
    runtime::pid pid;
    const behaviours::actor_identity* is = nullptr; // null: it was gone before
    behaviours::actor_origin origin;                // filled by look()
    behaviours::saved_state saved;                  // filled by look()
    bool has_state = false;                         // likewise; also when `saved` was too much to keep
    std::optional<base::error> problem; // of saving or restoring; errc::unsupported: it can't be carried over
    base::nanos save = 0;               // how long the last one took
    base::nanos restore = 0;
  };

  // The generations to come stay until close().
  explicit reload_ledger(std::map<std::string, loader::plugin_generation*, std::less<>> next)
      : next_(std::move(next)) {}

  // Rows for these, in their order, behind those there are. The reload's thread.
  void add(std::span<const runtime::pid> who);

  // In the turn of the actor of row `number`, which is of one of the plugins.
  // Notes what it is and the state it saves; keeps states up to `most_bytes` in all.
  void look(runtime::process& self, std::size_t number, std::size_t most_bytes);
  // Saves with the code it runs and restores with the code to come, beside it; nothing once one has failed.
  void carry(runtime::process& self, std::size_t number);

  // From now on nothing more is restored, and what still comes is undone.
  void close();

  // The reload's thread, when no worker is at it any more.
  const std::deque<row>& rows() const { return rows_; }
  base::nanos saving() const;
  base::nanos restoring() const;
  // The first actor that failed for another reason than errc::unsupported, and why. The reload's thread.
  const row* failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  // A row, and what its actor is to become, pinned.
  struct target {
    row* mine;
    behaviours::image_pin pin;
    loader::image* image;
  };
  // Nothing: the ledger is closed, or it is no such plugin's.
  std::optional<target> enter(std::size_t number, const std::string& plugin);
  void fail(row& mine, base::error why);

  const std::map<std::string, loader::plugin_generation*, std::less<>> next_;
  mutable std::mutex lock_; // of the next one's growing, and of the generations until close()
  std::deque<row> rows_;
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<const row*> failed_{nullptr};
};

// The part of a process that a reload deals with; null: it has none.
behaviours::reloadable* reloadable_of(runtime::process& self);

} // namespace coppice::node
