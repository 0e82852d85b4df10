// SPDX-License-Identifier: MIT
// Checks where host calls are made: in a callback of their actor, on its thread; in a callback that only
// computes, only some calls. A misplaced call is refused as in a node, and a sentence explains it: in the
// actor's journal, or in a separate list if no actor can be blamed. Any thread.
#pragma once

#include <coppice/testing/world.hpp>

namespace coppice::testing::detail {

/// The actor whose callback runs on this thread; one actor's test may drive another one from inside a call.
inline thread_local world* current = nullptr;

/// Moves the complaints of other threads into the journal.
void hear(world& w);

/// One callback of an actor, from its call to its return.
class turn {
 public:
  turn(world& entered, const char* callback, bool computing);
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn();

 private:
  world& world_;
  world* const outer_;
  const char* const outer_callback_;
  const bool outer_computing_;
};

/// Code that runs beside the actor while one of its callbacks has not returned.
class beside {
 public:
  beside() : outer_(std::exchange(current, nullptr)) {}
  beside(const beside&) = delete;
  beside& operator=(const beside&) = delete;
  ~beside() { current = outer_; }

 private:
  world* const outer_;
};

/// Complains of the code that runs on this thread.
void complain(std::string text);
/// Complains of the callback that runs on this thread.
void complain_of_callback(const std::string& function, std::string_view what);

/// Decides whether a host call that is allowed fails all the same: its status. Null: none does. See
/// coppice/testing/faults.hpp.
inline std::int32_t (*fault_of)(std::string_view function) = nullptr;

/// COPPICE_OK inside a callback of that actor. `function` is the host call's name with its interface's name.
std::int32_t may_look(coppice_actor* self, const char* function);
/// Where the effects of the running callback are noted. Null: they are not, and may_call() decides.
effect_notes* noting(coppice_actor* self);
/// As may_look(), where that callback may do more than compute.
std::int32_t may_call(coppice_actor* self, const char* function);

} // namespace coppice::testing::detail
