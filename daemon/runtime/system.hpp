// SPDX-License-Identifier: MIT
// The runtime of one node: its workers, its process table, its names. Made once by `node`, started,
// stopped, destroyed. Functions are for any thread unless they say otherwise; a foreign thread never
// parks: where a process would wait it gets its answer at once.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/inspectable.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/process.hpp"
#include "runtime/remote_router.hpp"

namespace coppice::runtime {

struct system_options {
  std::string node_name = "nonode@nohost";
  node_names::bounds nodes = {}; // names of others that are remembered
  std::uint32_t creation = 0;    // > 3; 0: chosen at random
  unsigned workers = 0;          // 0: one a core
  std::uint32_t processes = 4'000'000;
  std::uint32_t parked_stacks =
      0;                    // stacks in use at once; 0, or more than fit: what the machine's mappings allow
  std::uint64_t memory = 0; // bytes of all messages; 0: no bound. Over it only empty mailboxes take messages
  std::size_t stack_bytes = 256 * 1024;
  base::nanos park = base::nanos_per_second; // a sender at a full mailbox
  // Bytes that other nodes' senders, who cannot park, may send to one full mailbox whose policy that is.
  std::uint64_t overflow = std::uint64_t{256} << 20;
  base::nanos linger = 5 * base::nanos_per_second; // a dead process's stack in a callback
  base::nanos watchdog = 10 * base::nanos_per_ms;  // a callback that long is named in the log
  unsigned blocking_threads = 16;
  bool busy_wait = true;            // a worker looks around before it sleeps, see scheduling/busy_wait.hpp
  std::uint32_t turn_messages = 64; // a turn's budget
  base::nanos turn_time = base::nanos_per_ms;
};

class crash_notes;
struct system_core;

class system {
 public:
  explicit system(system_options options = {});
  ~system();
  system(const system&) = delete;
  system& operator=(const system&) = delete;

  // Starts the workers. Once.
  base::status start();
  // Kills every process left, ends the workers and the blocking pool. True: every thread came back in
  // `patience`; false: some did not, their memory is left alone and the program should _exit. Not from
  // a worker.
  bool stop(base::nanos patience = 5 * base::nanos_per_second);

  const system_options& options() const { return options_; }
  std::uint32_t creation() const { return options_.creation; }
  std::string_view node_name() const { return names_.own(); }
  node_names& nodes() { return names_; }
  const node_names& nodes() const { return names_; }

  // Ports. Set before start; what they point to outlives the system.
  void set_router(remote_router* router) { router_ = router; }
  remote_router* router() const { return router_; }
  void set_factory(actor_factory* factory) { factory_ = factory; }
  actor_factory* factory() const { return factory_; }
  // The group leader of processes spawned from outside, and of those without one.
  void set_default_group_leader(const pid& leader);

  // Processes. `link` and `ack` in the options need process::spawn.
  base::result<pid> spawn(spawn_options options, std::unique_ptr<behaviour> does);
  send_status send(const destination& to, message m, const pid& from = {});
  // A notice, see message_origin, to a process here, whatever its bound.
  void notify(const destination& to, message m);
  void exit(const pid& to, message reason, const pid& from = {}); // exit/2
  std::optional<pid> whereis(std::string_view name) const;
  std::vector<std::pair<std::string, pid>> registered() const; // sorted by name
  bool alive(const pid& of) const;
  // As of the next message it sends. Any thread.
  void set_compression(const pid& of, sent_compressed chosen);

  // One of this node's references that came back cut, as a whole again; as it is if nobody may have made it.
  reference whole(const reference& ref) const;

  // A signal to a process here, from dist or any room that speaks for remote processes. Order is kept per
  // calling thread and receiver. Answers what Erlang answers for missing processes (noproc exits and
  // downs) through the router when `from` lives elsewhere. `full`: a message was refused by the bound.
  send_status deliver(const destination& to, signal_ptr what);
  // deliver() if `to` is here, else the router's route(); without a router as if the node were lost.
  send_status dispatch(const destination& to, signal_ptr what);

  // Workers.
  unsigned workers() const;
  // Runs `task` on that worker between turns, not below uv_run: it may open handles on the loop. False
  // if the system is stopped, and the task is dropped.
  bool post(unsigned worker, std::function<void()> task);
  // For the tasks and callbacks of that worker's thread only.
  uv_loop_t* loop(unsigned worker) const;
  // The worker whose thread this is, or -1.
  int current_worker() const;
  // The process whose turn this is on this thread, or null.
  static process* current_process();

  // What processes that ended badly have left for whoever reports it.
  crash_notes& crashes() const;

  // Inspection: copies.
  std::vector<process_summary> processes() const;
  std::optional<process_info> info(const pid& of) const;
  std::optional<process_info> info(std::string_view name) const;
  runtime_counters counters() const;

  // For the runtime's own files.
  system_core& core() const { return *core_; }

 private:
  system_options options_;
  node_names names_;
  remote_router* router_ = nullptr;
  actor_factory* factory_ = nullptr;
  std::unique_ptr<system_core> core_;
};

} // namespace coppice::runtime
