// SPDX-License-Identifier: MIT
// What the program writes to stderr before a signal ends it (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT): the
// signal and the place; if a handler ran on that thread, its process, its callback, and the head of its
// argument. An overflowed stack is named as such. Then the program dies of the signal as it would have: the
// signal goes to the handler that was there before. A signal handler needs a stack of its own on each thread
// that runs processes. A handler that calls exit() is named in the same way before the program ends.
#pragma once

#include <csignal>
#include <cstddef>
#include <memory>

namespace coppice::runtime {

// Once a program; further calls do nothing.
void tell_of_fatal_signals();

// Also writes the text to this descriptor, which stays open. -1: no longer. One thread.
void keep_last_words(int descriptor);

// A stack for signal handlers of the calling thread, as long as this object lives. Made and ended by that
// thread.
class signal_stack {
 public:
  signal_stack();
  ~signal_stack();
  signal_stack(const signal_stack&) = delete;
  signal_stack& operator=(const signal_stack&) = delete;

 private:
  static constexpr std::size_t size = 128 * 1024; // the backtrace needs much of it
  std::unique_ptr<std::byte[]> memory_;
  stack_t before_{};
};

} // namespace coppice::runtime
