// SPDX-License-Identifier: MIT
// A stack, and switching between stacks. Only fiber.cpp and fiber_switch.hpp know Boost.Context, the
// sanitizers' fiber interfaces and the C++ runtime's exception globals (each stack has its own pending
// exceptions). Below a stack are guard pages, where an overflow faults. One thread at a time drives a fiber;
// it belongs to one worker at a time.
#pragma once

#include <cstddef>
#include <memory>

#include "base/error.hpp"

namespace coppice::runtime {

class fiber {
 public:
  // The entry function never returns; at last it switches away for good.
  using entry_fn = void (*)(void* argument);

  // Makes a new stack of at least `stack_bytes`. errc::limit or errc::system: the machine has no room.
  static base::result<std::unique_ptr<fiber>> make(std::size_t stack_bytes, entry_fn entry, void* argument);
  // For the stack on which the calling thread runs.
  static std::unique_ptr<fiber> of_thread();
  ~fiber();
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;

  // Suspends the calling code, which has to run on `this`, and continues `to`. Returns when another fiber
  // switches back. noexcept: no exception crosses. A caller includes fiber_switch.hpp.
  inline void switch_to(fiber& to) noexcept;

  // Whether the address is in the guard pages of this stack.
  bool guards(const void* address) const;
  // True: each stack needs two of the memory mappings that the kernel allows a process. False: about none.
  static bool guards_are_mappings();
  std::size_t stack_bytes() const { return size_; }

  fiber* next = nullptr; // link in the worker's pool
  std::size_t place = 0; // index in the worker's list of its stacks

 private:
  fiber() = default;
  struct trampoline;

  void* context_ = nullptr;
  std::byte* mapping_ = nullptr; // guard pages first; null: the thread's own stack
  std::size_t size_ = 0;         // of the usable part
  entry_fn entry_ = nullptr;
  void* argument_ = nullptr;
  void* caught_ = nullptr; // __cxa_eh_globals of the suspended code
  unsigned uncaught_ = 0;
  // For the address sanitizer and the thread sanitizer.
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] const void* stack_bottom_ = nullptr;
  [[maybe_unused]] void* sanitizer_fiber_ = nullptr;
};

} // namespace coppice::runtime
