// SPDX-License-Identifier: MIT
// The runtime of one node: its workers, process table and registered names. `node` makes it once, starts it,
// stops it and destroys it. Functions are for any thread unless they say otherwise. A thread that is no
// worker never parks: where a process would wait, it gets `full` at once.
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
  node_names::bounds nodes = {}; // how many names of other nodes are remembered
  std::uint32_t creation = 0;    // more than 3; otherwise it is chosen at random
  unsigned workers = 0;          // at most 1023; 0: one for each core
  std::uint32_t processes = 4'000'000;
  // Most stacks that waiting processes use at once; 0, or too many: what the machine's mappings allow.
  std::uint32_t parked_stacks = 0;
  // More stacks, for processes that have called use_reserved_stacks(); at most 512. Each supervisor from an
  // application's top down to the deepest may wait at the same time, so it is twice the deepest nesting.
  std::uint32_t reserved_stacks = 64;
  std::uint64_t memory = 0; // bytes of all messages; 0: no limit. Above it only empty mailboxes take messages
  std::size_t stack_bytes = 256 * 1024;      // of each stack
  base::nanos park = base::nanos_per_second; // how long a sender waits at a full mailbox
  // Most bytes that may wait at one full mailbox with policy park_sender from senders of other nodes, which
  // cannot park.
  std::uint64_t overflow = std::uint64_t{256} << 20;
  // After that, the stack of a dead process that is still in a callback counts as abandoned.
  base::nanos linger = 5 * base::nanos_per_second;
  // A handler that takes longer is named in the log. At least 1 ms.
  base::nanos watchdog = 10 * base::nanos_per_ms;
  unsigned blocking_threads = 16;
  bool busy_wait = true; // a worker polls for a while before it sleeps, see scheduling/busy_wait.hpp
  std::uint32_t turn_messages = 64;           // messages that a turn handles at most
  base::nanos turn_time = base::nanos_per_ms; // how long a turn may go on taking messages
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
  // Kills all processes, then ends the workers and the blocking pool. True: all threads ended within
  // `patience`. False: some did not; their memory is not freed, and the program should _exit. Not from a
  // worker's thread.
  bool stop(base::nanos patience = 5 * base::nanos_per_second);

  const system_options& options() const { return options_; }
  std::uint32_t creation() const { return options_.creation; }
  std::string_view node_name() const { return names_.own(); }
  node_names& nodes() { return names_; }
  const node_names& nodes() const { return names_; }

  // Interfaces to other rooms. Set before start(); the objects must outlive the system.
  void set_router(remote_router* router) { router_ = router; }
  remote_router* router() const { return router_; }
  void set_factory(actor_factory* factory) { factory_ = factory; }
  actor_factory* factory() const { return factory_; }
  // For processes that have no group leader of their own.
  void set_default_group_leader(const pid& leader);

  // Processes. options.link and options.monitor are ignored here: see process::spawn.
  base::result<pid> spawn(spawn_options options, std::unique_ptr<behaviour> does);
  send_status send(const destination& to, message m, const pid& from = {});
  // A notice (see message_origin) to a process of this node, not counted against its mailbox's bound.
  void notify(const destination& to, message m);
  void exit(const pid& to, message reason, const pid& from = {}); // exit/2
  std::optional<pid> whereis(std::string_view name) const;
  std::vector<std::pair<std::string, pid>> registered() const; // sorted by name
  bool alive(const pid& of) const;
  // Takes effect with the next message that the process sends.
  void set_compression(const pid& of, sent_compressed chosen);

  // The whole of a reference of this node that came back cut. Returned unchanged if no living process may
  // have made it.
  reference whole(const reference& ref) const;

  // Delivers a signal to a process of this node, for dist and others that act for remote processes. Order is
  // kept per calling thread and receiver. For a missing process it answers what Erlang answers: noproc exits
  // and downs, through the router if `from` is on another node. `full`: the mailbox's bound refused the
  // message.
  send_status deliver(const destination& to, signal_ptr what);
  // deliver() if `to` is on this node, else remote_router::route(). Without a router: as if the node were
  // lost.
  send_status dispatch(const destination& to, signal_ptr what);

  // Workers.
  unsigned workers() const;
  // Runs `task` on that worker between turns, outside uv_run, so it may open handles on the loop. False: the
  // system is not running and the task is dropped.
  bool post(unsigned worker, std::function<void()> task);
  // For tasks and callbacks on that worker's thread only.
  uv_loop_t* loop(unsigned worker) const;
  // The index of the worker whose thread this is; -1: none of this system.
  int current_worker() const;
  // The process whose turn it is on this thread; null: none.
  static process* current_process();

  // Notes of processes that ended badly.
  crash_notes& crashes() const;

  // Inspection. Results are copies.
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
