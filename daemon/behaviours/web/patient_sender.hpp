// SPDX-License-Identifier: MIT
// Messages to processes whose mailboxes may be full, here or on other nodes: they are kept in their order,
// and tried again after a pause that grows. Below libuv they are only added; the rest is in the process's
// turn. Who adds bounds what is kept, by adding nothing more while there is much.
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
  // `self` outlives it. `retry`: an atom, of which its process's notices are no other.
  patient_sender(runtime::process& self, std::string_view retry) : self_(self), retry_(retry) {}

  void add(const runtime::pid& to, runtime::message m) { kept_.emplace_back(to, std::move(m)); }
  bool empty() const { return kept_.empty(); }
  void clear() { kept_.clear(); }

  // Sends what there is room for.
  void hand_on();
  // A notice of the process: false, it is not the time to try again.
  bool take_retry(const runtime::message& m);

 private:
  runtime::process& self_;
  const std::string_view retry_;
  std::vector<std::pair<runtime::pid, runtime::message>> kept_;
  base::nanos pause_ = 0;     // before it is tried again at a full mailbox
  bool is_retry_due_ = false; // a timer runs
};

} // namespace coppice::behaviours
