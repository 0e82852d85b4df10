// SPDX-License-Identifier: MIT
// A runtime that a target keeps over its inputs, and runs one turn in for each. Included once in a program.
// rooms: runtime
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "script.hpp"

namespace coppice::fuzz {

inline runtime::system_options small_system() {
  runtime::system_options out;
  out.node_name = "fuzz@localhost";
  out.creation = 4;
  out.workers = 2;
  out.stack_bytes *= 4; // stack frames are several times as large under sanitizers
  return out;
}

class one_turn final : public runtime::behaviour {
 public:
  explicit one_turn(std::function<void(runtime::process&)> work) : work_(std::move(work)) {}
  runtime::outcome init(runtime::process& self) override {
    work_(self);
    return runtime::stop(runtime::reasons::normal());
  }
  runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "one_turn"; }

 private:
  std::function<void(runtime::process&)> work_;
};

// Runs `work` as the first turn of a new process that traps exits; returns when it has returned.
inline void run_in_process(runtime::system& system, const std::function<void(runtime::process&)>& work) {
  std::promise<void> done;
  runtime::spawn_options how;
  how.trap_exit = true;
  const auto made = system.spawn(std::move(how), std::make_unique<one_turn>([&](runtime::process& self) {
                                   work(self);
                                   done.set_value();
                                 }));
  check(made.has_value());
  done.get_future().get();
}

} // namespace coppice::fuzz

// The runtime's threads use stacks of its own, where the leak checker does not look for pointers.
extern "C" const char* __lsan_default_options() {
  return "detect_leaks=0";
}
