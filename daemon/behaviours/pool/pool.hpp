// SPDX-License-Identifier: MIT
// A pool: one process that whoever calls or sends to it takes for a server, and behind it workers that are
// any servers, children of a supervisor of the pool's own. Requests go to them as pool_dispatcher decides,
// and their answers come back through the pool, which therefore knows what each worker holds. What a
// supervisor is asked (which_children, …) its supervisor answers. In the process's own turn.
#pragma once

#include <any>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "behaviours/gen/server.hpp"
#include "behaviours/pool/pool_counters.hpp"
#include "behaviours/pool/pool_dispatcher.hpp"
#include "behaviours/pool/pool_policy.hpp"
#include "behaviours/pool/pool_spec.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "metrics/board.hpp"

namespace coppice::behaviours {

// What a pool runs by. As an order to a pool (pending_orders): it has this from now on. Answered ok once it
// has as many workers as this says, or {error, Reason}.
struct pool_order {
  std::shared_ptr<const child_spec> child; // `supervisor` is set: the workers are its children
  std::shared_ptr<const pool_spec> options;
};

class pool final : public server {
 public:
  static constexpr std::string_view behaviour_name = "pool";
  // `label` is the pool's place in the tree; `above`: how many supervisors of its application it is below.
  pool(pool_order by, std::shared_ptr<const supervision> shared, std::string label, unsigned above);
  ~pool() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& call,
                                runtime::message request) override;
  runtime::outcome receive_answer(runtime::process& self, std::uint64_t number,
                                  runtime::ask_result result) override;
  // To one worker after the other: what it does with it is between them.
  runtime::outcome receive_parcel(runtime::process& self, std::unique_ptr<runtime::parcel> given) override;
  // Of a worker that is no more: another one's.
  runtime::outcome receive_returned(runtime::process& self, std::unique_ptr<runtime::parcel> given) override {
    return receive_parcel(self, std::move(given));
  }
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override {
    out.behaviour = behaviour_name;
    out.supervises = true;
  }

  // Called with these by a process of this node. A size from 1 to `most_workers`: `ok` once it has so many
  // workers and those beyond have stopped | {error, Reason}.
  static runtime::message resize_request(std::uint32_t size);
  static constexpr std::uint32_t most_workers = 10'000;
  static bool is_one(const runtime::description& process) {
    return process.behaviour == behaviour_name && process.plugin.empty();
  }

 protected:
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::message sys_state(runtime::process& self) override { return write_report(self, false); }
  runtime::message engine_for_people(runtime::process& self) override { return write_report(self, true); }
  std::string sys_module() const override { return std::string(behaviour_name); }
  bool obeys_peers(const runtime::process& self) const override {
    return shared_->rights.may_supervise(self.name());
  }

 private:
  // A notice to itself: something may have waited for too long.
  static constexpr std::string_view tick_tag = "$coppice_pool_tick";
  // Likewise: a worker may have nothing to do.
  static constexpr std::string_view idle_tag = "$coppice_pool_idle";
  // Neither is looked for more often than this.
  static constexpr base::nanos tick_time = 10 * base::nanos_per_ms;

  // What it asked its supervisor, and for whom.
  struct inside_call {
    enum class kind : std::uint8_t { forwarded, added, removed };
    kind what = kind::forwarded;
    pool_caller caller{};
    std::uint32_t worker = 0; // added, removed
  };
  // A change of size, one at a time.
  struct resizing {
    std::uint32_t size = 0; // if `most` is set, once it begins
    pool_caller caller{};
    std::uint32_t before = 0;
    std::uint32_t open = 0;               // orders to the supervisor that are not answered
    base::nanos drained = 0;              // until then those beyond may finish what they hold
    runtime::message failure{};           // why a worker did not start
    std::optional<pool_order> previous{}; // what it ran by until this, and does again if this fails
    std::vector<bool> told{};             // of each beyond: its removal is ordered
    // The size that it will not go below by itself; 0: that remains, as this is the pool's own doing.
    std::uint32_t least = 0;
    std::uint32_t most = 0; // set: any size from `least` to this will do
  };

  // What is the pool's own: a supervisor's requests and what the node asks. False: a request like any other.
  bool take_own_call(runtime::process& self, pool_caller& caller, const runtime::message& request);
  void forward(runtime::process& self, pool_caller caller, runtime::message request);
  // Its answer comes to receive_answer(). False: the supervisor has ended, and so will this.
  bool ask_supervisor(runtime::process& self, runtime::message request, inside_call about);
  void answer(runtime::process& self, const pool_caller& to, runtime::message term);
  void carry_out(runtime::process& self, pool_caller caller, std::any order);

  void submit(runtime::process& self, pool_request one, etf::bytes request);
  std::uint64_t hash_of(etf::bytes request) const;
  bool give(runtime::process& self, std::uint32_t worker, pool_request& one);
  // Gives out what can be given out.
  void serve(runtime::process& self);
  bool gave_up(runtime::process& self, const pool_request& one) const;
  void refuse(runtime::process& self, const pool_request& one, pool_counters::number& counted);
  void lose(runtime::process& self, pool_dispatcher::ending gone, const runtime::message& reason);
  void arm(runtime::process& self);
  void tick(runtime::process& self);

  // What its workers' type says: pool_policy.cpp.
  std::unique_ptr<pool_policy> policy();
  std::uint32_t chosen_for(runtime::process& self, const pool_request& one);
  std::optional<runtime::message> last_word(runtime::process& self, const pool_request& one);

  // Another size: pool_resizing.cpp.
  void take_on(runtime::process& self);
  void adopt(runtime::process& self, pool_order next, pool_caller caller);
  void resize(runtime::process& self, resizing next);
  void begin_resize(runtime::process& self);
  void grow(runtime::process& self);
  void shrink(runtime::process& self);
  void remove_drained(runtime::process& self);
  void resized(runtime::process& self, const inside_call& one, const runtime::ask_result& result);
  void end_resize(runtime::process& self);
  std::shared_ptr<const child_spec> worker_spec(std::uint32_t worker) const;
  bool order(runtime::process& self, supervisor_order what, inside_call about);

  // By itself: pool_growing.cpp.
  std::uint32_t most_size() const; // that it grows to
  void grow_by_need(runtime::process& self);
  void shrink_by_need(runtime::process& self);
  bool keep_last(runtime::process& self);
  void arm_idle(runtime::process& self);
  void note_own(runtime::process& self, const resizing& done);

  // `with_workers`: with a row for each of them.
  runtime::message write_report(runtime::process& self, bool with_workers);
  void write_worker(runtime::process& self, runtime::message_writer& out, std::uint32_t worker) const;
  // Also to the mailbox, of what waits.
  void publish(runtime::process& self);

  const supervisor_spec& workers() const { return *by_.child->supervisor; }

  pool_order by_;
  std::shared_ptr<const supervision> shared_;
  pool_policies* const policies_; // null: no actor type has a say in its pool
  std::string label_;
  unsigned above_;
  pool_dispatcher dispatcher_;
  std::uint32_t given_parcel_ = 0; // the worker that had the last one
  std::uint32_t kept_ = 0;         // requests that wait and count in its mailbox
  std::shared_ptr<pool_counters> counters_ = std::make_shared<pool_counters>();
  metrics::board::entry on_board_;
  runtime::pid supervisor_; // null: it has ended
  base::nanos began_ = 0;
  base::nanos armed_ = 0; // when it looks at what waits; 0: it will not
  runtime::flat_table<std::uint64_t, inside_call, runtime::number_hash> inside_;
  std::deque<resizing> resizings_; // the first one is under way
  std::uint32_t least_ = 0;        // workers it has however little there is to do
  base::nanos grows_again_ = 0;    // not before, as a worker did not start
  bool idle_armed_ = false;        // it is to look at who has nothing to do
  bool has_policy_ = true;         // its workers' type, as of this version of its code
  std::uint64_t policy_version_ = 0;
  base::nanos next_line_ = 0; // of the log, about what choose() said; not before
};

} // namespace coppice::behaviours
