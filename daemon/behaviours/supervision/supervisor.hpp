// SPDX-License-Identifier: MIT
// OTP's supervisor: starts its children in order, restarts them by its strategy, stops them in reverse. The
// decisions are made in restart.hpp over the child table; this is the process that carries them out. To
// other nodes it is a `supervisor` as on an Erlang node (supervisor:which_children({Name, Node}) and its
// kin). Starting and stopping a child park the process: messages that arrive meanwhile wait, as in OTP.
#pragma once

#include <coppice/etf/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/child_kind.hpp"
#include "behaviours/supervision/child_table.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/supervision/patience.hpp"
#include "behaviours/supervision/restart.hpp"
#include "behaviours/supervision/supervision.hpp"
#include "behaviours/supervision/tree.hpp"
#include "runtime/crash_notes.hpp"

namespace coppice::behaviours {

class supervisor : public native_server {
 public:
  // `label` is its place in the tree: app, app/sup, …; `above`: how many supervisors of its application it
  // is below. `pool`: the pool that it belongs to; null: none. It takes the pool's place in the tree, and
  // tells the pool of each child that has started by the notice {started_tag, Id, Pid}.
  supervisor(std::shared_ptr<const supervisor_spec> spec, std::shared_ptr<const supervision> shared,
             std::string label, unsigned above = 0, runtime::pid pool = {});
  static constexpr std::string_view started_tag = "$coppice_worker";
  ~supervisor() override;

  void describe(runtime::description& out) const override {
    native_server::describe(out);
    out.supervises = true;
  }

  // The rights of other nodes decide: peer_rights.hpp.
  std::optional<peer_requests> from_peers() const override { return std::nullopt; }

  // A request for a process of this node to call a supervisor with. The supervisor stops the child with that
  // id (or pid, for children of a template) if it runs, and starts it: {ok, Pid} | {ok, undefined} | {error,
  // Reason}. Unlike with terminate_child and restart_child, temporary children and those of a template are
  // kept.
  static runtime::message restart_request(etf::bytes id);
  static constexpr std::string_view restart_tag = "$coppice_restart_child";

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
  void on_stop(runtime::process& self, const runtime::message& reason) override;
  runtime::message sys_state(runtime::process& self) override;
  bool obeys_peers(const runtime::process& self) const override {
    return shared_->rights.may_supervise(self.name());
  }

  struct start_failure {
    runtime::message reason;
    runtime::crash_note note{}; // left by its init, for the log
    bool lacks_stack = false;   // nothing is wrong with the child: there was no stack to wait for its init on
  };
  // A child's pid, null if its init said ignore; or why it did not start.
  using launched = expected<runtime::pid, start_failure>;

  // For supervisors of another kind, whose children are all of a template.
  const child_table& children() const { return children_; }
  const std::string& label() const { return label_; }
  std::string label_of_template() const;
  // The template's args with the pairs of `extra` over them. Empty: `extra` is neither a map nor a list of
  // at most one map.
  runtime::message merged_args(etf::bytes extra) const;
  // The args of the child that start_child is to start with `extra`. Empty: none can be made, `badarg`.
  virtual runtime::message args_for(etf::bytes extra) const { return merged_args(extra); }
  // Starts a child of the template. Parks.
  launched add_from_template(runtime::process& self, runtime::message args);
  // Called when a child of the template has ended and is about to leave the table.
  virtual void child_left(const child&) {}

 private:
  bool simple() const { return spec_->strategy == strategy::simple_one_for_one; }

  // A start that a change of the tree waits for takes no longer than start_patience().
  enum class pace : std::uint8_t { free, bounded };
  // `label` is the child's.
  launched launch(runtime::process& self, child& one, const std::string& label, const runtime::message& env,
                  pace how);
  base::result<std::unique_ptr<runtime::behaviour>> make(child& one, const std::string& label,
                                                         const runtime::message& env, pace how);
  // If a process that an earlier, killed run of this supervisor has left still has the child's name, waits
  // until it has ended. After stop_patience() it is killed. Without this wait the start would fail, and each
  // try would count as a restart. Not for orders of an apply, which wait in their own time. Parks.
  void await_name(runtime::process& self, const child_spec& spec, const std::string& label);
  // launch(), and the table is updated. An error: the child did not start.
  launched start(runtime::process& self, child& one) { return start(self, one, shared_->env); }
  launched start(runtime::process& self, child& one, const runtime::message& env, pace how = pace::free);

  runtime::outcome child_ended(runtime::process& self, const gen::exit_notice& exit);
  // Counts a restart of the child, which runs no more, and carries it out at once or after its backoff.
  runtime::outcome restart(runtime::process& self, child& failed);
  // Leaves the child down, for on_exceeded: park.
  runtime::outcome park(runtime::process& self, child& failed);
  // Starts the children that were stopped for the restart of a sibling, unless such a restart is still to
  // come. Called wherever a child may have left its wait in another way than by its timer, and wherever the
  // order of the children or the strategy has changed. Parks.
  void release(runtime::process& self);
  // Stops the children that the strategy restarts with it. False: this process is exiting.
  bool stop_siblings(runtime::process& self, const restart_plan& plan);
  // Ends the wait that restart() began: starts the child and its siblings in start order. Those that a failed
  // start keeps from starting await the next try.
  runtime::outcome start_again(runtime::process& self, child& failed);
  void wait_for_restart(runtime::process& self, child& failed, base::nanos wait);
  // For a child whose backoff has changed: if it waits for its restart, the wait is as long as the backoff
  // says now, counted from when it began.
  void wait_anew(runtime::process& self, child& one);
  // Sets the timer whose notice starts a child that is to be restarted.
  void wait_on(runtime::process& self, const child& one);
  // Notifies itself with {'$gen_cast', {What, Id | Pid}} at `when` (monotonic).
  void cast_later(runtime::process& self, const child& one, std::string_view what, base::nanos when);

  // Whether the child is to be started again next.
  enum class after_halt : std::uint8_t { stays_down, comes_again };
  // Stops the child's process if it runs, within its limit. The log names a child that had to be killed.
  void halt(runtime::process& self, child& one, after_halt next = after_halt::stays_down);
  // Stops all children, the latest started first; under simple_one_for_one all at once.
  void halt_all(runtime::process& self);
  void await_end(runtime::process& self, child& one, runtime::reference ended, base::nanos deadline);
  // False: the child is alive at the deadline. True: how it ended has been reported, or this process ends.
  // Also true if there is no stack to wait on: then the child has been killed.
  bool ends_in_time(runtime::process& self, child& one, runtime::reference ended, base::nanos deadline);
  void kill_all(runtime::process& self, std::span<child* const> late);
  // For a child that was stopped: it leaves the table if it is not to be started again, else it stays there.
  void retire(child& one);

  // The requests of supervisor:*_child and its kin: supervisor_calls.cpp. may_change() and may_start() say
  // whether the caller, if it is on another node, may change the children at all, and may start this child
  // with all that is in it.
  bool may_change(runtime::process& self, std::string_view what) const;
  bool may_start(runtime::process& self, const child_spec& spec) const;
  runtime::message start_child(runtime::process& self, const runtime::message& spec);
  runtime::message start_from_template(runtime::process& self, etf::bytes extra);
  runtime::message restart_child(runtime::process& self, etf::bytes id);
  runtime::message terminate_child(runtime::process& self, etf::bytes id);
  runtime::message delete_child(runtime::process& self, etf::bytes id);
  runtime::message get_childspec(runtime::process& self, etf::bytes id);
  runtime::message which_children(runtime::process& self) const;
  runtime::message count_children() const;
  runtime::message restart_now(runtime::process& self, etf::bytes id);
  runtime::message add_child(runtime::process& self, std::shared_ptr<const child_spec> spec);
  // {error, {bad_request, Text}}. The log names each sender once.
  runtime::message refuse(runtime::process& self, const runtime::message& from);
  // {bad_args, Text}. Empty: the actor, or each actor in a supervisor, takes its args.
  runtime::message bad_args(const child_spec& spec, const runtime::message& args,
                            const base::secrets* secrets, bool of_template = false) const;
  child* find(runtime::process& self, etf::bytes id_or_pid);

  // The orders of the node: supervisor_orders.cpp, supervisor_environment.cpp.
  runtime::message carry_out(runtime::process& self, const supervisor_order& order);
  // Orders with `found` note in it how the child was before.
  runtime::message order_add(runtime::process& self, const std::shared_ptr<const child_spec>& spec,
                             found_child& found);
  runtime::message order_remove(runtime::process& self, const child_spec& spec, found_child& found);
  runtime::message order_pause(runtime::process& self, const std::shared_ptr<const child_spec>& spec,
                               found_child& found);
  runtime::message order_replace(runtime::process& self, const std::shared_ptr<const child_spec>& spec,
                                 found_child& found);
  runtime::message order_reconfigure(runtime::process& self, const std::shared_ptr<const child_spec>& spec,
                                     found_child& found);
  runtime::message order_restore(runtime::process& self, const runtime::message& id,
                                 const found_child& found);
  static found_child note_of(const child* one);
  runtime::message put_back(runtime::process& self, child& one, const found_child& found);
  bool told(runtime::process& self, child& one, const std::shared_ptr<const child_spec>& spec,
            const runtime::message& env);
  runtime::message order_update(runtime::process& self, const std::shared_ptr<const child_spec>& spec);
  // Tells a running child the options of its behaviour if `to` has others than `from`. Returns an error;
  // empty: done.
  runtime::message tell_options(runtime::process& self, const child& one, const child_spec& from,
                                const child_spec& to);
  // As tell_options(), for options that the child is to have from now on. If it does not answer in time, it
  // keeps those that it has.
  runtime::message offer_options(runtime::process& self, const child& one, const child_spec& to);
  // Tells a running child of its specification, if its kind says so. Returns an error; empty: done.
  runtime::message tell_engine(runtime::process& self, const child& one,
                               const std::shared_ptr<const child_spec>& spec);
  void keep_to(runtime::process& self, child& one, const std::shared_ptr<const child_spec>& spec);
  // Makes `spec` the template. Children that it has keep what they were started with, and are supervised as
  // it says: restart, shutdown, start_timeout, backoff.
  void take_template(runtime::process& self, const std::shared_ptr<const child_spec>& spec);
  runtime::message order_adopt(runtime::process& self, const std::shared_ptr<const supervisor_spec>& whole);
  runtime::message order_environment(runtime::process& self, const supervisor_order& order);
  // Tries the start of a child that renew() could not start again, by a message to itself.
  void try_if_down(runtime::process& self, child& one, const runtime::message& why);
  // After renew(): a child that has said `ignore` leaves the table where only a running one may be in it.
  void leave_if_ignored(child& one);
  // Gives a running child the env of shared_. Returns why not; empty: done. `takes_back`: it is started anew
  // if it refuses.
  runtime::message renew(runtime::process& self, child& one, const spared_children& spared, bool takes_back);
  runtime::message renew_below(runtime::process& self, child& one, const spared_children& spared,
                               bool takes_back);
  enum class values : std::uint8_t { config, options };
  // Notes that a running child was sent its former values. hear_of_former() gets its answer.
  void await_former(const runtime::reference& asked, const child& one, values which);
  void forget_former(const child& one, values which);
  // False: the message is no answer to former values.
  bool hear_of_former(runtime::process& self, const runtime::message& m);
  void start_by_former(runtime::process& self, child& one);
  std::shared_ptr<const supervision> shared_with(const runtime::message& env, pace how = pace::free) const;
  // Makes the supervisor try a failed restart again, by a message to itself. It counts as one more restart,
  // unless it was the node that lacked a stack.
  void try_again(runtime::process& self, child& one, const start_failure& why);

  std::string child_label(const child& one) const;
  void leave_tree();

  std::shared_ptr<const supervisor_spec> spec_;
  std::shared_ptr<const supervision> shared_;
  std::shared_ptr<const child_spec> template_; // for simple_one_for_one
  std::string label_;
  unsigned above_;
  runtime::pid pool_;    // null: none
  runtime::pid in_tree_; // the pid under which it is entered there; null: none
  child_table children_;
  restart_window window_;
  // Former values that a child was sent and has not answered.
  struct former_values {
    runtime::reference asked;
    runtime::pid to; // none: the answer makes no difference any more
    values which;
  };
  std::vector<former_values> former_;
  std::unordered_map<runtime::pid, std::string, runtime::pid_hash>
      ended_early_;                                             // label, until its exit comes
  std::unordered_set<runtime::pid, runtime::pid_hash> refused_; // senders that the log has named
};

// {already_started, Pid}
runtime::message already_started(const runtime::pid& pid, const runtime::node_names& names);

} // namespace coppice::behaviours
