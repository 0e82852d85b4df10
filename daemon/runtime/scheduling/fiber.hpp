// SPDX-License-Identifier: MIT
// A stack of its own, and switching between stacks: the one file that knows Boost.Context, the sanitizers'
// fiber interfaces and the C++ runtime's exception globals (each stack has its own pending exceptions). A
// stack has guard pages below; overflowing it is a fault there. A fiber is driven by one thread at a time
// and stays with its worker.
#pragma once

#include <cstddef>
#include <memory>

#include "base/error.hpp"

namespace coppice::runtime {

class fiber {
 public:
  // The entry never returns; it switches away for the last time.
  using entry_fn = void (*)(void* argument);

  // With a new stack of at least `stack_bytes`. errc::limit or errc::system when the machine has no room.
  static base::result<std::unique_ptr<fiber>> make(std::size_t stack_bytes, entry_fn entry, void* argument);
  // For the stack the calling thread runs on.
  static std::unique_ptr<fiber> of_thread();
  ~fiber();
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;

  // Suspends the calling code, which runs on `this`, and continues `to`. Returns when someone switches
  // back. noexcept: an exception never crosses.
  void switch_to(fiber& to) noexcept;

  // Whether an address is in the guard pages of this stack.
  bool guards(const void* address) const;
  // Whether each stack costs two of the mappings that the kernel allows a process, or next to none.
  static bool guards_are_mappings();
  std::size_t stack_bytes() const { return size_; }

  fiber* next = nullptr; // link in the worker's pool
  std::size_t place = 0; // in the worker's list of all its stacks

 private:
  fiber() = default;
  struct trampoline;

  void* context_ = nullptr;
  std::byte* mapping_ = nullptr; // guard page first; null: the thread's own stack
  std::size_t size_ = 0;         // of the usable part
  entry_fn entry_ = nullptr;
  void* argument_ = nullptr;
  void* caught_ = nullptr; // __cxa_eh_globals of the suspended code
  unsigned uncaught_ = 0;
  // For the address sanitizer, and the thread sanitizer.
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] const void* stack_bottom_ = nullptr;
  [[maybe_unused]] void* sanitizer_fiber_ = nullptr;
};

} // namespace coppice::runtime
