// SPDX-License-Identifier: MIT
// "coppice.work/1": blocking work and fairness. Work on the pool keeps the plugin's code in memory. If the
// actor is killed meanwhile, the side that finishes last gives the context up. In the process's own turn.
#include <algorithm>
#include <atomic>
#include <memory>

#include "base/border.hpp"
#include "base/heap_account.hpp"
#include "host/boundary/entry.hpp"

namespace coppice::host {
namespace {

using work_pin = image_pin_for<pin_of::work>;

// A piece of work, owned by the side that finishes last.
struct job {
  job(void (*function_)(void*), void (*abandon_)(void*), void* context_, work_pin pin_)
      : function(function_), abandon(abandon_), context(context_), pin(std::move(pin_)) {}

  void (*function)(void*);
  void (*abandon)(void*);
  void* context;
  work_pin pin;
  bool threw = false; // read after it has returned
  std::atomic<bool> one_side_done{false};

  // True for the last side.
  bool last() { return one_side_done.exchange(true, std::memory_order_acq_rel); }
};

std::int32_t give_up(void (*abandon)(void*), void* context, std::int32_t status) {
  if (abandon != nullptr) base::contained("abandon() of a plugin's blocking_run", [&] { abandon(context); });
  return status;
}

std::int32_t blocking_run(coppice_actor* self, void (*function)(void*), void* context,
                          void (*abandon)(void*)) {
  if (function == nullptr) return give_up(abandon, context, COPPICE_E_INVALID);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK)
    return give_up(abandon, context, status);
  auto made = std::make_unique<job>(function, abandon, context, work_pin(*self->image.get()));
  job* const shared = made.get();
  const auto done = self->process->blocking_run([shared] {
    const base::heap::charge to(shared->pin->charged());
    shared->threw =
        !base::contained("a plugin's blocking_run", [shared] { shared->function(shared->context); });
    if (!shared->last()) return;
    const std::unique_ptr<job> owned(shared);
    give_up(owned->abandon, owned->context, COPPICE_OK);
  });
  if (done) return shared->threw ? give_up(abandon, context, COPPICE_E_EXCEPTION) : COPPICE_OK;
  if (done.error().code != base::errc::closed)
    return give_up(abandon, context, COPPICE_E_MEMORY); // the queue did not take it
  if (shared->last()) return give_up(abandon, context, COPPICE_E_EXITING);
  made.release(); // it still runs: the pool's side frees it
  return COPPICE_E_EXITING;
}

void reductions(coppice_actor* self, std::uint64_t count) {
  if (may_call(self) != COPPICE_OK) return;
  self->process->reductions(static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX / 2)));
}

std::int32_t should_yield(coppice_actor* self) {
  return may_call(self) == COPPICE_OK && self->process->should_yield() ? 1 : 0;
}

std::int32_t yield(coppice_actor* self) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  self->process->yield();
  return self->process->exiting() ? COPPICE_E_EXITING : COPPICE_OK;
}

std::int32_t sleep_until(coppice_actor* self, std::int64_t deadline) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  // No process sends this answer: only the deadline or the actor's death ends the wait.
  const runtime::reference nobody = self->process->make_ack();
  const auto ended = self->process->await(nobody, deadline);
  if (ended) return COPPICE_OK;
  using kind = runtime::await_error::kind;
  if (ended.error().what == kind::exiting) return COPPICE_E_EXITING;
  return ended.error().what == kind::timeout ? COPPICE_OK : COPPICE_E_MEMORY;
}

} // namespace

const coppice_work_api* work_interface() {
  static const coppice_work_api table = {
      .size = sizeof(coppice_work_api),
      .reserved = 0,
      .blocking_run = &entry<&blocking_run>::call,
      .reductions = &entry<&reductions>::call,
      .should_yield = &entry<&should_yield>::call,
      .yield = &entry<&yield>::call,
      .sleep_until = &entry<&sleep_until>::call,
  };
  return &table;
}

} // namespace coppice::host
