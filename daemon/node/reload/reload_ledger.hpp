// SPDX-License-Identifier: MIT
// What a reload knows of each actor, filled in by the workers while they save and restore: a row an actor,
// which its worker alone writes. It outlives the reload where a worker is stuck in a plugin's code: that one
// then finds the ledger closed and puts its actor back by itself. No lock: workers share nothing they write.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/actors/reloadable.hpp"
#include "loader/generation.hpp"
#include "runtime/process.hpp"

namespace coppice::node {

class reload_ledger {
 public:
  struct alignas(64) row {
    runtime::pid pid;
    const host::actor_identity* is = nullptr; // null: it was gone before
    host::actor_origin origin;                // filled by look()
    host::saved_state saved;                  // filled by look()
    bool has_state = false;                   // likewise; also when `saved` was too much to keep
    std::optional<base::error> problem; // of saving or restoring; errc::unsupported: it can't be carried over
    base::nanos save = 0;               // how long the last one took
    base::nanos restore = 0;
  };

  // By plugin. The generations to come stay as long as this.
  explicit reload_ledger(const std::map<std::string, loader::plugin_generation*, std::less<>>& next);

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
  void for_each(const std::function<void(const row&)>& see) const;
  std::size_t size() const { return size_; }
  base::nanos saving() const;
  base::nanos restoring() const;
  // The first actor that failed for another reason than errc::unsupported, and why. The reload's thread.
  const row* failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  struct target {
    host::image_pin pin;
    loader::image* image;
  };
  // Null: the ledger is closed, or it is no such plugin's.
  const target* next_of(const std::string& plugin) const;
  void fail(row& mine, base::error why);
  static std::size_t part_of(std::size_t number);
  row& at(std::size_t number) const;

  std::map<std::string, target, std::less<>> next_;
  // Each twice as long as the one before, so that rows stay where they are while more are added.
  std::array<std::unique_ptr<row[]>, 32> rows_;
  std::size_t size_ = 0;
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<const row*> failed_{nullptr};
};

// The part of a process that a reload deals with; null: it has none.
host::reloadable* reloadable_of(runtime::process& self);

} // namespace coppice::node
