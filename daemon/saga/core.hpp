// SPDX-License-Identifier: MIT
// The saga of one actor as a pure machine, coordinator and participant in one: events in, effects out. It has
// no thread, no clock and no randomness, and does no I/O; the same events give the same effects. Each call
// passes the time, and the core adds to `out` what its owner has to do. daemon/README.md has the rules that
// hold across its files. One thread at a time.
#pragma once

#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "saga/effects.hpp"
#include "saga/options.hpp"
#include "saga/size_order.hpp"
#include "saga/transaction.hpp"

namespace coppice::saga {

// A transaction or step is given up after so many callbacks that ended the actor.
inline constexpr std::uint32_t most_ends = 3;

// A step is not tried again later than this, whatever a plugin asks for or a record says, so no time
// overflows.
inline constexpr base::nanos longest_delay = 365 * 86'400 * base::nanos_per_second;

struct start_request {
  std::string tx; // a repeated id from the same node names the same transaction
  term value;
  base::nanos lifespan = 0; // at most that of the options. 0: that of the options
};

// An open transaction or step, as people are shown it. The words are names of enumerators and live as long
// as the program.
struct open_unit {
  std::string tx;
  std::uint32_t depth = 0;    // sagas above it. 0: the transaction was started here
  std::string_view state;     // of the transaction, or of the step that this node takes part in
  bool in_doubt = false;      // prepared, and without a decision
  bool parked = false;        // a step of it cannot be undone
  base::nanos left = 0;       // until its deadline; 0: it has passed, or does not matter any more
  std::vector<address> waits; // participants whose answers it waits for; only the first
};

enum class wanted_units : std::uint8_t {
  all,
  in_doubt,
  parked,
  overdue, // their end is decided, and long after their deadline it is not carried out
};

// A step that a transaction of this node has given out. The words are as in open_unit.
struct shown_step {
  std::uint32_t number = 0, group = 0; // a group begins when all steps of lower groups are over
  address to;
  std::string_view state;
  std::string_view pending;   // what its participant has been asked and has not answered. Empty: nothing
  std::uint32_t attempts = 1; // 1 + the failed attempts at the same step before this one
  std::uint32_t sent = 0;     // times that the pending request was sent
  base::nanos next = 0;       // until that request is sent again. 0: it is not
  bool parked = false;        // it cannot be undone
  bool skipped = false;       // an operator has taken it for undone, or its participant for gone
  // The result or the error, until the actor has decided what follows from it. Otherwise empty.
  term answer;
};

// One transaction, or one step that this node takes part in, with all that the core keeps of it.
struct shown_unit {
  open_unit open;
  std::string from;          // the node that started the transaction, or the coordinator of the step
  std::uint32_t attempt = 0; // of the step. 0: it is a transaction
  bool heuristic = false;    // an operator has decided the step
  std::uint64_t calling = 0; // token of the callback of the step that has no answer yet. 0: none
  term answer;               // of the step, the result or the error. Of a decided transaction, its end
  std::vector<shown_step> steps;
};

class core {
 public:
  using nanos = base::nanos;

  // `kept`: the records on the disk, in any order. errc::invalid: the options, or records that no crash
  // leaves behind.
  static base::result<std::unique_ptr<core>> start(const options& how, std::vector<kept_record> kept,
                                                   nanos now, effects& out);
  ~core();
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  // Lets time pass. Must be called at the time wake() at the latest.
  void advance(nanos now, effects& out);
  nanos wake() const; // the largest number: nothing is due

  // `in` may be anything; a message that makes no sense is dropped and counted.
  void receive(nanos now, message&& in, effects& out);
  // Every write up to this number is on the disk.
  void written(nanos now, std::uint64_t number, effects& out);
  // A callback has ended. A token that is unknown, or whose question is settled, is ignored.
  void answered(nanos now, std::uint64_t token, verdict&& what, effects& out);

  // The actor ends because of the callback with this token, so the core ends too. The writes of this call
  // may be made beside earlier writes, in any order. After several such ends a transaction or a step that is
  // not decided is undone; until then each further call waits for longer.
  void actor_ended(nanos now, std::uint64_t token, effects& out);

  // The process that ran the callback with this token has ended without an answer, and the actor goes on.
  // The callback is `perform`, `reverse` or `confirm`. A step that is not to be undone is performed again,
  // as a further attempt, when its coordinator asks again; the coordinator is told at once that it may.
  // After several such ends the step is undone. The other callbacks are repeated later.
  void call_ended(nanos now, std::uint64_t token, effects& out);

  // Starts a transaction. Answered once, with `token`. `origin`: the node of the caller.
  void begin(nanos now, std::uint64_t token, const std::string& origin, start_request&& what, effects& out);
  // Has no effect once it is decided how the transaction ends. Answered once, with `token`.
  void cancel(nanos now, std::uint64_t token, const std::string& origin, const std::string& tx, term reason,
              effects& out);
  // From a participant whose handle_do runs, or which has steps of its own.
  void interim(nanos now, const step_key& key, term value, effects& out);
  // Goes to the subscribers of a transaction that was started here.
  void interim(nanos now, const std::string& tx, term value, effects& out);
  // An operator decides steps of this node that are in doubt. If `commit` is false, also: steps that cannot
  // be undone count as undone, and a transaction without a decision is aborted. If a transaction is overdue
  // and ends as `commit` says, a participant that has not answered a request for grace() is taken for gone.
  // Answered once, with `token`.
  void resolve(nanos now, std::uint64_t token, const std::string& tx, bool commit, effects& out);

  // The outcome that is on the disk: `open` while the decision is not there yet.
  outcome outcome_of(const std::string& tx) const;
  bool knows(const step_key& key) const { return entries_.contains(key); } // takes part in this step
  std::size_t open() const { return open_; }                // transactions that were started here
  std::size_t entries() const { return entries_.size(); }   // steps that this node takes part in
  std::size_t in_doubt() const { return in_doubt_.size(); } // steps that are prepared, without a decision
  // Since when the first step in doubt is so. A step from before the start: since its deadline, or since the
  // start if that is earlier. `never`: no step is in doubt.
  nanos in_doubt_since() const { return in_doubt_.empty() ? never : in_doubt_.begin()->first; }
  std::size_t parked() const { return parked_; } // steps that cannot be undone
  // The first deadline of a transaction or step that ends and is not parked. `never`: there is none. A
  // deadline is overdue when it passed more than grace() ago: twice the longest time between two requests.
  nanos first_ending() const { return ending_.empty() ? never : ending_.begin()->first; }
  nanos grace() const { return 2 * std::max(options_.step_timeout, options_.retry_max); }
  // Sets the time by which the functions below compute the time that is left and what is overdue, unless an
  // event was later.
  void note_time(nanos now) { now_ = now > now_ ? now : now_; }
  // At most `most` units, the first ones by their beginning; `in_doubt`: by the time since which they are in
  // doubt; `overdue`: by their deadlines.
  std::vector<open_unit> open_units(std::size_t most, wanted_units which = wanted_units::all) const;
  // The open units of this transaction, by their beginning. At most `most` units, with at most `most_steps`
  // steps together. Empty: nothing is open; outcome_of() may know how it ended.
  std::vector<shown_unit> units_of(const std::string& tx, std::size_t most, std::size_t most_steps) const;
  // Bytes that wait for the disk: changes, and the effects that wait for them. While these are too many, the
  // owner takes no new requests.
  std::size_t unwritten() const { return unwritten_; }
  // Bytes that are open for other nodes; see options::max_bytes_for_others.
  std::size_t bytes_for_others() const { return bytes_for_others_; }
  const counters& counted() const { return counted_; }

 private:
  explicit core(const options& how) : options_(how), last_token_(how.first_token - 1) {}

  // A request to perform a step. The time that is left for the step is computed when the message leaves.
  struct timed_message {
    message what;
    nanos deadline = 0;
  };
  // A call of `perform` that may be ended.
  struct stop {
    std::uint64_t token = 0;
  };
  using held = std::variant<message, timed_message, call, notice, answer, stop>;
  struct held_bytes;

  // looking.cpp
  open_unit look_at(const unit& of) const;
  // The open units of this transaction, by their beginning.
  std::vector<std::uint64_t> numbers_of(const std::string& tx) const;

  // core.cpp
  void enter(nanos now) {
    note_time(now);
    handled_bytes_ = 0;
  }
  // Whether this call has handled a portion of changes and effects. The rest stays due.
  bool has_portion() const { return handled_bytes_ >= options_.longest_write; }
  void count(drop why) { ++counted_.dropped[static_cast<std::size_t>(why)]; }
  void put_begin(unit& of, effects& out);
  void put(unit& of, record_kind kind, std::uint32_t step, std::optional<record> what, effects& out,
           bool can_wait = false); // see write::can_wait
  void say(const unit& of, held what, effects& out) { say_after(of.last_write, std::move(what), out); }
  void say_after(std::uint64_t write, held what, effects& out);
  std::uint64_t ask_actor(const unit& of, call what, std::uint32_t step, effects& out);
  unit& make_unit();
  unit* find_entry(const step_key& key);
  unit* find_coordinator(const step_key& of_step);
  nanos delay(std::uint32_t tries, nanos first, nanos max) const;
  nanos delay(std::uint32_t tries) const { return delay(tries, options_.retry_first, options_.retry_max); }
  nanos patience(std::uint32_t tries) const; // until an unanswered request is sent again
  nanos due_of(const unit& of) const;
  void list(unit& of);
  static bool is_ending(const unit& of);
  bool is_overdue(nanos deadline) const { return now_ > deadline && now_ - deadline > grace(); }
  void settle(unit& of);
  void count_share(unit& of);
  // Whether a transaction or a step of this size is too much for the node that asks for it.
  bool exceeds_share(const std::string& node, const node_share& more) const;
  // Whether there is room for so many more bytes that are open for this node.
  bool has_bytes_for(const std::string& node, std::size_t more) const;
  // Whether a demand to undo or to commit this step may have this value.
  bool has_room_for_word(const entry& part, const term& word) const;
  void on_due(unit& of, effects& out);
  void expire(effects& out);
  struct forgotten_keys;
  using forgotten_by_node = std::map<std::string, forgotten_keys, std::less<>>;
  void drop_forgotten(forgotten_by_node::iterator of); // the node's oldest one, and the node with its last

  // coordinator.cpp
  void on(const message& of, reply& in, effects& out);
  void on(const message& of, interim_message& in, effects& out);
  void on(const message& of, const question& in, effects& out);
  void say_last(const address& to, const step_key& key, const term* final, effects& out);
  void decide_start(unit& of, verdict&& what, effects& out);
  void decide_step(unit& of, step& about, verdict&& what, effects& out);
  void plan(unit& of, std::uint32_t by, plan_record&& what, effects& out);
  bool too_much(const transaction& in, const verdict& what) const;
  step_key key_of(const transaction& in, const step& which) const;
  void ask(unit& of, step& whom, request_kind what, effects& out);
  void send(unit& of, step& to, effects& out);
  void go_on(unit& of, effects& out);
  void run_steps(unit& of, effects& out);
  void complete(unit& of, effects& out);

  // ending.cpp
  void turn(unit& of, term reason, effects& out);
  // The record of it. go_on() reverses the steps.
  void decide_against(unit& of, term reason, effects& out);
  void reverse_steps(unit& of, effects& out);
  void reversed(unit& of, effects& out);
  void confirm_steps(unit& of, effects& out);
  void forget_steps(unit& of, effects& out);
  void park(unit& of, step& which, term why, effects& out);
  void end(unit& of, effects& out);
  void erase_plans(unit& of, effects& out);
  bool is_silent(const transaction& in, const step& which, bool commit) const;
  std::size_t resolve_lead(unit& of, bool commit, effects& out);

  // participant.cpp
  void on(const message& of, request& in, effects& out);
  void perform(unit* known, const message& of, request& in, effects& out);
  void perform_again(unit& of, const request& in, effects& out);
  std::optional<reply> refusal(const request& in);
  void reverse(unit& of, const request& in, effects& out);
  void confirm(unit& of, const request& in, effects& out);
  void forget(unit& of, effects& out);
  void answer_unknown(const message& of, const request& in, effects& out);
  void performed(unit& of, verdict&& what, effects& out);
  void perform_ended(unit& of, effects& out);
  void lead_steps(unit& of, verdict&& what, effects& out);
  void undo_own(unit& of, term why, effects& out);
  transaction& make_lead(unit& of);
  void reverse_entry(unit& of, effects& out);
  void call_reverse(unit& of, effects& out);
  void call_confirm(unit& of, effects& out);
  void entry_reversed(unit& of, verdict&& what, effects& out);
  void entry_confirmed(unit& of, const verdict& what, effects& out);
  void finish_reversal(unit& of, effects& out);
  void forget_entry(unit& of, effects& out);
  void tell(const unit& of, request_kind to, answer_kind what, const term& value, effects& out);
  void put_entry(unit& of, effects& out);
  void entry_due(unit& of, effects& out);
  void remember_forgotten(const step_key& key);
  bool is_in_doubt(const unit& of) const;
  static bool is_over(const unit& of);
  void await_forget(unit& of, effects& out);
  void confirm_entry(unit& of, effects& out);
  void follow_operator(unit& of, effects& out);
  std::size_t resolve_part(unit& of, bool commit, effects& out);

  // recovery.cpp
  base::status recover(std::vector<kept_record> kept, effects& out);
  struct found_records;
  base::status recover_one(std::uint64_t number, found_records& what, effects& out);
  base::status rebuild(unit& of, found_records& what);
  void resume(unit& of, effects& out);

  const options options_;
  nanos now_ = 0;
  counters counted_;

  std::unordered_map<std::uint64_t, unit> units_;
  std::uint64_t last_number_ = 0;
  // By transaction id: open transactions, and ended transactions that are still known.
  std::map<std::string, std::uint64_t> roots_;
  std::map<step_key, std::uint64_t> entries_;
  std::size_t open_ = 0;
  std::size_t two_phase_ = 0;                             // entries of the kind two_phase
  std::map<std::string, node_share, std::less<>> shares_; // of other nodes, by name; none is empty
  std::size_t bytes_for_others_ = 0;
  // Units whose outcome is kept, of one node that has started them, by the time at which each is erased.
  struct ended_units {
    std::set<std::pair<nanos, std::uint64_t>> order;
    std::size_t bytes = 0; // by weight()
  };
  using ended_by_node = std::map<std::string, ended_units, std::less<>>;
  ended_by_node ended_by_node_;                       // by that node; none is empty
  size_order most_ended_, longest_ended_;             // these nodes, by number and by bytes
  nanos ended_due_ = never;                           // the first of these times, or an earlier one
  std::size_t ended_ = 0;                             // of all nodes
  std::size_t ended_bytes_ = 0, forgotten_bytes_ = 0; // by weight()
  bool keeps_too_many() const { return ended_ > options_.keep_count || ended_bytes_ > options_.keep_bytes; }
  void note_ended(const ended_record& what, std::uint64_t number);
  // The node whose oldest outcome goes next, because its time has come, or because there are too many and
  // this node has the most. end(): none goes yet.
  ended_by_node::iterator next_to_expire();
  using by_time = std::set<std::pair<nanos, std::uint64_t>>; // units
  by_time in_doubt_;                                         // by the time since which they are in doubt
  by_time ending_;                                           // units whose end is decided, by their deadline
  std::set<std::uint64_t> parked_units_;                     // units with a step that cannot be undone
  std::size_t parked_ = 0;                                   // steps that cannot be undone

  // Keys of steps that were forgotten, or reversed before they came. A request to perform one is too late.
  // Another node that has too many keys pushes out its own. If all nodes together have too many, keys of the
  // node that has the most go.
  std::map<step_key, nanos> forgotten_; // with the time at which the key is dropped
  struct forgotten_keys {
    std::deque<std::map<step_key, nanos>::iterator> order; // the oldest first
    std::size_t bytes = 0;                                 // by weight()
  };
  forgotten_by_node forgotten_by_node_;           // by the node that the key belongs to; none is empty
  size_order most_forgotten_, longest_forgotten_; // these nodes, by number and by bytes
  nanos forgotten_due_ = never;                   // the first of these times, or an earlier one

  struct open_call {
    std::uint64_t number = 0;
    callback what = callback::start;
    std::uint32_t step = 0;
  };
  std::unordered_map<std::uint64_t, open_call> asked_; // by token
  std::uint64_t last_token_;

  struct pending_write {
    std::uint64_t number = 0;
    std::size_t bytes = 0; // of its changes and of the effects that wait for it
    std::vector<held> after;
  };
  std::deque<pending_write> writes_; // the owner has them, and they are not on the disk yet
  std::uint64_t last_write_ = 0, written_ = 0;
  std::size_t unwritten_ = 0;     // of writes_
  std::size_t write_bytes_ = 0;   // of the last write
  std::size_t handled_bytes_ = 0; // of all changes and effects of the call that runs
  void release(held&& one, effects& out) const;

  struct timer {
    nanos at = 0;
    std::uint64_t number = 0;
    bool operator>(const timer& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  // A heap with the earliest first; an element counts only if it equals its unit's timer_at.
  std::vector<timer> timers_;
};

} // namespace coppice::saga
