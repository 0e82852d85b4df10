// SPDX-License-Identifier: MIT
// Sends messages to processes, here or on other nodes, whose mailboxes may be full. Messages are kept in
// order and tried again after a growing pause. add() may be called in libuv's callbacks, everything else in
// the process's turns. The caller bounds what is kept: it adds nothing more while much is kept.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class patient_sender {
 public:
  // `self` outlives it. `retry`: an atom that names the timer's notice; no other notice of the process has
  // it.
  patient_sender(runtime::process& self, std::string_view retry) : self_(self), retry_(retry) {}

  void add(const runtime::pid& to, runtime::message m) { kept_.emplace_back(to, std::move(m)); }
  bool empty() const { return kept_.empty(); }
  void clear() { kept_.clear(); }

  // Sends what the mailboxes have room for.
  void hand_on();
  // Takes a notice of the process. False: it is not this sender's timer.
  bool take_retry(const runtime::message& m);

 private:
  runtime::process& self_;
  const std::string_view retry_;
  std::vector<std::pair<runtime::pid, runtime::message>> kept_;
  base::nanos pause_ = 0;     // before the next try
  bool is_retry_due_ = false; // a timer runs
};

} // namespace coppice::behaviours
