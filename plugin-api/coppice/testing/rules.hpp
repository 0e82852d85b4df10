// SPDX-License-Identifier: MIT
// Checks where host calls are made: in a callback of their actor, on its thread; in a callback that only
// computes, only some calls. A misplaced call is refused as in a node, and a sentence explains it: in the
// actor's journal, or in a separate list if no actor can be blamed. Header-only. Any thread.
#pragma once

#include <coppice/testing/world.hpp>

namespace coppice::testing::detail {

/// The actor whose callback runs on this thread; one actor's test may drive another one from inside a call.
inline thread_local world* current = nullptr;

/// Moves the complaints of other threads into the journal.
inline void hear(world& w) {
  const std::scoped_lock held(worlds.lock);
  std::ranges::move(w.overheard, std::back_inserter(w.did.complaints));
  w.overheard.clear();
}

/// One callback of an actor, from its call to its return.
class turn {
 public:
  turn(world& entered, const char* callback, bool computing)
      : world_(entered),
        outer_(std::exchange(current, &entered)),
        outer_callback_(entered.callback.exchange(callback)),
        outer_computing_(std::exchange(entered.computing, computing)) {
    latest = &entered;
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() {
    world_.computing = outer_computing_;
    world_.callback = outer_callback_;
    current = outer_;
    hear(world_);
  }

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
inline void complain(std::string text) {
  if (current != nullptr) return current->did.complaints.push_back(std::move(text));
  const std::scoped_lock held(worlds.lock);
  worlds.complaints.push_back(std::move(text));
}
/// Complains of the callback that runs on this thread.
inline void complain_of_callback(const std::string& function, std::string_view what) {
  complain("its " + std::string(current->callback.load()) + " called " + function + std::string(what));
}
/// Complains of a host call whose `self` is not the running actor.
inline void complain_of_self(world* self, const std::string& function) {
  if (current != nullptr) return complain_of_callback(function, " with another actor's self");
  const std::scoped_lock held(worlds.lock);
  if (!worlds.all.contains(self))
    return worlds.complaints.push_back(function + " was called with the self of an actor that is gone");
  const char* const running = self->callback;
  self->overheard.push_back(running == nullptr ? function + " was called outside of callbacks"
                                               : function + " was called while " + running +
                                                     " runs, but not on its thread and stack");
}
/// What a callback that only computes should do instead, in the node's words.
inline std::string_view advice_for(std::string_view callback) {
  if (callback == "create")
    return ", which is not allowed before init: use init, and after_restore for a state that is restored";
  if (callback == "format_status") return ", which is not allowed while a state is shown";
  if (callback == "validate" || callback == "apply" || callback == "apply_info" || callback == "handle_query")
    return ", which is not allowed there: that callback may only look";
  return ", which is allowed only after the switch: use after_restore";
}

/// Decides whether a host call that is allowed fails all the same: its status. Null: none does. See
/// coppice/testing/faults.hpp.
inline std::int32_t (*fault_of)(std::string_view function) = nullptr;

/// COPPICE_OK inside a callback of that actor. `function` is the host call's name with its interface's name.
inline std::int32_t may_look(coppice_actor* self, const char* function) {
  if (self == nullptr) return COPPICE_E_INVALID;
  if (of(self) == current) return COPPICE_OK;
  complain_of_self(of(self), function);
  return COPPICE_E_CONTEXT;
}
/// Where the effects of the running callback are noted. Null: they are not, and may_call() decides.
inline effect_notes* noting(coppice_actor* self) {
  return self == nullptr || of(self) != current || of(self)->dead ? nullptr : of(self)->noting;
}
/// As may_look(), where that callback may do more than compute.
inline std::int32_t may_call(coppice_actor* self, const char* function) {
  if (const std::int32_t status = may_look(self, function); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (w.dead) return COPPICE_E_EXITING;
  if (!w.computing) return fault_of == nullptr ? COPPICE_OK : fault_of(function);
  complain_of_callback(function, advice_for(w.callback.load()));
  if (w.refused.empty()) w.refused = w.did.complaints.back();
  return COPPICE_E_CONTEXT;
}

} // namespace coppice::testing::detail
