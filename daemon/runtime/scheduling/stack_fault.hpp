// SPDX-License-Identifier: MIT
// What happens when a handler overflows its stack: the fault in the guard pages is told on stderr with the
// process's pid and label, then the program dies of it as it would have. Other faults go to whoever handled
// them before. The handler needs a stack of its own, on each thread that runs handlers.
#pragma once

#include <csignal>
#include <cstddef>
#include <memory>

namespace coppice::runtime {

// Once a program; more often does nothing.
void tell_of_stack_faults();

// The calling thread's stack for signal handlers, until this ends. The same thread.
class signal_stack {
 public:
  signal_stack();
  ~signal_stack();
  signal_stack(const signal_stack&) = delete;
  signal_stack& operator=(const signal_stack&) = delete;

 private:
  static constexpr std::size_t size = 64 * 1024;
  std::unique_ptr<std::byte[]> memory_;
  stack_t before_{};
};

} // namespace coppice::runtime
