// SPDX-License-Identifier: MIT
// Registers names with `global` for processes of this node: one change after the other, each while global's
// lock is held on every node of the partition, and sent to all of them at once. Does the work of OTP's
// registrar process. It waits while it works, so it is its own process. In the process's own turn.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

class global_registrar : public runtime::behaviour {
 public:
  // The notice that it receives: {From, Request}; Request is {register_name | re_register_name, Name, Pid,
  // Method} or {unregister_name, Name}. From is answered `yes`, `no` or `ok` as in OTP, or {error, timeout}
  // if another node held the lock for 30 s.
  static runtime::message order(const runtime::message& from, etf::bytes request);

  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  void describe(runtime::description& out) const override { out.behaviour = "global_registrar"; }

 private:
  using destinations = std::vector<runtime::destination>;

  // Every node of the partition, with the lock held. Empty: the deadline passed.
  destinations lock_all(runtime::process& self, base::nanos deadline) const;
  bool lock(runtime::process& self, const destinations& at) const;
  // `patience_of_each`: for a node's answer. 0: none is waited for.
  void unlock(runtime::process& self, const destinations& at, base::nanos patience_of_each) const;
  runtime::message change(runtime::process& self, etf::bytes request, const destinations& everyone) const;
};

} // namespace coppice::services
