// SPDX-License-Identifier: MIT
// A pool: one process that looks like a server to its callers and senders. Behind it are workers, which are
// any servers and the children of a supervisor of the pool's own. pool_dispatcher decides which worker gets
// a request. The answers come back through the pool, so the pool knows what each worker holds. Requests for
// a supervisor (which_children, …) are answered by the pool's supervisor. In the process's own turn.
#pragma once

#include <any>
#include <atomic>
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

// The specification and the options by which a pool runs. As an order to a pool (pending_orders): it runs by
// them from now on. Answered ok once it has as many workers as they say, or {error, Reason}.
struct pool_order {
  std::shared_ptr<const child_spec> child; // `supervisor` is set: the workers are its children
  std::shared_ptr<const pool_spec> options;
  // Where the pool says how many workers it has; any thread reads it. Null: nowhere.
  std::shared_ptr<std::atomic<std::uint32_t>> size{};
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
  // Hands parcels to the workers in turn. The pool does not follow what a worker does with one.
  runtime::outcome receive_parcel(runtime::process& self, std::unique_ptr<runtime::parcel> given) override;
  // A parcel that was given to a worker which has ended: another worker gets it.
  runtime::outcome receive_returned(runtime::process& self, std::unique_ptr<runtime::parcel> given) override {
    return receive_parcel(self, std::move(given));
  }
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override {
    out.behaviour = behaviour_name;
    out.supervises = true;
  }

  // A request for a process of this node to call a pool with. A size from 1 to `most_workers`; answered `ok`
  // once the pool has so many workers and the workers beyond have stopped | {error, Reason}.
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
  // A notice to itself: a request may have waited for too long.
  static constexpr std::string_view tick_tag = "$coppice_pool_tick";
  // A notice to itself: a worker may have nothing to do.
  static constexpr std::string_view idle_tag = "$coppice_pool_idle";
  // Neither notice is asked for sooner than this.
  static constexpr base::nanos tick_time = 10 * base::nanos_per_ms;

  // A request to the pool's supervisor, and the caller that it was made for.
  struct inside_call {
    enum class kind : std::uint8_t { forwarded, added, removed };
    kind what = kind::forwarded;
    pool_caller caller{};
    std::uint32_t worker = 0; // added, removed
  };
  // A change of size, one at a time.
  struct resizing {
    std::uint32_t size = 0; // if `most` is set: known once it begins
    pool_caller caller{};
    std::uint32_t before = 0;
    std::uint32_t open = 0;               // orders to the supervisor that are not answered
    std::uint32_t there = 0;              // while it grows: the workers that have started
    base::nanos drained = 0;              // until then the workers beyond may finish what they hold
    runtime::message failure{};           // why a worker did not start
    std::optional<pool_order> previous{}; // what it ran by before, and does again if this fails
    std::vector<bool> told{};             // for each worker beyond: its removal is ordered
    // The least size that the pool may shrink to by itself from now on. 0: unchanged (a change by the pool
    // itself).
    std::uint32_t least = 0;
    std::uint32_t most = 0; // set: any size from `least` to this will do
  };

  // Takes the requests that the pool handles itself: those for a supervisor, and the node's. False: it is a
  // request for the workers.
  bool take_own_call(runtime::process& self, pool_caller& caller, const runtime::message& request);
  // {ok, Spec} of the worker with that id, without its arguments, or {error, not_found}.
  runtime::message bare_childspec(etf::bytes id) const;
  void forward(runtime::process& self, pool_caller caller, runtime::message request);
  // The answer comes to receive_answer(). False: the supervisor has ended, and so will the pool.
  bool ask_supervisor(runtime::process& self, runtime::message request, inside_call about);
  void answer(runtime::process& self, const pool_caller& to, runtime::message term);
  void carry_out(runtime::process& self, pool_caller caller, std::any order);

  void submit(runtime::process& self, pool_request one, etf::bytes request);
  std::uint64_t hash_of(etf::bytes request) const;
  bool give(runtime::process& self, std::uint32_t worker, pool_request& one);
  // Gives waiting requests to workers that have room.
  void serve(runtime::process& self);
  bool gave_up(runtime::process& self, const pool_request& one) const;
  void refuse(runtime::process& self, const pool_request& one, pool_counters::number& counted);
  void lose(runtime::process& self, pool_dispatcher::ending gone, const runtime::message& reason);
  void arm(runtime::process& self);
  void tick(runtime::process& self);

  // The decisions of the workers' type: pool_policy.cpp.
  std::unique_ptr<pool_policy> policy();
  std::uint32_t chosen_for(runtime::process& self, const pool_request& one);
  std::optional<runtime::message> last_word(runtime::process& self, const pool_request& one);

  // Changes of the size: pool_resizing.cpp.
  void take_on(runtime::process& self);
  void adopt(runtime::process& self, pool_order next, pool_caller caller);
  void resize(runtime::process& self, resizing next);
  void begin_resize(runtime::process& self);
  void grow(runtime::process& self);
  void add_worker(runtime::process& self);
  void change_size(runtime::process& self, std::uint32_t size);
  void shrink(runtime::process& self);
  void remove_drained(runtime::process& self);
  void resized(runtime::process& self, const inside_call& one, const runtime::ask_result& result);
  void end_resize(runtime::process& self);
  std::shared_ptr<const child_spec> worker_spec(std::uint32_t worker) const;
  bool order(runtime::process& self, supervisor_order what, inside_call about);

  // Changes of the size by the pool itself: pool_growing.cpp.
  std::uint32_t most_size() const; // that the pool grows to
  void grow_by_need(runtime::process& self);
  void shrink_by_need(runtime::process& self);
  bool keep_last(runtime::process& self);
  void arm_idle(runtime::process& self);
  void note_own(runtime::process& self, const resizing& done);

  // `with_workers`: with a row for each worker.
  runtime::message write_report(runtime::process& self, bool with_workers);
  void write_worker(runtime::process& self, runtime::message_writer& out, std::uint32_t worker) const;
  // Updates the counters, and tells the mailbox how much waits.
  void publish(runtime::process& self);

  const supervisor_spec& workers() const { return *by_.child->supervisor; }

  pool_order by_;
  std::shared_ptr<const supervision> shared_;
  pool_policies* const policies_; // null: actor types decide nothing in their pools
  std::string label_;
  unsigned above_;
  pool_dispatcher dispatcher_;
  std::uint32_t given_parcel_ = 0; // the worker that got the last parcel
  std::uint32_t kept_ = 0;         // requests that wait and count in its mailbox
  std::shared_ptr<pool_counters> counters_ = std::make_shared<pool_counters>();
  metrics::board::entry on_board_;
  runtime::pid supervisor_; // null: it has ended
  base::nanos began_ = 0;
  base::nanos settles_ = 0; // set: requests with keys of before a change of size are waited for until then
  base::nanos armed_ = 0;   // when it looks at the waiting requests; 0: never
  runtime::flat_table<std::uint64_t, inside_call, runtime::number_hash> inside_;
  std::deque<resizing> resizings_; // the first one is under way
  std::uint32_t least_ = 0;        // workers it has however little there is to do
  base::nanos grows_again_ = 0;    // grows no earlier, as a worker did not start
  bool idle_armed_ = false;        // it will look for idle workers
  bool has_policy_ = true;         // whether the workers' type has one, by policy_version_
  std::uint64_t policy_version_ = 0;
  base::nanos next_line_ = 0; // when the log may have the next line about choose()
};

} // namespace coppice::behaviours
