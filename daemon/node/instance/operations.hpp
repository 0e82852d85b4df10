// SPDX-License-Identifier: MIT
// What operators do to a running node: to its tree, its configuration, its plugins, its jobs and its
// connections. Each `done` is called once, on any thread, and must not wait; `timeout` is in ns,
// runtime::no_deadline: it waits for ever. Any thread; no function waits. The node outlives this.
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

  // To applications and to children, PATH being app/child, app/supervisor/child and so on; a child without an
  // id (of simple_one_for_one) goes by its pid. errc::not_found, errc::timeout (it goes on nevertheless),
  // errc::refused: why not. A PATH of one application means it.
  void start_application(std::string_view name, base::nanos timeout, std::function<void(base::status)> done);
  void stop_application(std::string_view name, base::nanos timeout, std::function<void(base::status)> done);
  // Stops it if it runs, and starts it.
  void restart(std::string_view path, base::nanos timeout, std::function<void(base::status)> done);
  // Stops it until it is restarted; its supervisor does not start it again.
  void terminate(std::string_view path, base::nanos timeout, std::function<void(base::status)> done);

  // Makes the tree what the configuration says, whole or not at all, when its turn has come.
  void apply(apply_request request, std::function<void(apply_outcome)> done);
  // Replaces plugins, all of them or none, when its turn has come. errc::limit, too many changes wait;
  // errc::exists, one of its kind does; errc::refused, errc::timeout, errc::not_found: nothing has changed,
  // and why.
  void reload(reload_request what, std::function<void(base::result<reload_report>)> done);
  // While the node drains it is not ready.
  void set_draining(bool on);

  // Enables a job or disables it, and has that written down. errc::not_found; errc::system: it is so, but
  // will not be after the next start.
  void switch_job(std::string_view name, bool on, std::function<void(base::status)> done);
  // Whether there is a connection to the peer when `done` is called, and if not why, in words.
  void connect(std::string_view peer, base::nanos timeout, std::function<void(base::status)> done);
  // A peer of distribution.peers stays disconnected until connect() or the next apply.
  base::status disconnect(std::string_view peer);

 private:
  components& of_;
};

} // namespace coppice::node
