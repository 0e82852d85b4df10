// SPDX-License-Identifier: MIT
// What a running node consists of, in the order it is made; destruction is the reverse, so that nothing
// outlives what it points to. Private to node*.cpp.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/application.hpp"
#include "behaviours/tree.hpp"
#include "loader/loader.hpp"
#include "node/network.hpp"
#include "node/node.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// Who waits for the node to be ready; each is told once. Any thread; nobody is called under the lock.
class readiness {
 public:
  using told = std::function<void(base::status)>;

  // 0: told at once.
  std::uint64_t add(told done);
  void forget(std::uint64_t id);
  // The first of these calls decides.
  void settle(base::status outcome);
  bool ready() const;

 private:
  mutable std::mutex lock_;
  std::map<std::uint64_t, told> waiting_;
  std::uint64_t next_ = 1;
  bool settled_ = false;
  base::status outcome_;
};

// A child and who supervises it.
struct tree_place {
  runtime::pid supervisor;
  runtime::message child; // its id, or its pid for want of one
};

struct node::parts {
  parts(const spec::node_spec& spec, std::vector<behaviours::application_spec> applications_of,
        loader::loader_options loading);

  std::function<void()> on_ending;
  std::atomic<node_state> state{node_state::starting};
  std::atomic<ending> why{ending::none};
  base::nanos started_wall = base::wall_now();
  base::nanos started = base::mono_now();
  std::string cookie_file;
  readiness ready;

  loader::loader plugins;
  behaviours::supervision_tree tree;
  std::vector<behaviours::application_spec> applications;
  behaviours::application_board board;
  std::unique_ptr<network> net; // made before the system starts, and needs it
  runtime::system system;

  std::mutex lock;
  std::condition_variable changed;
  bool applications_gone = true; // there is no controller
  bool stopped = false;
  bool hurried = false;  // hurry() was called
  bool came_back = true; // every thread did, when it stopped
  runtime::pid controller;

  // The top supervisor of an application, null if it does not run; nothing: there is no such application.
  std::optional<runtime::pid> top_of(std::string_view application) const;
  // Of app/child, app/supervisor/child, …, as the tree is now.
  base::result<tree_place> place_of(std::string_view path);

  // Says once that the node is to come down.
  void end(ending reason);
  // Sends the applications down and waits for it: as long as their shutdown times take together, then, or
  // when hurried, their actors are killed; a worker stuck in an actor's code does not hold this up.
  void stop_applications();
  using pid_set = std::unordered_set<runtime::pid, runtime::pid_hash>;
  // Those not in `killed` yet.
  void kill_actors(pid_set& killed);
};

} // namespace coppice::node
