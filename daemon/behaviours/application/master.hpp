// SPDX-License-Identifier: MIT
// The process at the root of one application: it starts the top supervisor, tells the controller that it
// runs, ends with the reason the supervisor ended with, and stops it when told to or when its time is up.
// What the application's processes have started outside of the tree ends with the application.
// Each application has a process of its own, so that a slow start or stop does not hold up the others.
#pragma once

#include <memory>
#include <string>

#include "behaviours/application/application.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/supervisor.hpp"

namespace coppice::behaviours {

class application_master : public native_server {
 public:
  application_master(const application_spec& spec, std::shared_ptr<const supervision> shared);

  // Reads the notice that a master sends its parent: {application_started, Name, TopSupervisor}.
  static bool read_started(runtime::process& self, const runtime::message& m, std::string_view& name,
                           runtime::pid& top);
  // A notice to a master: its application is stopped when it has run for this time in all; 0: no limit.
  static runtime::message max_runtime_message(base::nanos time);

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
  void on_stop(runtime::process& self, const runtime::message& reason) override;

 private:
  runtime::message start_top(runtime::process& self); // empty: it runs; else why not
  void start_clock(runtime::process& self);
  // Kills the processes that are left of the application, and waits until they have ended.
  void end_rest(runtime::process& self) const;

  std::string name_;
  base::nanos max_runtime_;
  std::shared_ptr<const supervisor_spec> spec_;
  std::shared_ptr<const supervision> shared_;
  runtime::pid top_;        // null: not running
  base::nanos began_ = 0;   // monotonic
  std::uint64_t clock_ = 0; // the timer of max_runtime_; 0: none
};

} // namespace coppice::behaviours
