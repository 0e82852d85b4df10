// SPDX-License-Identifier: MIT
// The children of one supervisor, in start order, found by id or by pid in constant time. Invariant: a child
// is found by pid exactly while it runs. Under simple_one_for_one it is also found while it is to be started
// again, since the pid that it had is its only identity. The owner's turn changes and reads the table. Any
// thread may call rows() and row(), so every change takes a (short, uncontended) lock.
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
  restarting, // waits for its restart, or for another try after a failed one
  given_up,   // failed too often: stays down until it is started by request
};

std::string_view text(child_state value);

// How a run of a child ended, or why a start of it failed.
struct child_end {
  base::nanos wall = 0; // when
  std::string reason;   // as Erlang text, cut if it is long
};

struct child {
  std::shared_ptr<const child_spec> spec;
  runtime::message id;       // spec->id; under simple_one_for_one empty
  runtime::message args;     // spec->args; simple_one_for_one: merged with those of start_child
  base::secrets_ptr secrets; // the secrets whose markers `args` has; null: none
  runtime::message env;      // the application's, as it got it at its start or since
  runtime::pid pid;          // of the running process; while restarting: of the last process
  child_state state = child_state::stopped;
  std::uint32_t restarts = 0;
  bool rests = false;               // it is not to run: its init said ignore, or it was stopped by request
  bool terminated = false;          // it rests because it was stopped by request
  bool awaits = false;              // stopped for the restart of a sibling, which is to start it as well
  std::uint32_t waits = 0;          // for its restart, without a long run in between
  base::nanos began = 0;            // when it last started
  base::nanos wait_began = 0;       // when the wait for its restart began
  base::nanos due = 0;              // when that wait ends
  std::vector<child_end> ends;      // the last ones, in order of time
  std::any kept;                    // what its kind keeps while it is to be started again by itself
  std::list<child>::iterator place; // in the table
  child_link by_id;
  child_link by_pid;
};

// One child as the tree shows it.
struct child_row {
  runtime::message id;
  runtime::pid pid; // null unless running
  child_state state = child_state::stopped;
  std::uint32_t restarts = 0;
  std::shared_ptr<const child_spec> spec;
  std::optional<child_end> last_end;
  bool rests = false;      // stopped, as its init said ignore or by request
  bool terminated = false; // stopped by request
};

class child_table {
 public:
  static constexpr std::size_t ends_kept = 8;

  child_table() = default;
  child_table(const child_table&) = delete;
  child_table& operator=(const child_table&) = delete;

  // Makes room for so many children in all, so that append() need not grow.
  void reserve(std::size_t children);
  // Appends a child, stopped. The id must be new (or empty).
  child& append(std::shared_ptr<const child_spec> spec, runtime::message id, runtime::message args,
                base::secrets_ptr secrets);
  void remove(child& gone);

  void set_running(child& one, runtime::pid pid);
  void set_stopped(child& one);
  void set_restarting(child& one);
  void set_given_up(child& one);
  // Keeps the last `ends_kept` ends.
  void note_end(child& one, const runtime::message& reason);
  void count_restart(child& one);
  // The child awaits no sibling's restart any more.
  void set_rests(child& one, bool rests, bool terminated = false);
  // For a stopped child. As soon as it is in another state, it awaits none.
  void set_awaits(child& one, bool awaits);
  // The child that is being started or stopped; null: none.
  void set_busy(const child* with);
  // The supervisor's own specification, for whole().
  void set_whole(std::shared_ptr<const supervisor_spec> whole);
  // Gives the child another specification, with the same id.
  void respecify(child& one, std::shared_ptr<const child_spec> spec);
  // Gives the child a specification that differs only in how it is supervised. Its args stay.
  void resupervise(child& one, std::shared_ptr<const child_spec> spec);
  // Moves the children with these ids to the front, in this order; the others stay behind them as they were.
  void arrange(const child_list& order);

  // null: none.
  child* find(etf::bytes id) const;
  child* find(runtime::pid pid) const;

  std::list<child>& in_start_order() { return children_; }
  const std::list<child>& in_start_order() const { return children_; }
  std::size_t size() const { return children_.size(); }
  std::size_t running() const { return running_; }
  // How many children await the restart of a sibling.
  std::size_t awaiting() const { return awaiting_; }

  // All children, copied, in start order. Any thread.
  std::vector<child_row> rows() const;
  // One child. Nothing: there is none. Any thread.
  std::optional<child_row> row(etf::bytes id) const;
  std::optional<child_row> row(runtime::pid pid) const;
  // The last ends of the child that runs as `pid`, in order of time. Any thread.
  std::vector<child_end> ends(runtime::pid pid) const;
  // The id of the child that is being started or stopped; empty: none. Any thread.
  runtime::message busy() const;
  // null: not set. Any thread.
  std::shared_ptr<const supervisor_spec> whole() const;
  // How many children have been given up. Any thread.
  std::size_t given_up() const;
  // How many children rest because they were stopped by request. Any thread.
  std::size_t terminated() const;
  // How many restarts there were, including those of children that are gone. Any thread.
  std::uint64_t restarts() const;

 private:
  static child_row row_of(const child& one);
  void change(child& one, child_state state, runtime::pid pid);

  mutable std::mutex lock_;
  std::list<child> children_;
  child_index<&child::by_id> by_id_; // of the children that have an id
  child_index<&child::by_pid> by_pid_;
  std::size_t running_ = 0;
  std::size_t given_up_ = 0;
  std::size_t terminated_ = 0;
  std::size_t awaiting_ = 0;
  std::uint64_t restarts_ = 0;
  runtime::message busy_;
  std::shared_ptr<const supervisor_spec> whole_;
};

} // namespace coppice::behaviours
