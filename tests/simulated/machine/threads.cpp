// SPDX-License-Identifier: MIT
// Threads: pthread_create, join and detach, and yielding. They are libc's own threads, which wait for the
// baton before their first step and give it away at their last: in the destructor of a thread-local value
// that runs after all others (libc goes through those destructors four times).
#include "threads.hpp"

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <ctime>

#include "real.hpp"

namespace coppice::simulated {
namespace {

constexpr unsigned rounds_of_destructors = 3; // before the last one

pthread_key_t end_of_thread;

void ends(void* who) {
  auto& one = *static_cast<thread*>(who);
  if (++one.ending_rounds <= rounds_of_destructors)
    pthread_setspecific(end_of_thread, &one);
  else
    last_step_of(one);
}

void* run(void* who) {
  auto& one = *static_cast<thread*>(who);
  first_step_of(one);
  pthread_setspecific(end_of_thread, &one);
  return one.result = one.start(one.argument);
}

} // namespace

void prepare_threads() {
  pthread_key_create(&end_of_thread, &ends);
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int pthread_create(pthread_t* made, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
  static auto* const create =
      real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  if (current() == nullptr) return create(made, attributes, start, argument);
  thread& fresh = add_thread();
  fresh.start = start;
  fresh.argument = argument;
  const int trouble = create(&fresh.real, attributes, &run, &fresh);
  if (trouble != 0) {
    fresh.is = thread::state::over;
    return trouble;
  }
  *made = fresh.real;
  note("thread", fresh.number, fresh.host);
  await_arrival(fresh);
  point();
  return 0;
}

int pthread_join(pthread_t which, void** result) {
  static auto* const join = real<int(pthread_t, void**)>("pthread_join");
  if (current() == nullptr) return join(which, result);
  thread* const one = find_thread(which);
  if (one == nullptr || one->detached) return ESRCH;
  point();
  while (one->is != thread::state::over) wait(one, never);
  one->joined = true;
  return join(which, result);
}

int pthread_detach(pthread_t which) noexcept {
  static auto* const detach = real<int(pthread_t)>("pthread_detach");
  if (current() == nullptr) return detach(which);
  thread* const one = find_thread(which);
  if (one == nullptr) return ESRCH;
  one->detached = true;
  one->joined = one->is == thread::state::over;
  return detach(which);
}

int sched_yield() noexcept {
  if (current() != nullptr) yield();
  return 0;
}

int pthread_getcpuclockid(pthread_t which, clockid_t* clock) noexcept {
  const thread* const one = current() == nullptr ? nullptr : find_thread(which);
  if (one == nullptr) return ENOENT;
  *clock = -1000 - static_cast<clockid_t>(one->number);
  return 0;
}

} // extern "C"
