// SPDX-License-Identifier: MIT
// Mutexes, conditions, read-write locks, semaphores and initialisations that run once. The state of each is
// in the object's own memory, so static initialisers work here too: all but a mutex's kind are zeros. Before
// the machine runs there is one thread, and nothing has to wait.
#include <pthread.h>
#include <semaphore.h>

#include <cerrno>
#include <ctime>

#include "machine.hpp"
#include "waits.hpp"

namespace coppice::simulated {
namespace {

constexpr int kind_mask = 3; // of a mutex: PTHREAD_MUTEX_RECURSIVE and so on

// The thread's number in a lock's word. 0 in the word: no thread has the lock.
int mark() {
  const thread* const self = current();
  return self == nullptr ? 1 : static_cast<int>(self->number) + 2;
}

void count_held(int by) {
  if (thread* const self = current()) self->holds += static_cast<unsigned>(by);
}

int take(pthread_mutex_t& one, bool waits) {
  point();
  auto& state = one.__data;
  if (state.__lock == mark()) {
    const int kind = state.__kind & kind_mask;
    if (kind == PTHREAD_MUTEX_RECURSIVE) {
      ++state.__count;
      return 0;
    }
    if (!waits) return EBUSY;
    if (kind == PTHREAD_MUTEX_ERRORCHECK) return EDEADLK;
    give_up("a thread waits for a mutex that it holds");
  }
  while (state.__lock != 0) {
    if (!waits) return EBUSY;
    wait(&one, never);
  }
  state.__lock = mark();
  state.__count = 1;
  count_held(1);
  return 0;
}

void let_go(pthread_mutex_t& one) {
  auto& state = one.__data;
  if (state.__lock == 0) give_up("a mutex is unlocked that nobody holds");
  if (--state.__count > 0) return;
  state.__lock = 0;
  count_held(-1);
  if (current() != nullptr) wake_one(&one);
}

struct condition {
  clockid_t clock; // CLOCK_REALTIME is 0
};

struct shared_lock {
  int readers;
  int writer; // mark() of the writing thread; 0: none
};

struct semaphore {
  unsigned value;
};

template <class State, class Object>
State& state_of(Object& one) {
  static_assert(sizeof(State) <= sizeof(Object));
  return *reinterpret_cast<State*>(&one);
}

int wait_on(pthread_cond_t& on, pthread_mutex_t& with, nanos deadline) {
  const unsigned depth = with.__data.__count;
  with.__data.__count = 1;
  let_go(with);
  const bool woken = wait(&on, deadline);
  take(with, true);
  with.__data.__count = depth;
  return woken ? 0 : ETIMEDOUT;
}

int share(pthread_rwlock_t& one, bool waits) {
  point();
  auto& state = state_of<shared_lock>(one);
  while (state.writer != 0) {
    if (!waits) return EBUSY;
    wait(&one, never);
  }
  ++state.readers;
  count_held(1);
  return 0;
}

int own(pthread_rwlock_t& one, bool waits) {
  point();
  auto& state = state_of<shared_lock>(one);
  while (state.writer != 0 || state.readers > 0) {
    if (!waits) return EBUSY;
    wait(&one, never);
  }
  state.writer = mark();
  count_held(1);
  return 0;
}

enum once_state : int { fresh = 0, running = 1, done = 2 };

} // namespace
} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int pthread_mutex_lock(pthread_mutex_t* one) noexcept {
  return take(*one, true);
}

int pthread_mutex_trylock(pthread_mutex_t* one) noexcept {
  return take(*one, false);
}

int pthread_mutex_unlock(pthread_mutex_t* one) noexcept {
  let_go(*one);
  point();
  return 0;
}

int pthread_condattr_init(pthread_condattr_t* one) noexcept {
  state_of<int>(*one) = CLOCK_REALTIME;
  return 0;
}

int pthread_condattr_setclock(pthread_condattr_t* one, clockid_t clock) noexcept {
  state_of<int>(*one) = clock;
  return 0;
}

int pthread_condattr_destroy(pthread_condattr_t*) noexcept {
  return 0;
}

int pthread_cond_init(pthread_cond_t* one, const pthread_condattr_t* attributes) noexcept {
  *one = PTHREAD_COND_INITIALIZER;
  if (attributes != nullptr) state_of<condition>(*one).clock = *reinterpret_cast<const int*>(attributes);
  return 0;
}

int pthread_cond_destroy(pthread_cond_t*) noexcept {
  return 0;
}

int pthread_cond_signal(pthread_cond_t* one) noexcept {
  if (current() == nullptr) return 0;
  wake_one(one);
  point();
  return 0;
}

int pthread_cond_broadcast(pthread_cond_t* one) noexcept {
  if (current() == nullptr) return 0;
  wake_all(one);
  point();
  return 0;
}

int pthread_cond_wait(pthread_cond_t* on, pthread_mutex_t* with) {
  return wait_on(*on, *with, never);
}

int pthread_cond_clockwait(pthread_cond_t* on, pthread_mutex_t* with, clockid_t clock,
                           const timespec* until) {
  return wait_on(*on, *with, on_monotonic(clock, to_nanos(*until)));
}

int pthread_cond_timedwait(pthread_cond_t* on, pthread_mutex_t* with, const timespec* until) {
  return pthread_cond_clockwait(on, with, state_of<condition>(*on).clock, until);
}

int pthread_rwlock_init(pthread_rwlock_t* one, const pthread_rwlockattr_t*) noexcept {
  *one = PTHREAD_RWLOCK_INITIALIZER;
  return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t*) noexcept {
  return 0;
}

int pthread_rwlock_rdlock(pthread_rwlock_t* one) noexcept {
  return share(*one, true);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t* one) noexcept {
  return share(*one, false);
}

int pthread_rwlock_wrlock(pthread_rwlock_t* one) noexcept {
  return own(*one, true);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t* one) noexcept {
  return own(*one, false);
}

int pthread_rwlock_unlock(pthread_rwlock_t* one) noexcept {
  auto& state = state_of<shared_lock>(*one);
  if (state.writer == mark())
    state.writer = 0;
  else
    --state.readers;
  count_held(-1);
  if (current() != nullptr && state.readers == 0) wake_all(one);
  point();
  return 0;
}

int sem_init(sem_t* one, int, unsigned value) noexcept {
  state_of<semaphore>(*one).value = value;
  return 0;
}

int sem_destroy(sem_t*) noexcept {
  return 0;
}

int sem_post(sem_t* one) noexcept {
  ++state_of<semaphore>(*one).value;
  if (current() != nullptr) wake_one(one);
  point();
  return 0;
}

int sem_wait(sem_t* one) {
  point();
  while (state_of<semaphore>(*one).value == 0) wait(one, never);
  --state_of<semaphore>(*one).value;
  return 0;
}

int sem_trywait(sem_t* one) noexcept {
  point();
  if (state_of<semaphore>(*one).value == 0) {
    errno = EAGAIN;
    return -1;
  }
  --state_of<semaphore>(*one).value;
  return 0;
}

int pthread_once(pthread_once_t* one, void (*what)()) {
  point();
  thread* const self = current();
  while (*one == running) {
    if (self == nullptr) give_up("what runs once asks for itself");
    wait(one, never);
  }
  if (*one == done) return 0;
  *one = running;
  if (self != nullptr) {
    ++self->in_once;
    ++self->holds;
  }
  struct ending {
    pthread_once_t& one;
    thread* self;
    int becomes = fresh;
    ~ending() {
      one = becomes;
      if (self == nullptr) return;
      --self->in_once;
      --self->holds;
      wake_all(&one);
    }
  } ends{*one, self};
  what();
  ends.becomes = done;
  return 0;
}

int pthread_barrier_init(pthread_barrier_t*, const pthread_barrierattr_t*, unsigned) noexcept {
  not_simulated("pthread_barrier_init");
}

int pthread_barrier_wait(pthread_barrier_t*) noexcept {
  not_simulated("pthread_barrier_wait");
}

int pthread_barrier_destroy(pthread_barrier_t*) noexcept {
  not_simulated("pthread_barrier_destroy");
}

} // extern "C"
