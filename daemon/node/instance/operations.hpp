// SPDX-License-Identifier: MIT
// The operations of operators on a running node: on its tree, its configuration, its plugins, its jobs and
// its connections. Each `done` is called once, on any thread, and must not wait. `timeout`: ns;
// runtime::no_deadline: no limit. Any thread; no function waits. The node outlives this.
#pragma once

#include <functional>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "node/instance/apply.hpp"
#include "node/reload/reload_report.hpp"

namespace coppice::node {

struct components;

class operations {
 public:
  explicit operations(components& of) : of_(of) {}
  operations(const operations&) = delete;
  operations& operator=(const operations&) = delete;

  // Operations on applications and on children. PATH is app/child, app/supervisor/child and so on; a child
  // without an id (of simple_one_for_one) is named by its pid, and the name of an application alone is the
  // application. errc::not_found, errc::timeout (the operation goes on nevertheless), errc::refused: why
  // not.
  void start_application(std::string_view name, base::nanos timeout, std::function<void(base::status)> done);
  void stop_application(std::string_view name, base::nanos timeout, std::function<void(base::status)> done);
  // Stops the application or child if it runs, and starts it.
  void restart(std::string_view path, base::nanos timeout, std::function<void(base::status)> done);
  // Stops the application or child until restart() is called; its supervisor does not start it again.
  void terminate(std::string_view path, base::nanos timeout, std::function<void(base::status)> done);

  // Changes the tree to what the configuration says, whole or not at all, when its turn in the queue has
  // come.
  void apply(apply_request request, std::function<void(apply_outcome)> done);
  // Replaces plugins, all of them or none, when its turn in the queue has come. errc::limit: too many
  // changes wait. errc::exists: a request of the same kind waits. errc::refused, errc::timeout,
  // errc::not_found: nothing has changed, and the sentence says why.
  void reload(reload_request what, std::function<void(base::result<reload_report>)> done);
  // While the node drains it is not ready, and listeners that start accept nobody.
  void set_draining(bool on);

  // Enables or disables a job, and stores that. errc::not_found: no such job. errc::system: it is done, but
  // was not stored and will be lost at the next start.
  void switch_job(std::string_view name, bool on, std::function<void(base::status)> done);
  // When `done` is called: success, if there is a connection to the peer; otherwise the reason in words.
  void connect(std::string_view peer, base::nanos timeout, std::function<void(base::status)> done);
  // A peer of distribution.peers stays disconnected until connect() or the next apply.
  base::status disconnect(std::string_view peer);

 private:
  components& of_;
};

} // namespace coppice::node
