// SPDX-License-Identifier: MIT
// Refuses host calls that are made in a wrong place, and complains of them. Any thread.
#include <coppice/testing/rules.hpp>

namespace coppice::testing::detail {

namespace {

/// Complains of a host call whose `self` is not the running actor.
void complain_of_self(world* self, const std::string& function) {
  if (current != nullptr) return complain_of_callback(function, " with another actor's self");
  const std::scoped_lock held(worlds.lock);
  if (!worlds.all.contains(self))
    return worlds.complaints.push_back(function + " was called with the self of an actor that is gone");
  const char* const running = self->callback;
  self->overheard.push_back(running == nullptr ? function + " was called outside of callbacks"
                                               : function + " was called while " + running +
                                                     " runs, but not on its thread and stack");
}
/// The advice for a callback that only computes, in the node's words.
std::string_view advice_for(std::string_view callback) {
  if (callback == "create")
    return ", which is not allowed before init: use init, and after_restore for a state that is restored";
  if (callback == "format_status") return ", which is not allowed while a state is shown";
  if (callback == "validate" || callback == "apply" || callback == "apply_info" || callback == "handle_query")
    return ", which is not allowed there: that callback may only look";
  return ", which is allowed only after the switch: use after_restore";
}

} // namespace

void hear(world& w) {
  const std::scoped_lock held(worlds.lock);
  std::ranges::move(w.overheard, std::back_inserter(w.did.complaints));
  w.overheard.clear();
}

turn::turn(world& entered, const char* callback, bool computing)
    : world_(entered),
      outer_(std::exchange(current, &entered)),
      outer_callback_(entered.callback.exchange(callback)),
      outer_computing_(std::exchange(entered.computing, computing)) {
  latest = &entered;
}

turn::~turn() {
  world_.computing = outer_computing_;
  world_.callback = outer_callback_;
  current = outer_;
  hear(world_);
}

void complain(std::string text) {
  if (current != nullptr) return current->did.complaints.push_back(std::move(text));
  const std::scoped_lock held(worlds.lock);
  worlds.complaints.push_back(std::move(text));
}

void complain_of_callback(const std::string& function, std::string_view what) {
  complain("its " + std::string(current->callback.load()) + " called " + function + std::string(what));
}

std::int32_t may_look(coppice_actor* self, const char* function) {
  if (self == nullptr) return COPPICE_E_INVALID;
  if (of(self) == current) return COPPICE_OK;
  complain_of_self(of(self), function);
  return COPPICE_E_CONTEXT;
}

effect_notes* noting(coppice_actor* self) {
  return self == nullptr || of(self) != current || of(self)->dead ? nullptr : of(self)->noting;
}

std::int32_t may_call(coppice_actor* self, const char* function) {
  if (const std::int32_t status = may_look(self, function); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (w.dead) return COPPICE_E_EXITING;
  if (!w.computing) return fault_of == nullptr ? COPPICE_OK : fault_of(function);
  complain_of_callback(function, advice_for(w.callback.load()));
  if (w.refused.empty()) w.refused = w.did.complaints.back();
  return COPPICE_E_CONTEXT;
}

} // namespace coppice::testing::detail
