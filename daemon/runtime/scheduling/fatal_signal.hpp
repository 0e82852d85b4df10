// SPDX-License-Identifier: MIT
// What the program says before a signal ends it (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT): on stderr, which
// signal and where, and whose handler ran on that thread: process, callback, the head of what it was given.
// A handler that overflowed its stack is told as such. Then the program dies of it as it would have: whoever
// handled the signal before has it next. The handler needs a stack of its own, on each thread that runs
// handlers.
#pragma once

#include <csignal>
#include <cstddef>
#include <memory>

namespace coppice::runtime {

// Once a program; more often does nothing.
void tell_of_fatal_signals();

// From now on what it says is written to this descriptor, too, which stays open; -1: no more. One thread.
void keep_last_words(int descriptor);

// The calling thread's stack for signal handlers, until this ends. The same thread.
class signal_stack {
 public:
  signal_stack();
  ~signal_stack();
  signal_stack(const signal_stack&) = delete;
  signal_stack& operator=(const signal_stack&) = delete;

 private:
  static constexpr std::size_t size = 128 * 1024; // the backtrace takes some
  std::unique_ptr<std::byte[]> memory_;
  stack_t before_{};
};

} // namespace coppice::runtime
