// SPDX-License-Identifier: MIT
// The children of one supervisor, in start order, found by id or by pid in constant time. Invariant: a
// child is found by pid exactly while it runs, or, under simple_one_for_one, while it is to be started again,
// where the pid it had is its only identity. The owner's turn changes and reads it; rows() and row() may be
// called by any thread, which is why every change takes a (short, uncontended) lock.
#pragma once

#include <any>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/supervision/child_index.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

enum class child_state : std::uint8_t {
  stopped, // OTP's `undefined`: known, not running
  running,
  restarting, // waits for its restart, or for another try after one that failed
  given_up,   // failed too often: stays down until somebody starts it
};

std::string_view text(child_state value);

// How a run of a child ended, or a start of it failed.
struct child_end {
  base::nanos wall = 0; // when
  std::string reason;   // as Erlang text, cut where it gets long
};

struct child {
  std::shared_ptr<const child_spec> spec;
  runtime::message id;       // spec->id; under simple_one_for_one empty
  runtime::message args;     // spec->args, under simple_one_for_one with those of start_child merged in
  base::secrets_ptr secrets; // that `args` have markers of; null: none
  runtime::message env;      // the application's, as it was started or told
  runtime::pid pid;          // of the running process; while restarting the last one's
  child_state state = child_state::stopped;
  std::uint32_t restarts = 0;
  bool rests = false;               // it is not to run: its init said ignore, or somebody stopped it
  bool terminated = false;          // it rests since somebody stopped it
  std::uint32_t waits = 0;          // of its backoff, without a long run in between
  base::nanos began = 0;            // when it last started
  base::nanos due = 0;              // when the wait for its restart ends
  std::vector<child_end> ends;      // the last ones, the latest last
  std::any kept;                    // by its kind, until it is not to be started again by itself
  std::list<child>::iterator place; // in the table
  child_link by_id;
  child_link by_pid;
};

// One child as others see it.
struct child_row {
  runtime::message id;
  runtime::pid pid; // null unless running
  child_state state = child_state::stopped;
  std::uint32_t restarts = 0;
  std::shared_ptr<const child_spec> spec;
  std::optional<child_end> last_end;
  bool rests = false;      // stopped, as its init said ignore or somebody stopped it
  bool terminated = false; // stopped, as somebody stopped it
};

class child_table {
 public:
  static constexpr std::size_t ends_kept = 8;

  child_table() = default;
  child_table(const child_table&) = delete;
  child_table& operator=(const child_table&) = delete;

  // For so many children in all, that append() need not grow.
  void reserve(std::size_t children);
  // Behind all others, stopped. The id must be new (or empty).
  child& append(std::shared_ptr<const child_spec> spec, runtime::message id, runtime::message args,
                base::secrets_ptr secrets);
  void remove(child& gone);

  void set_running(child& one, runtime::pid pid);
  void set_stopped(child& one);
  void set_restarting(child& one);
  void set_given_up(child& one);
  // Keeps the last `ends_kept`.
  void note_end(child& one, const runtime::message& reason);
  void count_restart(child& one);
  void set_rests(child& one, bool rests, bool terminated = false);
  // The one that is being started or stopped; null: none.
  void set_busy(const child* with);
  // The supervisor's own specification, for those who look from outside.
  void set_whole(std::shared_ptr<const supervisor_spec> whole);
  // Another specification, with the same id.
  void respecify(child& one, std::shared_ptr<const child_spec> spec);
  // Those of these ids come first, in this order; the others stay behind them as they were.
  void arrange(const child_list& order);

  // nullptr: none.
  child* find(etf::bytes id) const;
  child* find(runtime::pid pid) const;

  std::list<child>& in_start_order() { return children_; }
  const std::list<child>& in_start_order() const { return children_; }
  std::size_t size() const { return children_.size(); }
  std::size_t running() const { return running_; }

  // A copy, in start order. Any thread.
  std::vector<child_row> rows() const;
  // One of them: nothing if there is none. Any thread.
  std::optional<child_row> row(etf::bytes id) const;
  std::optional<child_row> row(runtime::pid pid) const;
  // The last ends of the child that runs as `pid`, the latest last. Any thread.
  std::vector<child_end> ends(runtime::pid pid) const;
  // The id of the child that is being started or stopped; empty: none. Any thread.
  runtime::message busy() const;
  // Null: not set. Any thread.
  std::shared_ptr<const supervisor_spec> whole() const;
  // How many have been given up. Any thread.
  std::size_t given_up() const;
  // How many were stopped by somebody and rest. Any thread.
  std::size_t terminated() const;
  // How many restarts there were, those of children that are gone included. Any thread.
  std::uint64_t restarts() const;

 private:
  static child_row row_of(const child& one);
  void change(child& one, child_state state, runtime::pid pid);

  mutable std::mutex lock_;
  std::list<child> children_;
  child_index<&child::by_id> by_id_; // of those that have one
  child_index<&child::by_pid> by_pid_;
  std::size_t running_ = 0;
  std::size_t given_up_ = 0;
  std::size_t terminated_ = 0;
  std::uint64_t restarts_ = 0;
  runtime::message busy_;
  std::shared_ptr<const supervisor_spec> whole_;
};

} // namespace coppice::behaviours
