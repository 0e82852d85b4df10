// SPDX-License-Identifier: MIT
// A member of a Raft group, as a process: it owns the consensus core, writes the core's state to the node's
// durable log, exchanges messages with the other members, and answers clients. The commands are applied by
// another process, an actor of a plugin (machine_protocol.hpp), so that slow commands do not cost the group
// its leader. The member starts that actor, gives it committed entries and queries in order, takes snapshots
// of its state, and starts it again from a snapshot when it crashes. In the process's own turn.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "behaviours/gen/native_server.hpp"
#include "behaviours/journal/journal.hpp"
#include "behaviours/raft/beat_exchange.hpp"
#include "behaviours/raft/lead_board.hpp"
#include "behaviours/raft/machine_protocol.hpp"
#include "behaviours/raft/meeting.hpp"
#include "behaviours/raft/raft_counters.hpp"
#include "behaviours/raft/raft_spec.hpp"
#include "behaviours/raft/retry_pause.hpp"
#include "behaviours/raft/state_bound.hpp"
#include "behaviours/raft/state_checks.hpp"
#include "behaviours/raft/storage.hpp"
#include "behaviours/supervision/child_kind.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/supervision.hpp"
#include "consensus/core.hpp"
#include "consensus/unapplied_commands.hpp"
#include "metrics/board.hpp"

namespace coppice::behaviours::raft {

class member final : public native_server, private consensus::random_source {
 public:
  static constexpr std::string_view behaviour_name = "raft";

  // The parts of a new member. `child` makes the plugin's actor.
  struct parts {
    std::shared_ptr<const child_spec> child;
    std::shared_ptr<const raft_spec> options;
    runtime::message args, env;
    base::secrets_ptr secrets;
    std::shared_ptr<const supervision> shared;
    std::string label; // the child's place in the tree
  };
  explicit member(parts of);
  ~member() override;

  std::optional<peer_requests> from_peers() const override { return std::nullopt; }
  runtime::message engine_for_people(runtime::process& self) override;
  runtime::message sys_state(runtime::process& self) override { return engine_for_people(self); }

  // A call by a process of this node, answered ok | {error, Reason}. `what` is add, remove, transfer or
  // upgrade, and `of` NAME@ALIVE@HOST; or `what` is skip, and `of` the serial of a command; or `what` is
  // recover, and `of` is not read.
  static runtime::message change_request(std::string_view what, std::string_view of);
  // A call by a process of this node, answered {ok, Term} if the member leads its group in that term and a
  // majority has confirmed it since the call came. Otherwise {error, Reason}: {led_by, NAME@ALIVE@HOST},
  // no_leader, overloaded, or timeout if no majority has answered within `query_timeout`.
  static runtime::message confirm_lead();
  static bool is_one(const runtime::description& process) {
    return process.behaviour == behaviour_name && process.plugin.empty();
  }

 private:
  static constexpr std::string_view change_word = "$coppice_raft_change";
  static constexpr std::string_view lead_asked_word = "$coppice_raft_leads";
  static constexpr std::string_view met_word = "raft_met";
  static constexpr std::string_view where_word = "raft_where";
  static constexpr std::string_view here_word = "raft_here";
  static constexpr std::string_view check_word = "raft_check";

  enum class phase : std::uint8_t {
    naming,  // its identity is being written
    meeting, // it looks for the others
    joining, // the group's id is being written
    running, // it has a core
    again,   // its core was ahead of the disk, which is read again at again_at_
    stopped, // its log has ended, or its group is damaged: nothing is tried any more
  };
  enum class parked : std::uint8_t { nothing, command, snapshot, differs, version };

  // A call that has no answer yet. A call by a process of this node or another node has `from`; a call that
  // another member has passed on has `back` and `number`.
  struct waiting {
    enum class kind : std::uint8_t { append, session, query, get, lead, forwarded, change };
    kind what = kind::append;
    runtime::message from{};
    std::string back{};
    std::uint64_t number = 0;
    std::string asked{}; // forwarded: its address
    // The client's node, or, if this node does not know it, the node of the member that passed the call on.
    // 0: this node, whose calls have no bound of their own.
    std::uint32_t node = 0;
    std::string node_name{};                // of the client: session, and append with a session
    runtime::message body{};                // the query, or the command of an append while `validate` decides
    std::uint64_t client = 0, sequence = 0; // of a command; of get and of a skip, the serial
    base::nanos began = 0;
    std::size_t held = 0; // bytes that count against the bounds
  };
  using token = std::uint64_t;

  // native_server
  runtime::outcome on_start(runtime::process& self) override;
  void on_stop(runtime::process& self, const runtime::message& reason) override;
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

  // consensus::random_source
  std::uint64_t next() override;

  // member.cpp
  static consensus::identity random_identity();
  base::status read_log(runtime::process& self, group_contents& into);
  runtime::outcome begin(runtime::process& self, group_contents found);
  runtime::outcome start_core(runtime::process& self, group_contents found);
  runtime::outcome take_news(runtime::process& self);
  runtime::outcome wake(runtime::process& self);
  // Carries out the effects of the core's last call, and what follows from them.
  runtime::outcome carry_out(runtime::process& self);
  base::status write_all(std::vector<consensus::write>& writes);
  void tell_changes(runtime::process& self);
  void arm(runtime::process& self);
  // The voter whose log has come furthest. Null: there is no other voter.
  const consensus::progress* best_voter() const;
  // Bytes of the entries after `from` up to `to` that are in the log.
  std::uint64_t weight_of(consensus::log_index from, consensus::log_index to) const;

  // member_failures.cpp
  // Called when a write of the core is not on the disk and never will be.
  runtime::outcome start_again(runtime::process& self, const base::error& why);
  runtime::outcome read_again(runtime::process& self);
  runtime::outcome halt(runtime::process& self, const base::error& why);
  void put_away(runtime::process& self);

  // member_messages.cpp
  void send_all(runtime::process& self, std::vector<consensus::message>& all);
  void send(runtime::process& self, consensus::message&& one);
  runtime::send_status send_to(runtime::process& self, const std::string& address, runtime::message m);
  // Whether the message goes with heartbeats of other groups, if its receiver is on another node.
  bool gathers(const consensus::message& one) const;
  void gather(runtime::process& self, std::string_view address, const consensus::message& one);
  // `node`: the node that sent the message.
  void take_message(runtime::process& self, std::string_view node, etf::bytes term);
  // Whether a leader's snapshot may have this size here. A snapshot that is too large is noted for the
  // health report.
  bool has_room_for(const consensus::message& in, const consensus::snapshot_meta& of);
  runtime::outcome take_beat(runtime::process& self, etf::cursor at);
  void take_hello(runtime::process& self, const runtime::message& m);
  void take_met(runtime::process& self, const runtime::message& m);
  void meet(runtime::process& self, std::string address, const consensus::member_id& id);
  void say_hello(runtime::process& self);
  hello own_hello(bool asks) const;
  void found_group();
  void join_group(const hello::belongs& of);
  void belong(const membership& of, consensus::durable_state first);
  bool may_be_new(runtime::process& self, std::string_view node) const;
  bool is_trusted(std::string_view node) const;
  bool is_of_member(std::string_view node) const; // requires the core
  void trust(std::string_view address);
  void rebuild_trusted();
  std::string origin_name(runtime::process& self) const;
  void drop_message(runtime::process& self, std::string_view why);
  void drop_message(std::string_view node, std::string_view why);

  // member_quiescence.cpp
  bool is_at_rest() const;
  void settle_quiescence(runtime::process& self);
  // Monitors the process that would wake the member up, because the member has to hear of its end. False:
  // there is no such process.
  bool watch_liveness(runtime::process& self);
  void leave_quiescence(runtime::process& self);
  void take_quiescence(runtime::process& self, etf::cursor at);
  bool take_liveness_notice(runtime::process& self, const runtime::message& m);

  // member_clients.cpp
  void take_request(runtime::process& self, waiting one, const runtime::message& request);
  void take_append(runtime::process& self, waiting one, const runtime::message& request, etf::bytes command);
  void take_query(runtime::process& self, waiting one, const runtime::message& request, etf::bytes query,
                  bool stale);
  void take_get(runtime::process& self, waiting one, std::uint64_t serial);
  // Answers which voters keep the group from its next version.
  void refuse_upgrade(runtime::process& self, token of);
  void forward(runtime::process& self, waiting one, const runtime::message& request);
  void take_forwarded(runtime::process& self, const runtime::message& m);
  void take_back(runtime::process& self, const runtime::message& m);
  // Whether a leader's log says that the call's session, if it has one, was opened by another node or by no
  // entry. If the log does not have the session's entry any more, the actor is asked: see knows_session().
  bool has_foreign_session(const waiting& call) const;
  // Whether the log can tell which node opened the call's session. True: also if the call has no session.
  bool knows_session(const waiting& call) const {
    return call.client == 0 || call.client > core_->log().base();
  }
  void propose_command(runtime::process& self, token of, etf::bytes command);
  void propose(runtime::process& self, token of, consensus::entry_kind what, etf::bytes command);
  void queue_proposal(runtime::process& self, consensus::proposal made);
  std::int64_t entry_time(); // for the next entry, ms since 1970
  void flush(runtime::process& self);
  runtime::message leader_answer() const;
  runtime::message members_answer() const;
  bool may_ask(runtime::process& self) const;
  std::string why_idle() const;
  void write_members(etf::writer& out) const; // [{{Name, Node}, Role}]

  // member_operators.cpp
  void take_change(runtime::process& self, waiting one, const runtime::message& request);
  void take_recover(runtime::process& self, waiting one);
  // The operator wants to pass over a command that a majority cannot apply. The leader asks the voters at
  // which serial they are parked, and appends the entry once enough voters are parked at this command.
  void take_skip(runtime::process& self, waiting one, std::string_view serial);
  void take_where(runtime::process& self, const runtime::message& m);
  void take_here(runtime::process& self, const runtime::message& m);
  void settle_skip(runtime::process& self);
  void refuse_skip(runtime::process& self);
  std::size_t voters_parked() const; // at the serial of skip_

  // member_calls.cpp
  bool is_overloaded(const waiting& by, std::size_t more) const;
  void answer(runtime::process& self, const waiting& to, runtime::message term);
  void answer(runtime::process& self, token to, runtime::message term);
  token keep(runtime::process& self, waiting one);
  void expire(runtime::process& self);
  void answer_outcome(runtime::process& self, const consensus::answer& one);

  // member_lead.cpp
  void enter_lead();
  void take_lead_question(runtime::process& self, const runtime::message& from);
  // Called when a read may be answered. False: the read is not for a question about the lead.
  bool answer_lead(runtime::process& self, token of);

  // member_checks.cpp
  void take_checked(runtime::process& self, etf::cursor at);
  runtime::message check_message(const state_checks::hash& what, bool asks) const;
  void take_check(runtime::process& self, const runtime::message& m);
  void judge_check(runtime::process& self, std::uint64_t serial);

  // member_effects.cpp
  void note_lead(runtime::process& self);
  void tell_lead(runtime::process& self);
  void take_came(runtime::process& self, etf::cursor at, const runtime::message& m);
  void propose_came(runtime::process& self, token of);
  void propose_came_again(runtime::process& self);
  // False: the answer is not about an entry of a timer or a monitor.
  bool take_came_outcome(runtime::process& self, const consensus::answer& one);
  void forget_came();

  // member_versions.cpp
  // The versions that the actor's code knows.
  consensus::version_range known_versions() const;
  // A reload may have replaced the actor's code, so its versions are compared before each step.
  void note_versions(runtime::process& self);
  // How many of the next entries the actor is given at once. 0: its code does not know the version of the
  // first entry, which is `lacking`.
  std::size_t batch_length(std::span<const consensus::entry> entries,
                           consensus::machine_version& lacking) const;
  void note_version_sent(consensus::machine_version to);
  void park_without(runtime::process& self, consensus::machine_version lacking);
  void write_waited_for(runtime::message_writer& out) const;

  // member_report.cpp
  void publish();
  // A write took longer than a heartbeat.
  void note_slow_write(base::nanos took, base::nanos now);
  void note_lost(const consensus::lost_entry& what) const;
  void note_waiting(base::nanos now);
  base::nanos heard_at(const consensus::progress& of, const consensus::member& one) const;

  // member_machine.cpp
  base::result<std::unique_ptr<runtime::behaviour>> make_machine();
  runtime::spawn_options machine_options() const;
  runtime::outcome spawn_machine(runtime::process& self);
  // Gives the actor its first state, from the snapshot in use.
  void begin_machine(runtime::process& self);
  void tell_machine(runtime::process& self, runtime::message_writer& body);
  void begin_body(runtime::message_writer& out) const;
  void feed(runtime::process& self);
  runtime::outcome take_from_machine(runtime::process& self, const runtime::message& m);
  void take_applied(runtime::process& self, etf::cursor at, const runtime::message& m);
  // Tells an actor what it has to know besides its entries.
  void tell_all(runtime::process& self);
  void tell_leader(runtime::process& self);
  void tell_quorum(runtime::process& self);
  void tell_members(runtime::process& self);

  // member_crashes.cpp
  runtime::outcome lose_machine(runtime::process& self, const runtime::message& reason);
  // Starts the actor again, after a crash and its pause or to try a snapshot again.
  runtime::outcome raise_machine(runtime::process& self);
  void park(runtime::process& self, parked what, std::uint64_t serial, std::string why);
  void unpark();
  // The actor begins with the snapshot in use, also if something has kept it from applying.
  runtime::outcome begin_anew(runtime::process& self);
  // Entries up to `upto` are committed. True: one of them passes over the command at which this member is
  // parked, or over a command in the state because of which it is parked.
  bool note_skips(runtime::process& self, consensus::log_index upto);
  void tell_skip(runtime::process& self, std::uint64_t serial);
  // A leader that cannot apply leaves the lead to another voter.
  void hand_over(runtime::process& self);

  // member_questions.cpp
  // Gives the actor a client's question, unless the actor has too many.
  void ask(runtime::process& self, token of, consensus::log_index index, bool query);
  bool may_ask_more() const;
  void ask_queries(runtime::process& self);
  void ask_validations(runtime::process& self);
  bool is_decided_by_log(runtime::process& self, token of);
  void asked_is_answered(token of);
  // The questions of an actor that has ended wait to be asked again.
  void ask_again();
  void take_got(runtime::process& self, etf::cursor at);

  // member_snapshots.cpp
  void take_snapshot(runtime::process& self);
  void take_saved(runtime::process& self, etf::cursor at);
  void lose_save(runtime::process& self, std::string_view why);

  // Serial of the command at which this member is parked. 0: it is not parked, or for another reason.
  std::uint64_t crashing_serial() const { return parked_for_ == parked::command ? parked_ : 0; }
  bool has_machine() const { return bool{machine_} && parked_for_ == parked::nothing; }

  const parts of_;
  const std::shared_ptr<const raft_spec> options_;
  const std::uint64_t alike_; // digest of what is equal in all first members, see group_of()
  std::string own_;           // NAME@ALIVE@HOST of this member
  journal* journal_ = nullptr;
  durable::shared_log* log_ = nullptr;
  durable::group_id group_ = 0;
  std::unique_ptr<storage> storage_;
  phase phase_ = phase::naming;
  consensus::member_id self_{};
  membership membership_{};
  std::optional<meeting> meeting_;
  group_contents beginning_; // while `joining`: the contents that the core begins with
  struct stranger {
    std::string address;
    consensus::member_id id{};
    base::nanos at = 0; // when it was heard of last
  };
  std::map<std::string, stranger> strangers_; // senders of hellos that are no members, by node
  base::nanos next_hello_ = 0;
  bool full_ = false; // the disk was full when the core began
  base::nanos again_at_ = 0;
  retry_pause again_pause_{base::nanos_per_second, 30 * base::nanos_per_second};
  std::string again_why_, stopped_why_; // why it last began again; why it is stopped
  base::nanos next_touch_ = 0;

  std::unique_ptr<consensus::core> core_;
  consensus::effects effects_;
  std::vector<std::string> trusted_; // nodes
  // Heartbeats. is_quiet_: nothing was appended since the last one. answers_beat_: a heartbeat is answered
  // that came with those of other groups.
  beat_exchange* beats_ = nullptr; // null: each heartbeat goes alone
  beat_exchange::seat seat_;       // while there is a core
  lead_board* leads_ = nullptr;    // null: the node has none
  lead_board::standing entered_;   // the standing that was last entered in leads_
  bool is_quiet_ = false;
  consensus::log_index last_at_beat_ = 0; // the log's end when heartbeats were last sent
  bool answers_beat_ = false;
  bool is_known_quiescent_ = false;     // beats_ was told so
  runtime::reference liveness_watch_{}; // of the carrier, while the member is quiescent
  // Addresses of members that the configuration does not have, by their messages.
  std::map<consensus::member_id, std::string> heard_from_;
  consensus::member_id told_leader_{};
  consensus::term_number told_term_ = 0;
  bool told_any_leader_ = false;
  std::optional<bool> told_quorum_;
  consensus::configuration told_members_;
  base::nanos leaderless_since_ = 0; // 0: a leader is known

  // Clients.
  token last_token_; // begins at random: a late answer to an earlier life's call must not fit a new one
  std::unordered_map<token, waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  struct node_share {
    std::size_t calls = 0, bytes = 0;
  };
  std::unordered_map<std::uint32_t, node_share> shares_; // parts of waiting_ of other nodes; none is zero
  std::deque<std::pair<base::nanos, token>> append_due_, query_due_; // each in the order of their time
  std::vector<consensus::proposal> proposals_;                       // for the next append
  std::size_t proposed_bytes_ = 0;
  bool flush_sent_ = false;
  std::unordered_map<consensus::log_index, token> committed_; // answered when it is applied
  std::deque<consensus::ready_read> reads_;                   // not yet asked of the actor
  std::deque<token> to_validate_;                             // not yet asked of the actor
  std::int64_t last_time_ = 0;                                // time of the last entry, ms
  struct asking_voters {
    token of = 0; // the call, which has the serial
    std::map<consensus::member_id, bool> parked_there;
  };
  std::optional<asking_voters> skip_;

  // Effects of entries.
  consensus::log_index leads_from_ = 0;              // the first entry of its own term. 0: it does not lead
  consensus::term_number leads_in_ = 0;              // the term in which the actor was told so
  consensus::log_index carried_ = 0;                 // entries whose messages earlier actors have sent
  std::unordered_map<token, runtime::message> came_; // of timers and monitors, on the way into the log
  std::deque<std::pair<base::nanos, token>> came_again_; // to be tried again, in the order of their time

  // The option `check`.
  state_checks checks_;
  std::uint64_t undecided_at_ = 0;                         // the serial last logged as undecided
  std::map<consensus::member_id, std::uint64_t> named_at_; // the serial last logged, of members that differ

  // The actor that applies.
  runtime::pid machine_; // null: none runs
  std::shared_ptr<const machine_progress> progress_;
  std::uint64_t run_ = 0;
  bool machine_began_ = false;
  consensus::log_index may_apply_ = 0, sent_ = 0, applied_ = 0;
  std::uint64_t serial_ = 0, sessions_ = 0;
  std::uint64_t run_serial_ = 0;            // the present run has applied up to this one at least
  consensus::log_index told_compacted_ = 0; // the actor knows that the log has no entries up to here
  unsigned batches_ = 0;                    // that the actor has
  struct asked {
    token of = 0;
    consensus::log_index index = 0; // of a query
    bool query = false;
    std::size_t bytes = 0;
  };
  std::deque<asked> asked_; // that the actor has, in order
  std::size_t asked_bytes_ = 0;
  consensus::unapplied_commands unapplied_; // as of the last refusal of `validate`
  std::uint64_t behind_bytes_ = 0;          // of entries that are committed and not applied
  // Since when there are entries to apply while applied_ has stayed the same. 0: there are none.
  base::nanos waits_since_ = 0;
  consensus::log_index applied_then_ = 0;
  consensus::log_index snapshot_at_ = 0;
  std::uint64_t bytes_since_ = 0; // of entries that were sent to the actor since the last snapshot
  bool saving_ = false;
  state_bound largest_state_;
  bool no_snapshots_ = false;         // the last one could not be taken
  std::uint64_t too_large_state_ = 0; // bytes of the state that was too large for a snapshot. 0: it was not
  // Bytes of a leader's snapshot that is too large for this member, and the commit index here when it was
  // dropped. 0 bytes: there is none.
  std::uint64_t too_large_snapshot_ = 0;
  consensus::log_index dropped_snapshot_at_ = 0;
  base::nanos next_save_ = 0; // no snapshot is taken before this
  retry_pause save_pause_{20 * base::nanos_per_second, 600 * base::nanos_per_second};
  std::uint64_t crashed_at_ = 0, crashes_ = 0;
  std::deque<base::nanos> other_crashes_;
  base::nanos machine_at_ = 0; // when the actor is started again. 0: no start is planned
  retry_pause crash_pause_{100 * base::nanos_per_ms, 10 * base::nanos_per_second};
  parked parked_for_ = parked::nothing; // what the member cannot apply
  std::uint64_t parked_ = 0;            // the serial of a command that crashes it, or after which it differs
  std::string parked_why_;
  consensus::machine_version parked_version_ = 0; // the version that the code does not know
  // Versions: of the actor's state after entry sent_, and of the last snapshot that was taken or asked for.
  consensus::machine_version machine_version_ = 0, saved_version_ = 0;
  bool has_state_ = false; // the actor began with a snapshot, or was sent a command
  // Commands that committed entries after the snapshot pass over, by serial, with the index of the entry.
  std::map<std::uint64_t, consensus::log_index> skips_;
  base::nanos hand_over_at_ = 0; // the lead is not handed over before this
  retry_pause hand_over_pause_{base::nanos_per_second, 300 * base::nanos_per_second};

  base::nanos armed_ = 0; // 0: no timer
  std::uint64_t timer_ = 0;
  std::uint64_t elections_before_ = 0, dropped_before_ = 0; // of this core, already counted
  std::shared_ptr<raft_counters> counters_ = std::make_shared<raft_counters>();
  metrics::board::entry on_board_;
};

} // namespace coppice::behaviours::raft
