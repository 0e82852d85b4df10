// SPDX-License-Identifier: MIT
// A table with a row for each actor of a reload, filled in while workers save and restore. Only the actor's
// worker writes its row. The table outlives the reload if a worker is stuck in a plugin's code; that worker
// later finds it closed and puts its actor back by itself. There is no lock: workers share no data that they
// write.
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
    const host::actor_identity* is = nullptr; // null: the actor had ended before
    host::actor_origin origin;                // set by look()
    host::saved_state saved;                  // set by look()
    bool has_state = false;                   // set by look(); also if `saved` was too large to keep
    // Error of saving or restoring. errc::unsupported: the actor cannot be carried over.
    std::optional<base::error> problem;
    base::nanos save = 0; // duration of the last one, ns
    base::nanos restore = 0;
  };

  // `next`: the new generations by plugin. They stay as long as this object.
  explicit reload_ledger(const std::map<std::string, loader::plugin_generation*, std::less<>>& next);

  // Appends a row for each of these actors, in order. The reload's thread.
  void add(std::span<const runtime::pid> who);

  // Notes the actor of row `number` and the state it saves; keeps states up to `most_bytes` in all. In the
  // turn of that actor, which belongs to one of the plugins.
  void look(runtime::process& self, std::size_t number, std::size_t most_bytes);
  // Saves with the running code and restores with the new code beside it. Does nothing once an actor has
  // failed. In the turn of that actor.
  void carry(runtime::process& self, std::size_t number);
  // The same, whether or not another actor has failed: after the switch each actor goes over by itself.
  void carry_alone(runtime::process& self, std::size_t number);

  // From now on nothing is restored any more, and a restore under way is undone.
  void close();

  // for_each(), size(), saving(), restoring(): the reload's thread, when no worker uses the table any more.
  void for_each(const std::function<void(const row&)>& see) const;
  std::size_t size() const { return size_; }
  base::nanos saving() const;
  base::nanos restoring() const;
  // The first actor that failed with an error other than errc::unsupported. Null: none. The reload's thread.
  const row* failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  struct target {
    host::image_pin pin;
    loader::image* image;
  };
  // Null: the ledger is closed, or the plugin is not reloaded.
  const target* next_of(const std::string& plugin) const;
  void fail(row& mine, base::error why);
  static std::size_t part_of(std::size_t number);
  row& at(std::size_t number) const;

  std::map<std::string, target, std::less<>> next_;
  // Each part is twice as long as the one before, so that rows keep their addresses while more are added.
  std::array<std::unique_ptr<row[]>, 32> rows_;
  std::size_t size_ = 0;
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<const row*> failed_{nullptr};
};

// The interface of a process's behaviour for reloads. Null: it has none.
host::reloadable* reloadable_of(runtime::process& self);

} // namespace coppice::node
